// Elements of any type as numbers, for ops whose operands or results may be of most types.
#pragma once

#include <cmath>
#include <cstdint>
#include <limits>
#include <type_traits>

#include "ops/arithmetic.h"
#include "runtime/tensor.h"

namespace godwit::ops {

// An integer towards zero, beyond the type's range its nearest end, and 0 for NaN; a float rounded once; a
// bool whether it is not 0.
template <class T>
T number_cast(double value) {
  if constexpr (std::is_same_v<T, bool>) {
    return value != 0;
  } else if constexpr (std::is_integral_v<T>) {
    if (std::isnan(value)) return 0;
    if (value <= static_cast<double>(std::numeric_limits<T>::min())) return std::numeric_limits<T>::min();
    if (value >= static_cast<double>(std::numeric_limits<T>::max())) return std::numeric_limits<T>::max();
    return static_cast<T>(value);
  } else {
    return static_cast<T>(value);
  }
}

// Calls visitor.template operator()<T>() for every type but the narrow ones, for which it does nothing.
template <class Visitor>
void visit_wide(DType dtype, const Visitor& visitor) {
  visit_dtype(dtype, [&]<class T>() {
    if constexpr (!is_narrow(dtype_of<T>)) visitor.template operator()<T>();
  });
}

// Element `i` of a tensor of any type; 64-bit integers are rounded to the nearest double.
inline double any_number_at(const TensorView& tensor, std::int64_t i) {
  return visit_dtype(tensor.desc.dtype, [&]<class T>() {
    return static_cast<double>(static_cast<Computed<T>>(tensor.as<const T>()[i]));
  });
}
inline void set_number(const TensorView& tensor, std::int64_t i, double value) {
  visit_dtype(tensor.desc.dtype, [&]<class T>() { tensor.as<T>()[i] = number_cast<T>(value); });
}

// Element `i` as an integer, towards zero.
inline std::int64_t whole_number_at(const TensorView& tensor, std::int64_t i) {
  return visit_dtype(tensor.desc.dtype, [&]<class T>() {
    if constexpr (std::is_integral_v<T>) {
      return static_cast<std::int64_t>(tensor.as<const T>()[i]);
    } else {
      return number_cast<std::int64_t>(
          static_cast<double>(static_cast<Computed<T>>(tensor.as<const T>()[i])));
    }
  });
}

// The first element of operand `i`, or `fallback` where that operand is left out.
inline double number_or(std::span<const TensorView> src, std::size_t i, double fallback) {
  return i < src.size() && src[i].present() ? any_number_at(src[i], 0) : fallback;
}
inline std::int64_t whole_number_or(std::span<const TensorView> src, std::size_t i, std::int64_t fallback) {
  return i < src.size() && src[i].present() ? whole_number_at(src[i], 0) : fallback;
}

}  // namespace godwit::ops
