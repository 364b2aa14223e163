// Relu: max(x, 0); NaN stays NaN.
#include "ops/algorithms/implementations.h"
#include "ops/elementwise.h"
#include "ops/movement.h"

namespace godwit::ops {
namespace {

void reference(const NodeView&, std::span<const TensorView> src, std::span<const TensorView> dst) {
  map_unary(src[0], dst[0], [](double x) { return x < 0 ? 0 : x; });
}

std::optional<Clamp> clamp_of(const NodeView&) { return Clamp{.minimum = 0.0F}; }

}  // namespace

const OpDef& op_relu() {
  static const OpDef def{
      .name = "Relu",
      .sentence = "max(x, 0)",
      .since_opset = 6,
      .kind = OpKind::clamp,
      .clamp = clamp_of,
      .infer = infer_unary,
      .reference = reference,
      .cost = cost_per_element<1>,
      .layout = any_layout,
      .takes_16_bits = true,
      .batch_separable = always,
      .implementations = {&unary_relu},
  };
  return def;
}

}  // namespace godwit::ops
