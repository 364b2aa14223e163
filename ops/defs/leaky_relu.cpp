// LeakyRelu: x where it is not negative, alpha x below.
#include "ops/algorithms/implementations.h"
#include "ops/elementwise.h"
#include "ops/movement.h"

namespace godwit::ops {
namespace {

void reference(const NodeView& node, std::span<const TensorView> src, std::span<const TensorView> dst) {
  const auto alpha = static_cast<double>(node.attributes.real("alpha", 0.01F));
  map_unary(src[0], dst[0], [alpha](double x) { return x < 0 ? alpha * x : x; });
}

}  // namespace

const OpDef& op_leaky_relu() {
  static const OpDef def{
      .name = "LeakyRelu",
      .sentence = "x, or alpha * x where x < 0",
      .since_opset = 6,
      .attributes = {{"alpha", AttributeType::real}},
      .kind = OpKind::elementwise,
      .infer = infer_unary,
      .reference = reference,
      .cost = cost_per_element<2>,
      .layout = any_layout,
      .takes_16_bits = true,
      .batch_separable = always,
      .implementations = {&unary_leaky_relu},
  };
  return def;
}

}  // namespace godwit::ops
