// SequenceEmpty: a list without tensors.
#include "ops/sequences.h"

namespace godwit::ops {
namespace {

std::vector<TensorDesc> infer_empty(const NodeView& node) {
  return {{element_dtype(node, "dtype"), Shape::unranked(), Layout::nchw}};
}

}  // namespace

const OpDef& op_sequence_empty() {
  static const OpDef def{
      .name = "SequenceEmpty",
      .sentence = "a list without tensors",
      .since_opset = 11,
      .min_inputs = 0,
      .max_inputs = 0,
      .attributes = {{"dtype", AttributeType::integer}},
      .kind = OpKind::sequence,
      .infer = infer_empty,
  };
  return def;
}

}  // namespace godwit::ops
