// Round: the nearest whole number, the even one of two.
#include <cmath>

#include "ops/elementwise.h"
#include "ops/flat.h"
#include "ops/movement.h"

namespace godwit::ops {
namespace {

void reference(const NodeView&, std::span<const TensorView> src, std::span<const TensorView> dst) {
  map_unary(src[0], dst[0], [](double x) { return std::nearbyint(x); });
}

}  // namespace

const OpDef& op_round() {
  static const OpDef def{
      .name = "Round",
      .sentence = "the nearest whole number, the even one of two",
      .since_opset = 11,
      .kind = OpKind::elementwise,
      .infer = infer_unary,
      .reference = reference,
      .layout = any_layout,
      .batch_separable = always,
      .implementations = {&flat<reference>},
  };
  return def;
}

}  // namespace godwit::ops
