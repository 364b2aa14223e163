// SequenceLength: the number of tensors in a list.
#include "ops/sequences.h"

namespace godwit::ops {
namespace {

std::vector<TensorDesc> infer_list(const NodeView& node) {
  (void)node;
  return {{DType::s64, {}, Layout::nchw}};
}

}  // namespace

const OpDef& op_sequence_length() {
  static const OpDef def{
      .name = "SequenceLength",
      .sentence = "the number of tensors in a list",
      .since_opset = 11,
      .kind = OpKind::sequence,
      .infer = infer_list,
  };
  return def;
}

}  // namespace godwit::ops
