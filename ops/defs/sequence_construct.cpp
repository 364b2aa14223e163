// SequenceConstruct: tensors as a list.
#include "ops/bodies.h"
#include "ops/sequences.h"

namespace godwit::ops {
namespace {

std::vector<TensorDesc> infer_construct(const NodeView& node) {
  TensorDesc list = node.input(0);
  for (std::size_t i = 1; i < node.inputs.size(); ++i) list = joined_desc(node, i, list);
  return {list};
}

}  // namespace

const OpDef& op_sequence_construct() {
  static const OpDef def{
      .name = "SequenceConstruct",
      .sentence = "tensors as a list",
      .since_opset = 11,
      .max_inputs = kMostBodyOperands,
      .kind = OpKind::sequence,
      .infer = infer_construct,
  };
  return def;
}

}  // namespace godwit::ops
