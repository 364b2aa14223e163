// EyeLike: a matrix of the operand's shape with ones on one diagonal.
#include "ops/arithmetic.h"
#include "ops/movement.h"
#include "ops/numbers.h"
#include "ops/operands.h"

namespace godwit::ops {
namespace {

std::vector<TensorDesc> infer_eye_like(const NodeView& node) {
  require_rank(node, 0, 2, 2);
  return {{dtype_attribute(node.attributes, "dtype", node.input(0).dtype), node.shape(0), Layout::nchw}};
}

void reference(const NodeView& node, std::span<const TensorView>, std::span<const TensorView> dst) {
  const std::int64_t diagonal = node.attributes.integer("k", 0);
  for_each_index(dst[0].desc.shape, [&](const Index& index, std::int64_t i) {
    set_number(dst[0], i, index[1] - index[0] == diagonal ? 1 : 0);
  });
}

bool is_shape_known(const NodeView& node) { return node.shape(0).known(); }

}  // namespace

const OpDef& op_eye_like() {
  static const OpDef def{
      .name = "EyeLike",
      .sentence = "a matrix of the operand's shape with ones on a diagonal",
      .since_opset = 9,
      .attributes = {{"dtype", AttributeType::integer}, {"k", AttributeType::integer}},
      .kind = OpKind::shape,
      .infer = infer_eye_like,
      .reference = reference,
      .extents = same_extents,
      .cost = no_arithmetic,
      .folds_from_descs = is_shape_known,
  };
  return def;
}

}  // namespace godwit::ops
