// Softsign: x / (1 + |x|), which ends at 1 and -1.
#include <cmath>

#include "ops/elementwise.h"
#include "ops/flat.h"
#include "ops/movement.h"

namespace godwit::ops {
namespace {

void reference(const NodeView&, std::span<const TensorView> src, std::span<const TensorView> dst) {
  map_unary(src[0], dst[0],
            [](double x) { return std::isinf(x) ? std::copysign(1.0, x) : x / (1 + std::abs(x)); });
}

}  // namespace

const OpDef& op_softsign() {
  static const OpDef def{
      .name = "Softsign",
      .sentence = "x / (1 + |x|)",
      .since_opset = 1,
      .kind = OpKind::elementwise,
      .infer = infer_unary,
      .reference = reference,
      .cost = cost_per_element<3>,
      .layout = any_layout,
      .batch_separable = always,
      .implementations = {&flat<reference>},
  };
  return def;
}

}  // namespace godwit::ops
