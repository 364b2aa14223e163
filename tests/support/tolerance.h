// Bounds on rounding errors, derived from the length of a computation and the precision of its type.
#pragma once

#include <cmath>
#include <cstdint>
#include <functional>
#include <limits>
#include <string_view>
#include <utility>

#include "runtime/dtype.h"

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

// The two 16-bit floats: half the distance between 1 and its successor, and the smallest positive number.
struct StoredUnits {
  double roundoff, smallest;
};
inline StoredUnits stored_units(DType dtype) {
  return dtype == DType::f16 ? StoredUnits{0x1p-11, 0x1p-24} : StoredUnits{0x1p-8, 0x1p-133};
}

// Of results within `bound` before they are stored in 16 bits: the result and the reference are each rounded
// once, relatively to themselves or by half the smallest number.
inline Bound rounded_to(DType dtype, Bound bound) {
  return [dtype, bound = std::move(bound)](const Element& element) {
    const StoredUnits units = stored_units(dtype);
    const double before = bound(element);
    return before + units.roundoff * (2 * std::abs(element.expected) + before) * (1 + 2 * units.roundoff) +
           units.smallest;
  };
}

}  // namespace godwit::support
