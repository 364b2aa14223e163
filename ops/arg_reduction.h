// ArgMax and ArgMin: one axis, of which the place of an element is left.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "ops/arithmetic.h"
#include "ops/lines.h"
#include "ops/op.h"

namespace godwit::ops {

std::vector<AttributeSpec> arg_attributes();
// One operand out of kNumberTypes; the result is s64.
std::vector<TensorDesc> infer_arg(const NodeView& node);
bool arg_keeps_images_apart(const NodeView& node);
// The axis from the front, for a shape whose rank is known.
int arg_axis(const NodeView& node, const Shape& shape);

// dst = the place of the element that is better(it, others); 0 along an axis of no elements.
template <class Better>
void find_along_axis(const NodeView& node, const TensorView& src, const TensorView& dst,
                     const Better& better) {
  const bool last = node.attributes.flag("select_last_index", false);
  const int axis = arg_axis(node, src.desc.shape);
  const std::int64_t count = src.desc.shape.rank() == 0 ? 1 : src.desc.shape[axis];
  visit_number(src.desc.dtype, [&]<class T>() {
    std::int64_t to = 0;
    for_each_line(src.desc.shape, axis, [&](std::int64_t first, std::int64_t step) {
      std::int64_t found = 0;
      for (std::int64_t i = 1; i < count; ++i) {
        const auto value = static_cast<Computed<T>>(src.as<const T>()[first + i * step]);
        const auto best = static_cast<Computed<T>>(src.as<const T>()[first + found * step]);
        const bool wins = better(value, best) || (value != value && best == best);
        const bool equals = value == best || (value != value && best != best);
        if (wins || (last && equals)) found = i;
      }
      dst.as<std::int64_t>()[to++] = found;
    });
  });
}

}  // namespace godwit::ops
