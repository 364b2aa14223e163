// Ceil: the smallest whole number that is not less.
#include <cmath>

#include "ops/elementwise.h"
#include "ops/flat.h"
#include "ops/movement.h"

namespace godwit::ops {
namespace {

void reference(const NodeView&, std::span<const TensorView> src, std::span<const TensorView> dst) {
  map_unary(src[0], dst[0], [](double x) { return std::ceil(x); });
}

}  // namespace

const OpDef& op_ceil() {
  static const OpDef def{
      .name = "Ceil",
      .sentence = "the smallest whole number that is not less",
      .since_opset = 6,
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
