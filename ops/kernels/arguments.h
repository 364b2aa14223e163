// What micro-kernels take: plain pointers and sizes, shared between algorithms (compiled for any CPU) and ISA
// files.
#pragma once

#include <cstdint>

namespace godwit::ops {

// One tile of the GEMM core: dst[r][c] = clamp(sum over taps t and k of a[t*rows + r][k] * b[t][k][c] +
// bias[c] + residual[r][c]). The number of rows is the kernel's own (its mr).
struct GemmTile {
  const float* const* a;  // taps * rows pointers to depth elements each
  const float* b;         // packed panel: (taps, depth, nr), zero beyond `columns`
  const float* bias;      // nr values, or null
  const float* residual;  // rows of `residual_stride` elements, or null
  float* dst;             // rows of `dst_stride` elements
  std::int64_t taps;
  std::int64_t depth;
  std::int64_t residual_stride;
  std::int64_t dst_stride;
  std::int64_t columns;  // 1 to nr of the panel
  float minimum, maximum;
};
using GemmKernel = void(const GemmTile& tile);

// One output pixel of a depthwise convolution, all channels: dst[c] = clamp(sum over t of src[t][c] *
// weights[t][c]
// + bias[c]).
struct DepthwisePixel {
  const float* const* src;  // taps pointers to `channels` elements each
  const float* weights;     // (taps, channels)
  const float* bias;        // channels, or null
  float* dst;
  std::int64_t taps;
  std::int64_t channels;
  float minimum, maximum;
};
using DepthwiseKernel = void(const DepthwisePixel& pixel);

// One output pixel of a pooling, all channels: the maximum, or the sum times `scale`, over `taps` input
// pixels.
struct PoolPixel {
  const float* const* src;  // taps pointers to `channels` elements each
  float* dst;
  std::int64_t taps;
  std::int64_t channels;
  float scale;
};
using PoolKernel = void(const PoolPixel& pixel);

// dst[c] = scale * sum over r of src[r * stride + c], for `channels` neighbouring columns.
struct ColumnSum {
  const float* src;
  float* dst;
  std::int64_t rows;
  std::int64_t stride;
  std::int64_t channels;
  float scale;
};
using ColumnSumKernel = void(const ColumnSum& columns);

// dst[i] = f(src[i]; alpha, beta): what alpha and beta mean is the function's own affair.
struct UnarySpan {
  const float* src;
  float* dst;
  std::int64_t count;
  float alpha, beta;
};
using UnaryKernel = void(const UnarySpan& span);

// dst[i] = clamp(f(lhs[i * lhs_step], rhs[i * rhs_step])), steps 0 (repeated) or 1.
struct BinarySpan {
  const float* lhs;
  const float* rhs;
  float* dst;
  std::int64_t count;
  std::int64_t lhs_step, rhs_step;
  float minimum, maximum;
};
using BinaryKernel = void(const BinarySpan& span);

// dst[i] = clamp(src[i] * scale[i] + shift[i]).
struct AffineSpan {
  const float* src;
  const float* scale;
  const float* shift;
  float* dst;
  std::int64_t count;
  float minimum, maximum;
};
using AffineKernel = void(const AffineSpan& span);

// One row of softmax: dst[i] = exp(src[i] - max) / sum; dst may be src.
struct SoftmaxRow {
  const float* src;
  float* dst;
  std::int64_t count;
};
using SoftmaxKernel = void(const SoftmaxRow& row);

}  // namespace godwit::ops
