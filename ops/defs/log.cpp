// Log: the natural logarithm of each element.
#include <cmath>

#include "ops/algorithms/implementations.h"
#include "ops/elementwise.h"
#include "ops/flat.h"
#include "ops/movement.h"

namespace godwit::ops {
namespace {

void reference(const NodeView&, std::span<const TensorView> src, std::span<const TensorView> dst) {
  map_unary(src[0], dst[0], [](double x) { return std::log(x); });
}

}  // namespace

const OpDef& op_log() {
  static const OpDef def{
      .name = "Log",
      .sentence = "the natural logarithm of each element",
      .since_opset = 6,
      .kind = OpKind::elementwise,
      .infer = infer_unary,
      .reference = reference,
      .cost = cost_per_element<10>,
      .layout = any_layout,
      .batch_separable = always,
      .implementations = {&unary_log, &flat<reference>},
  };
  return def;
}

}  // namespace godwit::ops
