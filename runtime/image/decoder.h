// Image formats as a table: how a file is told from others, and how it is opened.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/image/rows.h"

namespace godwit::image {

struct Decoder {
  std::string_view name;                         // "JPEG"
  std::span<const std::string_view> extensions;  // ".jpg", in lower case: which files of a folder are images
  // By the file's first bytes; its name says nothing.
  bool (*recognises)(std::span<const std::byte> file);
  // Reads the header. `file` outlives what comes back. Throws Error: damaged, past a limit.
  std::unique_ptr<Rows> (*open)(std::span<const std::byte> file, const DecodeLimits& limits);
};

// All decoders of this build.
std::span<const Decoder* const> decoders();

// The one for this file. Throws Error, naming the formats, where it is empty or of none of them.
const Decoder& decoder_of(std::span<const std::byte> file);

// True for "a/B.JPG": the name ends as those of some decoder do, in upper or lower case.
bool has_image_extension(std::string_view path);
// ".jpg, .jpeg or .png".
std::string image_extensions();

// An image with its samples as they are stored, for those whose 16 bits matter.
struct Samples {
  int width = 0, height = 0;
  SampleFormat format;
  std::vector<std::uint16_t> values;  // (height, width, format.channels)
};
// Throws Error as read_image().
Samples read_samples(const std::string& path, const DecodeLimits& limits = {});

}  // namespace godwit::image
