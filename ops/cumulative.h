// CumSum and CumProd: what is gathered so far along an axis.
#pragma once

#include <cstdint>
#include <span>
#include <type_traits>
#include <vector>

#include "ops/arithmetic.h"
#include "ops/lines.h"
#include "ops/op.h"

namespace godwit::ops {

std::vector<AttributeSpec> cumulative_attributes();
// Numbers and a scalar axis; the result has the numbers' description.
std::vector<TensorDesc> infer_cumulative(const NodeView& node);
bool cumulative_keeps_images_apart(const NodeView& node);
// The axis at run time; one that is out of range, which only the data shows, counts round.
int cumulative_axis(std::span<const TensorView> src);

// dst = all elements before it along the axis, combined, beginning with `start`.
template <class Combine>
void accumulate(const NodeView& node, std::span<const TensorView> src, const TensorView& dst, int start,
                const Combine& combine) {
  const bool reverse = node.attributes.flag("reverse", false);
  const bool exclusive = node.attributes.flag("exclusive", false);
  const Shape& shape = src[0].desc.shape;
  const int axis = cumulative_axis(src);
  const std::int64_t count = shape.rank() == 0 ? 1 : shape[axis];
  visit_number(dst.desc.dtype, [&]<class T>() {
    using Value = std::conditional_t<std::is_integral_v<T>, std::uint64_t, double>;
    for_each_line(shape, axis, [&](std::int64_t first, std::int64_t step) {
      auto value = static_cast<Value>(start);
      for (std::int64_t k = 0; k < count; ++k) {
        const std::int64_t at = first + (reverse ? count - 1 - k : k) * step;
        const Value next = combine(value, static_cast<Value>(src[0].as<const T>()[at]));
        dst.as<T>()[at] = static_cast<T>(exclusive ? value : next);
        value = next;
      }
    });
  });
}

}  // namespace godwit::ops
