// Floor: the largest whole number that is not greater.
#include <cmath>

#include "ops/elementwise.h"
#include "ops/flat.h"
#include "ops/movement.h"

namespace godwit::ops {
namespace {

void reference(const NodeView&, std::span<const TensorView> src, std::span<const TensorView> dst) {
  map_unary(src[0], dst[0], [](double x) { return std::floor(x); });
}

}  // namespace

const OpDef& op_floor() {
  static const OpDef def{
      .name = "Floor",
      .sentence = "the largest whole number that is not greater",
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
