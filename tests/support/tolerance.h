// Bounds on rounding errors, derived from the length of a computation and the precision of its type.
#pragma once

#include <cmath>
#include <cstdint>
#include <functional>
#include <limits>
#include <string_view>

namespace godwit::support {

// The largest relative error of one operation rounded to nearest: half the distance between 1 and its
// successor.
template <class T>
inline constexpr double unit_roundoff = static_cast<double>(std::numeric_limits<T>::epsilon()) / 2;

// gamma_n = n u / (1 - n u): what n successive roundings of unit roundoff u add at most, relatively.
inline double gamma(std::int64_t n, double u = unit_roundoff<float>) {
  const double nu = static_cast<double>(n) * u;
  return nu / (1 - nu);
}

// Where two results are compared.
struct Element {
  std::string_view implementation;
  std::size_t output = 0;
  std::size_t index = 0;
  double expected = 0;
};
// The largest |actual - expected| that is right; integers must be equal whatever it says.
using Bound = std::function<double(const Element&)>;

inline Bound exact() {
  return [](const Element&) { return 0.0; };
}

// Results that are n roundings in f32 away from the exact value, all of them relative to the result itself
// (products and functions, no cancelling sums); plus the smallest subnormal for each, for results that
// underflow.
inline Bound roundings(std::int64_t n) {
  return [n](const Element& element) {
    return gamma(n) * std::abs(element.expected) +
           static_cast<double>(n) * static_cast<double>(std::numeric_limits<float>::denorm_min());
  };
}

}  // namespace godwit::support
