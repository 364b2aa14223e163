// Softplus: log(1 + exp(x)), without overflow.
#include <algorithm>
#include <cmath>

#include "ops/algorithms/implementations.h"
#include "ops/elementwise.h"
#include "ops/flat.h"
#include "ops/movement.h"

namespace godwit::ops {
namespace {

void reference(const NodeView&, std::span<const TensorView> src, std::span<const TensorView> dst) {
  map_unary(src[0], dst[0], [](double x) { return std::max(x, 0.0) + std::log1p(std::exp(-std::abs(x))); });
}

}  // namespace

const OpDef& op_softplus() {
  static const OpDef def{
      .name = "Softplus",
      .sentence = "log(1 + exp(x))",
      .since_opset = 1,
      .kind = OpKind::elementwise,
      .infer = infer_unary,
      .reference = reference,
      .cost = cost_per_element<10>,
      .layout = any_layout,
      .takes_16_bits = true,
      .batch_separable = always,
      .implementations = {&unary_softplus, &flat<reference>},
  };
  return def;
}

}  // namespace godwit::ops
