// RandomUniformLike: numbers drawn evenly from a range, in the operand's shape.
#include "ops/drawing.h"
#include "ops/movement.h"

namespace godwit::ops {
namespace {

void reference(const NodeView& node, std::span<const TensorView>, std::span<const TensorView> dst) {
  draw_uniform(node, dst[0]);
}

}  // namespace

const OpDef& op_random_uniform_like() {
  static const OpDef def{
      .name = "RandomUniformLike",
      .sentence = "numbers drawn evenly from a range, in the operand's shape",
      .attributes = {{"dtype", AttributeType::integer},
                     {"high", AttributeType::real},
                     {"low", AttributeType::real},
                     {"seed", AttributeType::real}},
      .kind = OpKind::random,
      .infer = infer_drawn_like,
      .reference = reference,
      .extents = same_extents,
  };
  return def;
}

}  // namespace godwit::ops
