// Swish: x times the sigmoid of alpha x (SiLU where alpha is 1).
#include <cmath>

#include "ops/algorithms/implementations.h"
#include "ops/elementwise.h"
#include "ops/flat.h"
#include "ops/movement.h"

namespace godwit::ops {
namespace {

void reference(const NodeView& node, std::span<const TensorView> src, std::span<const TensorView> dst) {
  const auto alpha = static_cast<double>(node.attributes.real("alpha", 1));
  map_unary(src[0], dst[0], [alpha](double x) {
    const double sigmoid = 1 / (1 + std::exp(-alpha * x));
    // Apart from infinity times zero, which would be NaN.
    return sigmoid == 0 ? 0.0 : x * sigmoid;
  });
}

}  // namespace

const OpDef& op_swish() {
  static const OpDef def{
      .name = "Swish",
      .sentence = "x / (1 + exp(-alpha x))",
      .since_opset = 24,
      .attributes = {{"alpha", AttributeType::real}},
      .kind = OpKind::elementwise,
      .infer = infer_unary,
      .reference = reference,
      .cost = cost_per_element<5>,
      .layout = any_layout,
      .takes_16_bits = true,
      .batch_separable = always,
      .implementations = {&unary_swish, &flat<reference>},
  };
  return def;
}

}  // namespace godwit::ops
