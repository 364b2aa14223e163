// HardSwish: x times a HardSigmoid of slope 1/6; NaN stays NaN.
#include "ops/algorithms/implementations.h"
#include "ops/elementwise.h"
#include "ops/movement.h"

namespace godwit::ops {
namespace {

void reference(const NodeView&, std::span<const TensorView> src, std::span<const TensorView> dst) {
  map_unary(src[0], dst[0], [](double x) {
    const double line = x / 6 + 0.5;
    // Apart from infinity times zero, which would be NaN.
    return line < 0 ? 0 : line > 1 ? x : x * line;
  });
}

}  // namespace

const OpDef& op_hard_swish() {
  static const OpDef def{
      .name = "HardSwish",
      .sentence = "x * clamp(x / 6 + 0.5, 0, 1)",
      .since_opset = 14,
      .kind = OpKind::elementwise,
      .infer = infer_unary,
      .reference = reference,
      .cost = cost_per_element<5>,
      .layout = any_layout,
      .takes_16_bits = true,
      .batch_separable = always,
      .implementations = {&unary_hard_swish},
  };
  return def;
}

}  // namespace godwit::ops
