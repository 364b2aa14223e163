// ThresholdedRelu: x where it exceeds alpha, else 0; NaN stays NaN.
#include <cmath>

#include "ops/elementwise.h"
#include "ops/flat.h"
#include "ops/movement.h"

namespace godwit::ops {
namespace {

void reference(const NodeView& node, std::span<const TensorView> src, std::span<const TensorView> dst) {
  const auto alpha = static_cast<double>(node.attributes.real("alpha", 1));
  map_unary(src[0], dst[0], [alpha](double x) { return x > alpha || std::isnan(x) ? x : 0; });
}

}  // namespace

const OpDef& op_thresholded_relu() {
  static const OpDef def{
      .name = "ThresholdedRelu",
      .sentence = "x where x > alpha, else 0",
      .since_opset = 10,
      .attributes = {{"alpha", AttributeType::real}},
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
