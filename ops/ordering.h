// The order of elements: that of numbers, with NaN behind all of them and equal to itself.
#pragma once

#include <type_traits>

#include "ops/arithmetic.h"

namespace godwit::ops {

// Below 0, 0 or above 0 where a stands before b, is equal or stands behind it.
template <class T>
int compare_elements(T a, T b) {
  const auto x = static_cast<Computed<T>>(a), y = static_cast<Computed<T>>(b);
  if (x < y) return -1;
  if (y < x) return 1;
  if constexpr (!std::is_integral_v<Computed<T>>) {
    const bool x_nan = x != x, y_nan = y != y;
    if (x_nan != y_nan) return x_nan ? 1 : -1;
  }
  return 0;
}

}  // namespace godwit::ops
