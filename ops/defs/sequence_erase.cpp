// SequenceErase: a list with one tensor less.
#include "ops/sequences.h"

namespace godwit::ops {
namespace {

std::vector<TensorDesc> infer_list(const NodeView& node) { return {node.input(0)}; }

}  // namespace

const OpDef& op_sequence_erase() {
  static const OpDef def{
      .name = "SequenceErase",
      .sentence = "a list with one tensor less",
      .since_opset = 11,
      .max_inputs = 2,
      .kind = OpKind::sequence,
      .infer = infer_list,
  };
  return def;
}

}  // namespace godwit::ops
