// OptionalGetElement: what an optional value holds.
#include "ops/sequences.h"

namespace godwit::ops {
namespace {

std::vector<TensorDesc> infer_list(const NodeView& node) { return {node.input(0)}; }

}  // namespace

const OpDef& op_optional_get_element() {
  static const OpDef def{
      .name = "OptionalGetElement",
      .sentence = "what an optional value holds",
      .since_opset = 15,
      .kind = OpKind::sequence,
      .infer = infer_list,
  };
  return def;
}

}  // namespace godwit::ops
