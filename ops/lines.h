// Lines of elements along one axis of a row-major tensor.
#pragma once

#include <cstdint>

#include "runtime/tensor.h"

namespace godwit::ops {

// Calls visit(first, step) for each line along `axis`: its elements are `step` apart. A scalar is one line of
// one element; an axis of no elements has its lines as well.
template <class Visit>
void for_each_line(const Shape& shape, int axis, const Visit& visit) {
  if (shape.rank() == 0) return visit(0, 1);
  const std::int64_t outer = shape.product(0, axis), count = shape[axis];
  const std::int64_t inner = shape.product(axis + 1, shape.rank());
  for (std::int64_t o = 0; o < outer; ++o) {
    for (std::int64_t i = 0; i < inner; ++i) visit(o * count * inner + i, inner);
  }
}

}  // namespace godwit::ops
