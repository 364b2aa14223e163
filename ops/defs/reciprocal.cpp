// Reciprocal: 1 over each element.
#include "ops/algorithms/implementations.h"
#include "ops/elementwise.h"
#include "ops/flat.h"
#include "ops/movement.h"

namespace godwit::ops {
namespace {

void reference(const NodeView&, std::span<const TensorView> src, std::span<const TensorView> dst) {
  map_unary(src[0], dst[0], [](double x) { return 1 / x; });
}

}  // namespace

const OpDef& op_reciprocal() {
  static const OpDef def{
      .name = "Reciprocal",
      .sentence = "1 over each element",
      .since_opset = 6,
      .kind = OpKind::elementwise,
      .infer = infer_unary,
      .reference = reference,
      .layout = any_layout,
      .batch_separable = always,
      .implementations = {&unary_reciprocal, &flat<reference>},
  };
  return def;
}

}  // namespace godwit::ops
