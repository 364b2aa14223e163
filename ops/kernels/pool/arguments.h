// Arguments of poolings and of sums of columns.
#pragma once

#include <cstdint>

#include "ops/kernels/quantized_finish.h"

namespace godwit::ops {

// One output pixel of a pooling, all channels: the maximum, or the sum times `scale`, over `taps` input
// pixels.
struct PoolPixel {
  const void* const* src;  // taps pointers to `channels` elements each
  void* dst;
  std::int64_t taps;
  std::int64_t channels;
  float scale;
};
using PoolKernel = void(const PoolPixel& pixel);

// dst[c] = scale * sum over r of src[r * stride + c], for `channels` neighbouring columns.
struct ColumnSum {
  const void* src;
  void* dst;
  std::int64_t rows;
  std::int64_t stride;
  std::int64_t channels;
  float scale;
};
using ColumnSumKernel = void(const ColumnSum& columns);

// The largest of each channel's 8-bit integers over `taps` input pixels, taps >= 1.
struct BytePoolPixel {
  const void* const* src;
  void* dst;
  std::int64_t taps;
  std::int64_t channels;
};
using BytePoolKernel = void(const BytePoolPixel& pixel);

// The sum of each channel's 8-bit integers over `taps` input pixels, 0 to 65,536 of them: value = (sum -
// zero)
// * factor, every step one f32 operation, then QuantizedFinish without a residual.
struct BytePoolSum {
  const void* const* src;  // taps pointers to all channels of a pixel
  void* dst;               // all channels, of which [first, last) are written
  std::int64_t taps;
  std::int64_t first, last;
  float zero;  // taps * the zero point
  float factor;
  const QuantizedFinish* finish;
};
using BytePoolSumKernel = void(const BytePoolSum& pixel);

}  // namespace godwit::ops
