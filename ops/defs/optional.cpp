// Optional: a value that may be missing.
#include "ops/sequences.h"

namespace godwit::ops {
namespace {

std::vector<TensorDesc> infer_list(const NodeView& node) {
  if (node.has_input(0)) return {node.input(0)};
  return {{element_dtype(node, "type"), Shape::unranked(), Layout::nchw}};
}

}  // namespace

const OpDef& op_optional() {
  static const OpDef def{
      .name = "Optional",
      .sentence = "a value that may be missing",
      .since_opset = 15,
      .min_inputs = 0,
      .attributes = {{"type", AttributeType::integer}},
      .kind = OpKind::sequence,
      .infer = infer_list,
  };
  return def;
}

}  // namespace godwit::ops
