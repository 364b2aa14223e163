// Winograd's filter transform, shared by the algorithm and its tests.
#pragma once

#include <cstdint>

namespace godwit::ops {

// U = G g Gᵀ for one 3×3 filter, in double precision, rounded once. dst: (m + 2, m + 2); m is 2 or 4.
// Lavin and Gray, "Fast Algorithms for Convolutional Neural Networks" (2016), section 4.
void winograd_filter(std::int64_t m, const float* filter, float* dst);

}  // namespace godwit::ops
