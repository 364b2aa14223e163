// OptionalHasElement: whether an optional value holds anything.
#include "ops/sequences.h"

namespace godwit::ops {
namespace {

std::vector<TensorDesc> infer_list(const NodeView& node) {
  (void)node;
  return {{DType::boolean, {}, Layout::nchw}};
}

}  // namespace

const OpDef& op_optional_has_element() {
  static const OpDef def{
      .name = "OptionalHasElement",
      .sentence = "whether an optional value holds anything",
      .since_opset = 15,
      .min_inputs = 0,
      .kind = OpKind::sequence,
      .infer = infer_list,
  };
  return def;
}

}  // namespace godwit::ops
