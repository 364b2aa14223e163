// Resampling with a triangle filter in fixed point, equal to Pillow's BILINEAR to the last bit.
#pragma once

#include <cstdint>

#include "runtime/image/image.h"

namespace godwit::image {

// A rectangle of pixels; may reach beyond the picture it is taken from.
struct Window {
  std::int64_t left = 0, top = 0;
  int width = 0, height = 0;
};

// The window of what `image` becomes when resized to width × height; pixels outside of that are 0. Only the
// rows and columns that the window needs are computed.
Image resize_window(const Image& image, std::int64_t width, std::int64_t height, const Window& window);

}  // namespace godwit::image
