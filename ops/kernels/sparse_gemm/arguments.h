// Arguments of the products that skip zeros, and of the kernels that find what is not zero.
#pragma once

#include <cstdint>

#include "ops/kernels/quantized_finish.h"
#include "ops/kernels/step.h"

namespace godwit::ops {

// 32 bits of A that are not all zero, an f32 or four u8, and where their weights lie: bytes from the first
// step of a panel of nr columns.
struct SparseStep {
  std::uint32_t bits;
  std::uint32_t offset;
};

// `count` elements of the kernel's dtype to the steps that are not zero, in order; 16-bit floats are widened.
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
// r of A's elements * b[step][c], in order; behind the last part comes the end of the row. How many columns
// is the kernel's own (its nr).
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

// u8 by s8, exact in 32 bits where the sums of two neighbouring products are in 16; then QuantizedFinish.
struct SparseQuantizedTile : SparseTile {
  const std::int32_t* bias;      // nr
  const float* scale;            // nr
  const std::uint8_t* residual;  // rows of `residual_stride` elements, or null
  void* dst;                     // rows of `dst_stride` elements
  const QuantizedFinish* finish;
  std::int64_t residual_stride;
  std::int64_t dst_stride;
};
using SparseQuantizedKernel = void(const SparseQuantizedTile& tile);

}  // namespace godwit::ops
