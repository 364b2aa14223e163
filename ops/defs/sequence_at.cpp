// SequenceAt: one tensor of a list.
#include "ops/sequences.h"

namespace godwit::ops {
namespace {

std::vector<TensorDesc> infer_list(const NodeView& node) { return {node.input(0)}; }

}  // namespace

const OpDef& op_sequence_at() {
  static const OpDef def{
      .name = "SequenceAt",
      .sentence = "one tensor of a list",
      .since_opset = 11,
      .min_inputs = 2,
      .max_inputs = 2,
      .kind = OpKind::sequence,
      .infer = infer_list,
  };
  return def;
}

}  // namespace godwit::ops
