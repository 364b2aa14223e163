// RandomNormalLike: numbers drawn from a normal distribution, in the operand's shape.
#include "ops/drawing.h"
#include "ops/movement.h"

namespace godwit::ops {
namespace {

void reference(const NodeView& node, std::span<const TensorView>, std::span<const TensorView> dst) {
  draw_normal(node, dst[0]);
}

}  // namespace

const OpDef& op_random_normal_like() {
  static const OpDef def{
      .name = "RandomNormalLike",
      .sentence = "numbers drawn from a normal distribution, in the operand's shape",
      .attributes = {{"dtype", AttributeType::integer},
                     {"mean", AttributeType::real},
                     {"scale", AttributeType::real},
                     {"seed", AttributeType::real}},
      .kind = OpKind::random,
      .infer = infer_drawn_like,
      .reference = reference,
      .extents = same_extents,
  };
  return def;
}

}  // namespace godwit::ops
