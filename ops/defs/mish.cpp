// Mish: x tanh(softplus(x)); 0 at minus infinity.
#include <algorithm>
#include <cmath>

#include "ops/algorithms/implementations.h"
#include "ops/elementwise.h"
#include "ops/flat.h"
#include "ops/movement.h"

namespace godwit::ops {
namespace {

void reference(const NodeView&, std::span<const TensorView> src, std::span<const TensorView> dst) {
  map_unary(src[0], dst[0], [](double x) {
    if (std::isinf(x)) return x > 0 ? x : 0.0;
    return x * std::tanh(std::max(x, 0.0) + std::log1p(std::exp(-std::abs(x))));
  });
}

}  // namespace

const OpDef& op_mish() {
  static const OpDef def{
      .name = "Mish",
      .sentence = "x tanh(log(1 + exp(x)))",
      .since_opset = 18,
      .kind = OpKind::elementwise,
      .infer = infer_unary,
      .reference = reference,
      .cost = cost_per_element<20>,
      .layout = any_layout,
      .takes_16_bits = true,
      .batch_separable = always,
      .implementations = {&unary_mish, &flat<reference>},
  };
  return def;
}

}  // namespace godwit::ops
