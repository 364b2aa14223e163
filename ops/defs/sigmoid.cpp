// Sigmoid: 1 / (1 + exp(-x)).
#include <cmath>

#include "ops/algorithms/implementations.h"
#include "ops/elementwise.h"
#include "ops/movement.h"

namespace godwit::ops {
namespace {

void reference(const NodeView&, std::span<const TensorView> src, std::span<const TensorView> dst) {
  map_unary(src[0], dst[0], [](double x) { return 1 / (1 + std::exp(-x)); });
}

}  // namespace

const OpDef& op_sigmoid() {
  static const OpDef def{
      .name = "Sigmoid",
      .sentence = "1 / (1 + exp(-x))",
      .since_opset = 6,
      .kind = OpKind::elementwise,
      .infer = infer_unary,
      .reference = reference,
      .cost = cost_per_element<4>,
      .layout = any_layout,
      .takes_16_bits = true,
      .batch_separable = always,
      .implementations = {&unary_sigmoid},
  };
  return def;
}

}  // namespace godwit::ops
