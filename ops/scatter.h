// Updates put into a tensor: what scattering ops do with an element that is there already.
#pragma once

#include <cstdint>
#include <type_traits>

#include "ops/arithmetic.h"
#include "ops/elementwise.h"
#include "ops/op.h"

namespace godwit::ops {

enum class ScatterReduction : std::uint8_t { none, add, mul, max, min };
// Attribute `reduction`. Throws Error for other words.
ScatterReduction scatter_reduction_of(const Attributes& attributes);

// Integers wrap around; of bools, add and max are "or", mul and min "and".
template <class T>
T combine(ScatterReduction reduction, T old, T update) {
  if (reduction == ScatterReduction::none) return update;
  const auto a = static_cast<Computed<T>>(old), b = static_cast<Computed<T>>(update);
  if constexpr (std::is_same_v<T, bool>) {
    return reduction == ScatterReduction::add || reduction == ScatterReduction::max ? a || b : a && b;
  } else {
    switch (reduction) {
      case ScatterReduction::max:
        return a < b ? update : old;
      case ScatterReduction::min:
        return b < a ? update : old;
      default:
        break;
    }
    const bool adds = reduction == ScatterReduction::add;
    return static_cast<T>(wrap_around(a, b, [adds](auto x, auto y) { return adds ? x + y : x * y; }));
  }
}

// dst[to] = combine(dst[to], updates[from]), of any element type.
void scatter_element(ScatterReduction reduction, const TensorView& updates, std::int64_t from,
                     const TensorView& dst, std::int64_t to);

// One operation for each update that is combined with what is there, operand 2's elements.
Cost cost_of_scatter(const NodeView& node);

}  // namespace godwit::ops
