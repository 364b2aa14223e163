// Pixels as a PNG file.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

namespace godwit::image {

// 8-bit pixels to be written: RGB, gray, or places in a palette.
struct PngPixels {
  int width = 0, height = 0;
  int channels = 3;                                  // 3: RGB; 1: gray, or with a palette places in it
  std::vector<std::uint8_t> values;                  // (height, width, channels)
  std::vector<std::array<std::uint8_t, 3>> palette;  // at most 256 colours; empty: none
};

// The whole file. Throws Error for an image without pixels, values that do not fill it, and a place beyond
// the palette.
std::string encode_png(const PngPixels& pixels);

// The colour of each class, as PASCAL VOC numbers them: black for 0, then far from each other.
std::vector<std::array<std::uint8_t, 3>> class_palette(int classes);

}  // namespace godwit::image
