// Identity: the operand itself.
#include "ops/movement.h"

namespace godwit::ops {
namespace {

std::vector<TensorDesc> infer_identity(const NodeView& node) {
  return {{node.input(0).dtype, node.shape(0), Layout::nchw}};
}

}  // namespace

const OpDef& op_identity() {
  static const OpDef def{
      .name = "Identity",
      .sentence = "the operand itself",
      .kind = OpKind::movement,
      .moves = moves_first,
      .infer = infer_identity,
      .reference = copy_reference,
      .extents = same_extents,
      .cost = no_arithmetic,
      .layout = any_layout,
      .is_view = always,
      .is_identity = always,
      .batch_separable = always,
  };
  return def;
}

}  // namespace godwit::ops
