// The unit of the inner dimension that all products of matrices count in.
#pragma once

#include <cstdint>

namespace godwit::ops {

// A step: 32 bits of A, which are one f32, two 16-bit floats or integers, or four 8-bit integers.
inline constexpr std::int64_t kStepBytes = 4;

}  // namespace godwit::ops
