// Arguments of depthwise convolutions.
#pragma once

#include <cstdint>

#include "ops/kernels/quantized_finish.h"

namespace godwit::ops {

// One output pixel of a depthwise convolution, all channels: dst[c] = clamp(sum over t of src[t][c] *
// weights[t][c] + bias[c]). src and dst here and below are of the kernel's dtype, an f32 or 16-bit float.
struct DepthwisePixel {
  const void* const* src;  // taps pointers to `channels` elements each
  const float* weights;    // (taps, channels)
  const float* bias;       // channels, or null
  void* dst;
  std::int64_t taps;
  std::int64_t channels;
  float minimum, maximum;
};
using DepthwiseKernel = void(const DepthwisePixel& pixel);

// Channels [first, last) of one line of the result of a square kernel whose groups have as many channels
// before as behind: one each (depthwise), or a few. `first` is a multiple of every ISA's vectors, and so is
// `last` unless it is `channels`. Taps outside of the image are left out. The sizes of kernel and group and
// the stride along the line are the function's own.
struct ConvLine {
  const void* src;           // pixel 0 of the first input line that is read: the one under row first_row
  std::int64_t line_stride;  // elements from it to the line under the kernel's next row
  std::int64_t first_row, last_row;  // rows of the kernel that lie inside of the image
  // Depthwise: (kernel * kernel, channels). In groups: for each vector of the result's channels (kernel rows,
  // channels of a group, kernel columns, vector), the last one filled up with zeros.
  const float* weights;
  const float* bias;  // channels, or null
  void* dst;          // (pixels, channels)
  std::int64_t channels;
  std::int64_t first, last;
  std::int64_t width;   // pixels of an input line
  std::int64_t pad;     // pixels before it that the first window reaches over; may be negative
  std::int64_t pixels;  // of dst
  float minimum, maximum;
};
using ConvLineKernel = void(const ConvLine& line);

// Channels [first, last) of some neighbouring output pixels of one row, of 8-bit integers; sums end as in
// QuantizedTile. `first` is a multiple of every ISA's vectors, and so is `last` unless it is `channels`. The
// kernel's size, the stride and the number of pixels are the function's own, or one pixel and any `taps`.
// Arrays by channel are padded to `padded` of them, a multiple of every ISA's vectors.
struct QuantizedDepthwiseBlock {
  // (kernel, columns) pointers to `channels` elements each, columns = (pixels - 1) * stride + kernel; or
  // `taps` pointers.
  const std::uint8_t* const* src;
  const float* weights;           // (taps, padded), integers
  const float* bias;              // padded, integers; with every sum of products below 2^24
  const float* scale;             // padded
  void* dst;                      // (pixels, channels)
  const QuantizedFinish* finish;  // without a residual
  std::int64_t taps;
  std::int64_t channels;
  std::int64_t first, last;
  std::int64_t padded;
};
using QuantizedDepthwiseKernel = void(const QuantizedDepthwiseBlock& block);

}  // namespace godwit::ops
