// Where the rows of A lie when a convolution is a GEMM: pointers to the pixels under each tap, whatever the
// numbers are.
#pragma once

#include <cstddef>
#include <cstdint>

#include "ops/algorithms/conv_geometry.h"

namespace godwit::ops {

// An nhwc tensor as bytes.
struct Pixels {
  const void* data = nullptr;    // (N, H, W) pixels
  std::int64_t pixel_bytes = 0;  // from one to the next
  const void* border = nullptr;  // what a pixel outside of the image looks like
  std::int64_t first_line = 0;   // of (N, H), that data begins with
};

// pointers[t * count + r] = the pixel under tap t of output pixel row + r, t over (kh, kw).
void fill_taps(const ConvGeometry& geometry, const Pixels& src, std::int64_t row, int count,
               const void** pointers);

// pointers: (kh, columns), the pixels from output column ow's first tap on along output row `line` of all
// images; neighbours are a dilation apart.
void fill_block(const ConvGeometry& geometry, const Pixels& src, std::int64_t line, std::int64_t ow,
                std::int64_t columns, const void** pointers);

// An image with its borders in memory, so that a whole row of the kernel is one run of pixels.
struct PaddedImage {
  explicit PaddedImage(const ConvGeometry& geometry);
  std::int64_t height = 0, width = 0;
};
// pointers[t * count + r] = the first pixel of kernel row t of output pixel row + r; src.data: (N, height,
// width).
void fill_kernel_rows(const ConvGeometry& geometry, const PaddedImage& image, const Pixels& src,
                      std::int64_t row, int count, const void** pointers);

}  // namespace godwit::ops
