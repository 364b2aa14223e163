// HardSigmoid: alpha x + beta between 0 and 1; NaN stays NaN.
#include "ops/algorithms/implementations.h"
#include "ops/elementwise.h"
#include "ops/movement.h"

namespace godwit::ops {
namespace {

void reference(const NodeView& node, std::span<const TensorView> src, std::span<const TensorView> dst) {
  const auto alpha = static_cast<double>(node.attributes.real("alpha", 0.2F));
  const auto beta = static_cast<double>(node.attributes.real("beta", 0.5F));
  map_unary(src[0], dst[0], [alpha, beta](double x) {
    const double line = alpha * x + beta;
    return line < 0 ? 0 : line > 1 ? 1 : line;
  });
}

}  // namespace

const OpDef& op_hard_sigmoid() {
  static const OpDef def{
      .name = "HardSigmoid",
      .sentence = "clamp(alpha * x + beta, 0, 1)",
      .since_opset = 6,
      .attributes = {{"alpha", AttributeType::real}, {"beta", AttributeType::real}},
      .kind = OpKind::elementwise,
      .infer = infer_unary,
      .reference = reference,
      .cost = cost_per_element<4>,
      .layout = any_layout,
      .takes_16_bits = true,
      .batch_separable = always,
      .implementations = {&unary_hard_sigmoid},
  };
  return def;
}

}  // namespace godwit::ops
