// What micro-kernels take: plain pointers and sizes, shared between algorithms (compiled for any CPU) and ISA
// files.
#pragma once

#include <cstdint>

namespace godwit::ops {

// What A is counted in: one f32, two 16-bit numbers or four 8-bit integers.
inline constexpr std::int64_t kStepBytes = 4;

// One tile of the GEMM core: dst[r][c] = clamp(sum over taps t and k of a[t*rows + r][k] * b[t][k][c] +
// bias[c] + residual[r][c]). The number of rows is the kernel's own (its mr). b, and dst and residual unless
// they are `real`, are of the kernel's dtype; A is f32 where kr is 1 and the kernel's dtype where it is 2.
// depth counts steps of kr numbers, which are neighbours in A and, column by column, in b.
struct GemmTile {
  const void* const* a;  // for each tile taps * rows pointers to depth steps of 32 bits each
  const void* b;         // packed panel: (taps, depth, nr), zero beyond `columns`
  const float* bias;     // nr values, or null
  const void* residual;  // rows of `residual_stride` elements, or null
  void* dst;             // rows of `dst_stride` elements
  std::int64_t taps;
  std::int64_t depth;
  std::int64_t residual_stride;
  std::int64_t dst_stride;
  std::int64_t columns;  // 1 to nr of the panel
  std::int64_t tiles;    // below each other, all of the kernel's rows
  float minimum, maximum;
  bool real;  // dst and residual are f32 whatever b is
  // What the next tiles will read: brought to the L2 meanwhile, `ahead_step` bytes further for each step of
  // the inner dimension.
  const void* ahead;
  std::int64_t ahead_step;
};
using GemmKernel = void(const GemmTile& tile);

// 32 bits of A that are not all zero, an f32 or four u8, and where their weights lie: bytes from the first
// step of a panel of nr columns.
struct SparseStep {
  std::uint32_t bits;
  std::uint32_t offset;
};

// `count` numbers of the kernel's dtype to the steps that are not zero, in order; 16-bit floats are widened.
// The first one's offset is 0, the next one's is `step_bytes`, and so on. Behind the last step that many may
// be overwritten as kSparseSlack says. Returns the end.
struct NonzeroSpan {
  const void* src;
  std::int64_t count;
  std::uint32_t step_bytes;
  SparseStep* dst;
};
inline constexpr int kSparseSlack = 16;
using NonzeroKernel = SparseStep*(const NonzeroSpan& span);

struct SparseRun {
  const SparseStep* begin;
  std::int64_t count;
};

// One part of the inner dimension by some panels next to each other: sums[r][c] += sum over the steps of row
// r of A's numbers * b[step][c], in order; behind the last part comes the end of the row. How many columns is
// the kernel's own (its nr).
struct SparseTile {
  const SparseRun* rows;
  std::int64_t count;        // of rows
  const void* b;             // of the first panel, where this part begins; 32 bits in each column of a step
  std::int64_t panel_bytes;  // from one panel to the next
  void* sums;                // (count, nr) f32 or s32, or null where there is one part
  bool first, last;
  std::int64_t columns;  // 1 to nr
  // The weights that will be read next, as far apart as those of b: brought to the L2 meanwhile, `ahead_step`
  // bytes of each panel for each row. Null: none.
  const void* ahead;
  std::int64_t ahead_step;
};

// dst = clamp(sums + bias + residual). dst and residual are of the kernel's dtype unless they are `real`.
struct SparseRealTile : SparseTile {
  const float* bias;     // nr values, or null
  const void* residual;  // rows of `residual_stride` elements, or null
  void* dst;             // rows of `dst_stride` elements
  std::int64_t residual_stride;
  std::int64_t dst_stride;
  float minimum, maximum;
  bool real;
};
using SparseGemmKernel = void(const SparseRealTile& tile);

struct QuantizedFinish;
// u8 by s8, exact in 32 bits where the sums of two neighbouring products are in 16; then QuantizedFinish.
struct SparseQuantizedTile : SparseTile {
  const std::int32_t* bias;      // nr
  const float* scale;            // nr
  const std::uint8_t* residual;  // rows of `residual_stride` numbers, or null
  void* dst;                     // rows of `dst_stride` numbers
  const QuantizedFinish* finish;
  std::int64_t residual_stride;
  std::int64_t dst_stride;
};
using SparseQuantizedKernel = void(const SparseQuantizedTile& tile);

// From sums of products of 8-bit numbers to what is stored. Every step is one f32 operation, none contracted,
// so that all ISAs give the same bits:
//   value = sum * scale[c], which is in steps of the result
//   with `rounds_sum`: value = round(clamp(value, sum_minimum, sum_maximum)) * sum_factor
//   with a residual: value = value + (residual - residual_zero_point) * residual_factor
//   value = clamp(value, minimum, maximum)
//   dst = value as f32 where `real`, round(value) + zero_point as u8 otherwise
struct QuantizedFinish {
  bool real = false;
  bool rounds_sum = false;
  bool stores_clamp = false;       // the bounds are those of u8, and no value reaches 2^30
  float minimum = 0, maximum = 0;  // less the zero point
  float zero_point = 0;
  float sum_minimum = 0, sum_maximum = 0, sum_factor = 1;
  float residual_zero_point = 0, residual_factor = 0;
};

// One tile of the GEMM core on 8-bit numbers: sum[r][c] = bias[c] + sum over taps t, steps k and the kr
// numbers of a step of a[t*rows + r][k] * b[t][k][c], exact in 32 bits; then QuantizedFinish. Where kr is 4,
// A is u8 and B s8; where it is 2, both have been widened to s16.
struct QuantizedTile {
  const void* const* a;           // for each tile taps * rows pointers to depth steps of 32 bits each
  const void* b;                  // packed panel: (taps, depth, nr) steps, zero beyond `columns`
  const std::int32_t* bias;       // nr, or null: 0
  const float* scale;             // nr
  const std::uint8_t* residual;   // rows of `residual_stride` numbers, or null
  void* dst;                      // rows of `dst_stride` numbers
  const QuantizedFinish* finish;  // or null: the sums are stored as s32
  std::int64_t taps;
  std::int64_t depth;
  std::int64_t residual_stride;
  std::int64_t dst_stride;
  std::int64_t columns;  // 1 to nr of the panel
  std::int64_t tiles;    // below each other, all of the kernel's rows
  // Of gemm_maddubs_groups, whose panel has its steps in an order of its own: groups of 1 to kLargestGroup
  // steps whose sums of two products fit into 16 bits together, the largest groups first. Null for others.
  const std::uint16_t* steps;   // (taps, depth): where in a row of A each one of the panel lies
  const std::uint16_t* groups;  // (taps, kLargestGroup): how many groups there are of 1, 2 and more steps
  // As GemmTile's: `ahead_step` bytes further for each step, or group of steps, `ahead_tile` for each tile.
  const void* ahead;
  std::int64_t ahead_step, ahead_tile;
};
inline constexpr int kLargestGroup = 4;
using QuantizedGemmKernel = void(const QuantizedTile& tile);

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

// As DepthwiseBlock, of 8-bit numbers; sums end as in QuantizedTile. The kernel's size, the stride and how
// many pixels are the function's own, or one pixel and any `taps`. Arrays by channel are padded to `padded`
// of them, a multiple of every ISA's vectors.
struct QuantizedDepthwiseBlock {
  const std::uint8_t* const* src;  // as DepthwiseBlock's, or `taps` pointers
  const float* weights;            // (taps, padded), whole numbers
  const float* bias;               // padded, whole numbers; with every sum of products below 2^24
  const float* scale;              // padded
  void* dst;                       // (pixels, channels)
  const QuantizedFinish* finish;   // without a residual
  std::int64_t taps;
  std::int64_t channels;
  std::int64_t first, last;
  std::int64_t padded;
};
using QuantizedDepthwiseKernel = void(const QuantizedDepthwiseBlock& block);

// The largest of each channel's 8-bit numbers over `taps` input pixels, taps >= 1.
struct BytePoolPixel {
  const void* const* src;
  void* dst;
  std::int64_t taps;
  std::int64_t channels;
};
using BytePoolKernel = void(const BytePoolPixel& pixel);

// The sum of each channel's 8-bit numbers over `taps` input pixels, 0 to 65,536 of them: value = (sum - zero)
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

// dst[i] = (lhs[i] - lhs_zero_point) * lhs_factor + (rhs[i] - rhs_zero_point) * rhs_factor, or its first term
// alone where rhs is null; every step one f32 operation, then QuantizedFinish to u8.
struct QuantizedAddSpan {
  const std::uint8_t* lhs;
  const std::uint8_t* rhs;
  std::uint8_t* dst;
  std::int64_t count;
  float lhs_zero_point, lhs_factor;
  float rhs_zero_point, rhs_factor;
  const QuantizedFinish* finish;
};
using QuantizedAddKernel = void(const QuantizedAddSpan& span);

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

// One tile of Winograd F(m×m, 3×3), edge = m + 2: dst[p * plane + c] = (Bᵀ d B)[p][c], p over edge × edge.
// src is of the kernel's dtype.
struct WinogradInput {
  const void* const* src;  // edge * edge pointers to `channels` elements each
  float* dst;
  std::int64_t plane;
  std::int64_t channels;
};
using WinogradInputFunction = void(const WinogradInput& tile);

// dst[i][c] = clamp((Aᵀ s A)[i][c] + bias[c] + residual[i][c]), s[p][c] = src[p * plane + c], i over m × m.
// dst and residual are of the kernel's dtype.
struct WinogradOutput {
  const float* src;  // each plane padded to whole vectors
  std::int64_t plane;
  void* const* dst;             // m * m pointers, null where the tile hangs over the border
  const void* const* residual;  // m * m pointers (those with a dst are read), or null
  const float* bias;            // padded to whole vectors, or null
  std::int64_t channels;
  float minimum, maximum;
};
using WinogradOutputFunction = void(const WinogradOutput& tile);

// The same of whole numbers (ops/kernels/quantized_winograd.h). channels: a multiple of 32.
struct ByteWinogradInput {
  const std::uint8_t* const* src;  // edge * edge pointers to `channels` numbers each
  std::int16_t* dst;
  std::int64_t plane;  // numbers from one plane to the next
  std::int64_t channels;
};
using ByteWinogradInputFunction = void(const ByteWinogradInput& tile);

struct ByteWinogradOutput {
  const std::int32_t* src;  // each plane padded to whole vectors
  std::int64_t plane;
  void* const* dst;                     // m * m pointers, null where the tile hangs over the border
  const std::uint8_t* const* residual;  // m * m pointers (those with a dst are read), or null
  const std::int32_t* bias;             // padded to whole vectors
  const float* scale;                   // padded to whole vectors
  const QuantizedFinish* finish;
  std::int64_t channels;
};
using ByteWinogradOutputFunction = void(const ByteWinogradOutput& tile);

// dst[i] = f(src[i]; alpha, beta): what alpha and beta mean is the function's own affair.
struct UnarySpan {
  const void* src;
  void* dst;
  std::int64_t count;
  float alpha, beta;
};
using UnaryKernel = void(const UnarySpan& span);

// dst[i] = clamp(f(lhs[i * lhs_step], rhs[i * rhs_step])), steps 0 (repeated) or 1.
struct BinarySpan {
  const void* lhs;
  const void* rhs;
  void* dst;
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

// dst[i] = src[i]. Widening goes from the kernel's dtype to what GEMM kernels take instead of it: u8 to s16
// (pairs of them), 16-bit floats to f32. Narrowing goes from f32 to the kernel's dtype, half to even.
struct ConvertSpan {
  const void* src;
  void* dst;
  std::int64_t count;
};
using ConvertKernel = void(const ConvertSpan& span);

// `rounds` times kPeakChains independent fused multiply-adds of whole vectors; what it returns only keeps the
// compiler from leaving them out.
inline constexpr int kPeakChains = 12;
using PeakKernel = float(std::int64_t rounds);

}  // namespace godwit::ops
