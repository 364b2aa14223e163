// Discrete Fourier transforms of short signals, by their definition.
#pragma once

#include <cmath>
#include <complex>
#include <cstdint>
#include <numbers>

namespace godwit::ops {

// e^(2πi turn/length), for turns from 0 to the length; exact at whole quarters of it.
inline std::complex<double> unit_root(std::int64_t turn, std::int64_t length) {
  const auto quarters = static_cast<__int128>(turn) * 4;
  const auto quadrant = static_cast<int>(quarters / length % 4);
  const double rest = static_cast<double>(static_cast<std::int64_t>(quarters % length));
  const double angle = std::numbers::pi / 2 * rest / static_cast<double>(length);
  const double cosine = std::cos(angle), sine = std::sin(angle);
  switch (quadrant) {
    case 0:
      return {cosine, sine};
    case 1:
      return {-sine, cosine};
    case 2:
      return {-cosine, -sine};
    default:
      return {sine, -cosine};
  }
}

// Element `k` of the transform of `length` elements value(0), value(1) …, by its definition; `inverse` turns
// the other way and does not divide.
template <class Value>
std::complex<double> fourier_element(std::int64_t k, std::int64_t length, bool inverse, const Value& value) {
  std::complex<double> sum = 0;
  for (std::int64_t n = 0; n < length; ++n) {
    // The product of both positions modulo the length keeps the angle small, and exact.
    const auto turn = static_cast<std::int64_t>(static_cast<__int128>(k) * n % length);
    const std::complex<double> root = unit_root(turn, length);
    sum += value(n) * (inverse ? root : std::conj(root));
  }
  return sum;
}

}  // namespace godwit::ops
