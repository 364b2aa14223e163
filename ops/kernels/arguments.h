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

// Some neighbouring output pixels of one row of a depthwise convolution with a square kernel, all channels.
// How many pixels, the kernel's size and the stride are the function's own.
struct DepthwiseBlock {
  // (kernel, columns) pointers to `channels` elements each; columns = (pixels - 1) * stride + kernel.
  const float* const* src;
  const float* weights;  // (kernel * kernel, channels)
  const float* bias;     // channels, or null
  float* dst;            // (pixels, channels)
  std::int64_t channels;
  float minimum, maximum;
};
using DepthwiseBlockKernel = void(const DepthwiseBlock& block);

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

// One tile of Winograd F(m×m, 3×3), edge = m + 2: dst[p * plane + c] = (Bᵀ d B)[p][c], p over edge × edge.
struct WinogradInput {
  const float* const* src;  // edge * edge pointers to `channels` elements each
  float* dst;
  std::int64_t plane;
  std::int64_t channels;
};
using WinogradInputFunction = void(const WinogradInput& tile);

// dst[i][c] = clamp((Aᵀ s A)[i][c] + bias[c] + residual[i][c]), s[p][c] = src[p * plane + c], i over m × m.
struct WinogradOutput {
  const float* src;  // each plane padded to whole vectors
  std::int64_t plane;
  float* const* dst;             // m * m pointers, null where the tile hangs over the border
  const float* const* residual;  // m * m pointers (those with a dst are read), or null
  const float* bias;             // padded to whole vectors, or null
  std::int64_t channels;
  float minimum, maximum;
};
using WinogradOutputFunction = void(const WinogradOutput& tile);

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

// dst[i] = round(clamp(src[i] / scale, lowest, highest)) + zero_point: 8-bit numbers of the kernel's dtype.
struct QuantizeSpan {
  const float* src;
  void* dst;
  std::int64_t count;
  float scale;
  float zero_point;
  float lowest, highest;  // the dtype's own bounds less the zero point
};
using QuantizeKernel = void(const QuantizeSpan& span);

// dst[i] = (src[i] - zero_point) * scale, src of the kernel's dtype.
struct DequantizeSpan {
  const void* src;
  float* dst;
  std::int64_t count;
  float scale;
  float zero_point;
};
using DequantizeKernel = void(const DequantizeSpan& span);

// `rounds` times kPeakChains independent fused multiply-adds of whole vectors; what it returns only keeps the
// compiler from leaving them out.
inline constexpr int kPeakChains = 12;
using PeakKernel = float(std::int64_t rounds);

}  // namespace godwit::ops
