// RandomUniform: numbers drawn evenly from a range.
#include "ops/drawing.h"
#include "ops/movement.h"

namespace godwit::ops {
namespace {

void reference(const NodeView& node, std::span<const TensorView>, std::span<const TensorView> dst) {
  draw_uniform(node, dst[0]);
}

}  // namespace

const OpDef& op_random_uniform() {
  static const OpDef def{
      .name = "RandomUniform",
      .sentence = "numbers drawn evenly from a range",
      .min_inputs = 0,
      .max_inputs = 0,
      .attributes = {{"dtype", AttributeType::integer},
                     {"high", AttributeType::real},
                     {"low", AttributeType::real},
                     {"seed", AttributeType::real},
                     {"shape", AttributeType::integers, true}},
      .kind = OpKind::random,
      .infer = infer_drawn,
      .reference = reference,

  };
  return def;
}

}  // namespace godwit::ops
