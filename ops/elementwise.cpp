// Shapes and layouts of element-wise ops.
#include "ops/elementwise.h"

#include <algorithm>

#include "ops/layout.h"

namespace godwit::ops {

std::vector<TensorDesc> infer_unary(const NodeView& node) {
  require_one_dtype(node, kFloatTypes);
  return {{node.input(0).dtype, node.shape(0), Layout::nchw}};
}

std::vector<TensorDesc> infer_binary(const NodeView& node) {
  require_one_dtype(node, kNumberTypes);
  return {{node.input(0).dtype, broadcast_shapes(node.shape(0), node.shape(1)), Layout::nchw}};
}

LayoutRule layout_of_binary(const NodeView& node) {
  const Shape& dst = node.outputs[0].shape;
  if (!can_be_nhwc(dst)) return LayoutRule::nchw_only;
  for (const Operand& operand : node.inputs) {
    const Shape& shape = operand.desc->shape;
    const bool one_number = shape.known() && shape.elements() == 1;
    if (operand.constant == nullptr && shape.rank() != dst.rank() && !one_number)
      return LayoutRule::nchw_only;
  }
  return LayoutRule::follows;
}

bool broadcast_keeps_images_apart(const NodeView& node) {
  const int rank = node.outputs[0].shape.rank();
  return std::ranges::all_of(node.inputs, [rank](const Operand& operand) {
    if (!operand.present()) return true;
    const Shape& shape = operand.desc->shape;
    return operand.constant == nullptr ? shape.rank() == rank : shape.rank() < rank || shape[0] == 1;
  });
}

}  // namespace godwit::ops
