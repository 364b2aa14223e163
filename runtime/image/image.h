// Images as pixels: what the decoders give and the resizer takes.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace godwit::image {

// Height and width in pixels; one number stands for a square.
struct Size {
  int height = 0, width = 0;

  constexpr Size() = default;
  constexpr Size(int side) : height(side), width(side) {}
  constexpr Size(int rows, int columns) : height(rows), width(columns) {}
  constexpr bool empty() const { return height <= 0 || width <= 0; }
  constexpr bool operator==(const Size&) const = default;
};

// 8-bit RGB, rows from top to bottom without padding. (height, width, 3)
struct Image {
  int width = 0;
  int height = 0;
  std::vector<std::uint8_t> pixels;
};

struct DecodeLimits {
  std::int64_t max_pixels = 100'000'000;
  int max_scans = 100;  // of a progressive JPEG
  std::int64_t max_file_bytes = 512LL << 20;
};

// Reads a file of any format in the table of decoders (runtime/image/decoder.h); its first bytes decide which
// one, not its name. Pixels are those of Pillow's convert("RGB"): gray is repeated, CMYK and YCCK are
// converted, palettes are looked up, alpha is dropped. 16-bit samples keep their high byte, but 16-bit gray
// is cut off at 255. Throws Error naming the path: absent, not a regular file, no known format, damaged, past
// a limit.
Image read_image(const std::string& path, const DecodeLimits& limits = {});

}  // namespace godwit::image
