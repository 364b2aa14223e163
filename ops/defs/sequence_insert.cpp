// SequenceInsert: a list with one tensor more, at its end or at a place.
#include "ops/sequences.h"

namespace godwit::ops {
namespace {

std::vector<TensorDesc> infer_list(const NodeView& node) { return {joined_desc(node, 1, node.input(0))}; }

}  // namespace

const OpDef& op_sequence_insert() {
  static const OpDef def{
      .name = "SequenceInsert",
      .sentence = "a list with one tensor more",
      .since_opset = 11,
      .min_inputs = 2,
      .max_inputs = 3,
      .kind = OpKind::sequence,
      .infer = infer_list,
  };
  return def;
}

}  // namespace godwit::ops
