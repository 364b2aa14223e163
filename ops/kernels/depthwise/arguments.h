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

// Channels [first, last) of some neighbouring output pixels of one row of a depthwise convolution with a
// square kernel; `first` is a multiple of every ISA's vectors, and so is `last` unless it is `channels`. How
// many pixels, the kernel's size and the stride are the function's own.
struct DepthwiseBlock {
  // (kernel, columns) pointers to `channels` elements each; columns = (pixels - 1) * stride + kernel.
  const void* const* src;
  const float* weights;  // (kernel * kernel, channels)
  const float* bias;     // channels, or null
  void* dst;             // (pixels, channels)
  std::int64_t channels;
  std::int64_t first, last;
  float minimum, maximum;
};
using DepthwiseBlockKernel = void(const DepthwiseBlock& block);

// A DepthwiseBlock of 8-bit integers; sums end as in QuantizedTile. The kernel's size, the stride and the
// number of pixels are the function's own, or one pixel and any `taps`. Arrays by channel are padded to
// `padded` of them, a multiple of every ISA's vectors.
struct QuantizedDepthwiseBlock {
  const std::uint8_t* const* src;  // as DepthwiseBlock's, or `taps` pointers
  const float* weights;            // (taps, padded), integers
  const float* bias;               // padded, integers; with every sum of products below 2^24
  const float* scale;              // padded
  void* dst;                       // (pixels, channels)
  const QuantizedFinish* finish;   // without a residual
  std::int64_t taps;
  std::int64_t channels;
  std::int64_t first, last;
  std::int64_t padded;
};
using QuantizedDepthwiseKernel = void(const QuantizedDepthwiseBlock& block);

}  // namespace godwit::ops
