// Selu: an Elu times gamma, whose constants keep mean and variance from layer to layer.
#include <cmath>

#include "ops/algorithms/implementations.h"
#include "ops/elementwise.h"
#include "ops/flat.h"
#include "ops/movement.h"

namespace godwit::ops {
namespace {

void reference(const NodeView& node, std::span<const TensorView> src, std::span<const TensorView> dst) {
  const auto alpha = static_cast<double>(node.attributes.real("alpha", 1.67326319217681884765625F));
  const auto gamma = static_cast<double>(node.attributes.real("gamma", 1.05070102214813232421875F));
  map_unary(src[0], dst[0], [alpha, gamma](double x) { return gamma * (x > 0 ? x : alpha * std::expm1(x)); });
}

}  // namespace

const OpDef& op_selu() {
  static const OpDef def{
      .name = "Selu",
      .sentence = "gamma x, or gamma alpha (exp(x) - 1) where x <= 0",
      .since_opset = 6,
      .attributes = {{"alpha", AttributeType::real}, {"gamma", AttributeType::real}},
      .kind = OpKind::elementwise,
      .infer = infer_unary,
      .reference = reference,
      .cost = cost_per_element<10>,
      .layout = any_layout,
      .takes_16_bits = true,
      .batch_separable = always,
      .implementations = {&unary_selu, &flat<reference>},
  };
  return def;
}

}  // namespace godwit::ops
