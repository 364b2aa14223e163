// Elu: x where it is not negative, alpha (exp(x) - 1) below; NaN stays NaN.
#include <cmath>

#include "ops/algorithms/implementations.h"
#include "ops/elementwise.h"
#include "ops/flat.h"
#include "ops/movement.h"

namespace godwit::ops {
namespace {

void reference(const NodeView& node, std::span<const TensorView> src, std::span<const TensorView> dst) {
  const auto alpha = static_cast<double>(node.attributes.real("alpha", 1));
  map_unary(src[0], dst[0], [alpha](double x) { return x < 0 ? alpha * std::expm1(x) : x; });
}

}  // namespace

const OpDef& op_elu() {
  static const OpDef def{
      .name = "Elu",
      .sentence = "x, or alpha (exp(x) - 1) where x < 0",
      .since_opset = 6,
      .attributes = {{"alpha", AttributeType::real}},
      .kind = OpKind::elementwise,
      .infer = infer_unary,
      .reference = reference,
      .cost = cost_per_element<10>,
      .layout = any_layout,
      .takes_16_bits = true,
      .batch_separable = always,
      .implementations = {&unary_elu, &flat<reference>},
  };
  return def;
}

}  // namespace godwit::ops
