// Arguments of Winograd's transforms of floats.
#pragma once

#include <cstdint>

namespace godwit::ops {

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

}  // namespace godwit::ops
