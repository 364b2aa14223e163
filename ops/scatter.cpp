// Reductions by name, and updates of any element type.
#include "ops/scatter.h"

#include <fmt/format.h>

#include "ops/numbers.h"
#include "runtime/error.h"

namespace godwit::ops {

ScatterReduction scatter_reduction_of(const Attributes& attributes) {
  const std::string name = attributes.string("reduction", "none");
  if (name == "none") return ScatterReduction::none;
  if (name == "add") return ScatterReduction::add;
  if (name == "mul") return ScatterReduction::mul;
  if (name == "max") return ScatterReduction::max;
  if (name == "min") return ScatterReduction::min;
  throw Error(fmt::format("attribute 'reduction' is '{}', expected none, add, mul, max or min", name));
}

void scatter_element(ScatterReduction reduction, const TensorView& updates, std::int64_t from,
                     const TensorView& dst, std::int64_t to) {
  visit_wide(dst.desc.dtype, [&]<class T>() {
    T& element = dst.as<T>()[to];
    element = combine(reduction, element, updates.as<const T>()[from]);
  });
}

Cost cost_of_scatter(const NodeView& node) {
  const Shape updates = node.shape(2).at_bounds();
  const bool combines = scatter_reduction_of(node.attributes) != ScatterReduction::none;
  return {.macs = 0, .flops = combines && updates.known() ? updates.elements() : 0};
}

}  // namespace godwit::ops
