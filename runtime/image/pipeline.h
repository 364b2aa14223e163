// The way from an image to a network's input, as data: presets, and descriptions in JSON.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "runtime/cpu.h"
#include "runtime/image/depth.h"
#include "runtime/image/image.h"

namespace godwit::image {

// Bilinear and bicubic are stretched by the scale when shrinking ("antialiased"), as Pillow's are; nearest
// takes one pixel.
enum class Filter : std::uint8_t { bilinear, bicubic, nearest };

std::string_view name_of(Filter filter);

enum class ChannelOrder : std::uint8_t { rgb, bgr };

// An image of `channels` channels: three colours, or the gray that Pillow's convert("L") makes of them.
// dst = (pixel * scale - mean[c]) / stddev[c], c in the order of the network's channels; the product, the
// difference and the quotient are each rounded to float. With scale 1/255 as a double the product is bit for
// bit pixel / 255.
struct Pipeline {
  std::string name;  // preset's name or the JSON file's path
  int resize = 256;  // short side; 0: no resize
  int crop = 224;    // centre crop; 0: none
  int channels = 3;  // or 1
  Filter filter = Filter::bilinear;
  ChannelOrder order = ChannelOrder::rgb;
  Depth depth = Depth::pillow;
  double scale = 1.0;
  std::array<float, 3> mean{0, 0, 0};
  std::array<float, 3> stddev{1, 1, 1};

  // Elements of the tensor of one image.
  std::size_t elements() const {
    return static_cast<std::size_t>(channels) * static_cast<std::size_t>(crop) *
           static_cast<std::size_t>(crop);
  }
};

struct Preset {
  std::string_view name;
  std::string_view sentence;
};
// torch, torch-v2, caffe, tf.
std::span<const Preset> presets();

// Makes a pipeline of a preset's name or the path of a JSON file. Its keys are any of resize, crop, filter,
// channels, order ("rgb"/"bgr"), scale, mean, std, depth ("pillow", "scale" or 8 to 16), and optionally
// "preset" as a base. Throws Error naming the known presets, or file and key.
Pipeline pipeline(const std::string& preset_or_file);
// Makes a pipeline of JSON text or a preset's name, as the metadata entry godwit.preprocess holds it.
// `source` names it in errors.
Pipeline pipeline_from_text(const std::string& text, const std::string& source);

// The depth of this name or number of bits; nullopt for any other.
std::optional<Depth> parse_depth(std::string_view text);

struct PreprocessOptions {
  DecodeLimits limits = {};
  bool exif = false;  // turn images upright as their EXIF metadata say; torchvision does not
  // JPEG decoded at 1/2, 1/4 or 1/8 of its size where that still is no smaller than the resized image:
  // faster, and other pixels than Pillow's.
  bool fast = false;
  std::optional<Depth> depth = {};  // in place of the pipeline's
  Isa isa = best_isa();             // at most; results do not depend on it
};

}  // namespace godwit::image
