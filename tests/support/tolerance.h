// Bounds on rounding errors, derived from the length of a computation and the precision of its type.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <string_view>

#include "runtime/dtype.h"

namespace godwit::support {

// The largest relative error of one operation rounded to nearest: half the distance between 1 and its
// successor.
template <class T>
inline constexpr double unit_roundoff = static_cast<double>(std::numeric_limits<T>::epsilon()) / 2;

// gamma_n = n u / (1 - n u): what n successive roundings of unit roundoff u add at most, relatively.
double gamma(std::int64_t n, double u = unit_roundoff<float>);

// The place where two results are compared.
struct Element {
  std::string_view implementation;
  std::size_t output = 0;
  std::size_t index = 0;
  double expected = 0;
};
// The largest |actual - expected| that is right; integers must be equal whatever it says.
using Bound = std::function<double(const Element&)>;

Bound exact();

// Results that are n roundings in f32 away from the exact value, all of them relative to the result itself
// (products and functions, no cancelling sums); plus the smallest subnormal for each, for results that
// underflow.
Bound roundings(std::int64_t n);

// The two 16-bit floats: half the distance between 1 and its successor, and the smallest positive number.
struct StoredUnits {
  double roundoff, smallest;
};
StoredUnits stored_units(DType dtype);

// The bound of results within `bound` that are then stored in 16 bits. The result and the reference are each
// rounded once, relatively to themselves or by half the smallest number.
Bound rounded_to(DType dtype, Bound bound);

}  // namespace godwit::support
