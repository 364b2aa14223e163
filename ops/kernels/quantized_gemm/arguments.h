// Arguments of the GEMM tiles of 8-bit integers.
#pragma once

#include <cstdint>

#include "ops/kernels/quantized_finish.h"
#include "ops/kernels/step.h"

namespace godwit::ops {

// One tile of the GEMM core on 8-bit integers: sum[r][c] = bias[c] + sum over taps t, steps k and the kr
// elements of a step of a[t*rows + r][k] * b[t][k][c], exact in 32 bits; then QuantizedFinish. Where kr is 4,
// A is u8 and B s8; where it is 2, both have been widened to s16.
struct QuantizedTile {
  const void* const* a;           // for each tile taps * rows pointers to depth steps of 32 bits each
  const void* b;                  // packed panel: (taps, depth, nr) steps, zero beyond `columns`
  const std::int32_t* bias;       // nr, or null: 0
  const float* scale;             // nr
  const std::uint8_t* residual;   // rows of `residual_stride` elements, or null
  void* dst;                      // rows of `dst_stride` elements
  const QuantizedFinish* finish;  // or null: the sums are stored as s32
  std::int64_t taps;
  std::int64_t depth;
  std::int64_t residual_stride;
  std::int64_t dst_stride;
  std::int64_t columns;  // 1 to nr of the panel
  std::int64_t tiles;    // below each other, all of the kernel's rows
  // Order of a gemm_maddubs_groups panel's steps, which is its own: groups of 1 to kLargestGroup
  // steps whose sums of two products fit into 16 bits together, the largest groups first. Null for others.
  const std::uint16_t* steps;   // (taps, depth): where in a row of A each one of the panel lies
  const std::uint16_t* groups;  // (taps, kLargestGroup): how many groups there are of 1, 2 and more steps
  // GemmTile's: `ahead_step` bytes further for each step, or group of steps, `ahead_tile` for each tile.
  const void* ahead;
  std::int64_t ahead_step, ahead_tile;
};
inline constexpr int kLargestGroup = 4;
using QuantizedGemmKernel = void(const QuantizedTile& tile);

}  // namespace godwit::ops
