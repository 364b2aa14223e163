// ConcatFromSequence: the tensors of a list one behind the other along an axis, old or new.
#include "ops/axes.h"
#include "ops/sequences.h"

namespace godwit::ops {
namespace {

std::vector<TensorDesc> infer_list(const NodeView& node) {
  const Shape& each = node.shape(0);
  if (!each.ranked()) return {node.input(0)};
  const bool adds_axis = node.attributes.flag("new_axis", false);
  const int rank = each.rank() + (adds_axis ? 1 : 0);
  const int axis = normalize_axis(node.attributes.integer("axis", 0), rank);
  Shape shape;
  for (int k = 0; k < rank; ++k) {
    const std::int64_t dim = k == axis ? kAnyDim : each[adds_axis && k > axis ? k - 1 : k];
    shape.append(is_bounded(dim) ? kAnyDim : dim);
  }
  return {{node.input(0).dtype, shape, Layout::nchw}};
}

}  // namespace

const OpDef& op_concat_from_sequence() {
  static const OpDef def{
      .name = "ConcatFromSequence",
      .sentence = "the tensors of a list along one axis",
      .since_opset = 11,
      .attributes = {{"axis", AttributeType::integer, true}, {"new_axis", AttributeType::integer}},
      .kind = OpKind::sequence,
      .infer = infer_list,
  };
  return def;
}

}  // namespace godwit::ops
