// Rounding a double to a 16-bit float once, although the conversion passes through f32.
#pragma once

#include <bit>
#include <cmath>
#include <cstdint>

namespace godwit::ops {

// Where the nearest f32 is not exact, the neighbour whose last bit is set: rounded again, to 16 bits, it
// gives what one rounding of the value would have given.
inline float round_to_odd(double value) {
  const auto nearest = static_cast<float>(value);
  if (std::isnan(value) || std::isinf(value) || static_cast<double>(nearest) == value) return nearest;
  auto bits = std::bit_cast<std::uint32_t>(nearest);
  if (std::abs(static_cast<double>(nearest)) > std::abs(value)) --bits;  // towards zero
  return std::bit_cast<float>(bits | 1U);
}

}  // namespace godwit::ops
