// Cosh: the hyperbolic cosine of each element.
#include <cmath>

#include "ops/elementwise.h"
#include "ops/flat.h"
#include "ops/movement.h"

namespace godwit::ops {
namespace {

void reference(const NodeView&, std::span<const TensorView> src, std::span<const TensorView> dst) {
  map_unary(src[0], dst[0], [](double x) { return std::cosh(x); });
}

}  // namespace

const OpDef& op_cosh() {
  static const OpDef def{
      .name = "Cosh",
      .sentence = "the hyperbolic cosine of each element",
      .since_opset = 9,
      .kind = OpKind::elementwise,
      .infer = infer_unary,
      .reference = reference,
      .cost = cost_per_element<10>,
      .layout = any_layout,
      .batch_separable = always,
      .implementations = {&flat<reference>},
  };
  return def;
}

}  // namespace godwit::ops
