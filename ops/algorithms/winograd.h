// Winograd's filter transform, shared by the algorithm and its tests.
#pragma once

#include <cstdint>

namespace godwit::ops {

// Filters of 3×3 values each, side by side.
struct WinogradFilters {
  const float* src = nullptr;
  std::int64_t src_stride = 9;  // from one filter to the next
  float* dst = nullptr;         // (planes, padded): value p of filter c at dst[p * dst_plane + c]
  std::int64_t dst_plane = 0;
  int count = 1;
  int padded = 1;  // zeros from `count` up to here
};

// U = G g Gᵀ for each filter, in double precision, rounded once; (m + 2)² planes, m is 2 or 4.
// Lavin and Gray, "Fast Algorithms for Convolutional Neural Networks" (2016), section 4.
void winograd_filters(std::int64_t m, const WinogradFilters& filters);

// The same for one filter. dst: (m + 2, m + 2).
inline void winograd_filter(std::int64_t m, const float* filter, float* dst) {
  winograd_filters(m, {.src = filter, .dst = dst, .dst_plane = 1});
}

}  // namespace godwit::ops
