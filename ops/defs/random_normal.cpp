// RandomNormal: numbers drawn from a normal distribution.
#include "ops/drawing.h"
#include "ops/movement.h"

namespace godwit::ops {
namespace {

void reference(const NodeView& node, std::span<const TensorView>, std::span<const TensorView> dst) {
  draw_normal(node, dst[0]);
}

}  // namespace

const OpDef& op_random_normal() {
  static const OpDef def{
      .name = "RandomNormal",
      .sentence = "numbers drawn from a normal distribution",
      .min_inputs = 0,
      .max_inputs = 0,
      .attributes = {{"dtype", AttributeType::integer},
                     {"mean", AttributeType::real},
                     {"scale", AttributeType::real},
                     {"seed", AttributeType::real},
                     {"shape", AttributeType::integers, true}},
      .kind = OpKind::random,
      .infer = infer_drawn,
      .reference = reference,

  };
  return def;
}

}  // namespace godwit::ops
