// Discrete Fourier transforms of short signals, by their definition.
#pragma once

#include <cmath>
#include <complex>
#include <cstdint>
#include <numbers>

namespace godwit::ops {

// Element `k` of the transform of `length` elements value(0), value(1) …, by its definition; `inverse` turns
// the other way and does not divide.
template <class Value>
std::complex<double> fourier_element(std::int64_t k, std::int64_t length, bool inverse, const Value& value) {
  std::complex<double> sum = 0;
  const double step = (inverse ? 2 : -2) * std::numbers::pi / static_cast<double>(length);
  for (std::int64_t n = 0; n < length; ++n) {
    // The product of both positions modulo the length keeps the angle small, and exact.
    const auto turn = static_cast<std::int64_t>(static_cast<__int128>(k) * n % length);
    const double angle = step * static_cast<double>(turn);
    sum += value(n) * std::complex<double>(std::cos(angle), std::sin(angle));
  }
  return sum;
}

}  // namespace godwit::ops
