// SplitToSequence: parts of a tensor along an axis as a list.
#include "ops/axes.h"
#include "ops/sequences.h"

namespace godwit::ops {
namespace {

std::vector<TensorDesc> infer_list(const NodeView& node) {
  TensorDesc part = node.input(0);
  if (!part.shape.ranked()) return {part};
  const int axis = normalize_axis(node.attributes.integer("axis", 0), part.shape.rank());
  const bool drops_axis = !node.has_input(1) && !node.attributes.flag("keepdims", true);
  Shape shape;
  for (int k = 0; k < part.shape.rank(); ++k) {
    if (k == axis && drops_axis) continue;
    const std::int64_t dim = part.shape[k];
    shape.append(k != axis && !is_bounded(dim) ? dim : k == axis && !node.has_input(1) ? 1 : kAnyDim);
  }
  part.shape = shape;
  return {part};
}

}  // namespace

const OpDef& op_split_to_sequence() {
  static const OpDef def{
      .name = "SplitToSequence",
      .sentence = "parts of a tensor along one axis, as a list",
      .since_opset = 11,
      .max_inputs = 2,
      .attributes = {{"axis", AttributeType::integer}, {"keepdims", AttributeType::integer}},
      .kind = OpKind::sequence,
      .infer = infer_list,
  };
  return def;
}

}  // namespace godwit::ops
