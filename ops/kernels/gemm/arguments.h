// Arguments of the GEMM tiles of floats.
#pragma once

#include <cstdint>

#include "ops/kernels/step.h"

namespace godwit::ops {

// One tile of the GEMM core: dst[r][c] = clamp(sum over taps t and k of a[t*rows + r][k] * b[t][k][c] +
// bias[c] + residual[r][c]). The number of rows is the kernel's own (its mr). b, and dst and residual unless
// they are `real`, are of the kernel's dtype; A is f32 where kr is 1 and the kernel's dtype where it is 2.
// depth counts steps of kr elements, which are neighbours in A and, column by column, in b.
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
  // Data of the next tiles: brought to the L2 meanwhile, `ahead_step` bytes further for each step of the
  // inner dimension.
  const void* ahead;
  std::int64_t ahead_step;
};
using GemmKernel = void(const GemmTile& tile);

}  // namespace godwit::ops
