// Celu: an Elu that is smooth at 0 for every alpha; NaN stays NaN.
#include <algorithm>
#include <array>
#include <cmath>

#include "ops/algorithms/implementations.h"
#include "ops/elementwise.h"
#include "ops/flat.h"
#include "ops/movement.h"

namespace godwit::ops {
namespace {

// ONNX has it for f32 alone.
std::vector<TensorDesc> infer_celu(const NodeView& node) {
  constexpr std::array kTypes{DType::f32};
  require_one_dtype(node, kTypes);
  return infer_unary(node);
}

void reference(const NodeView& node, std::span<const TensorView> src, std::span<const TensorView> dst) {
  const auto alpha = static_cast<double>(node.attributes.real("alpha", 1));
  map_unary(src[0], dst[0],
            [alpha](double x) { return x < 0 ? std::min(0.0, alpha * std::expm1(x / alpha)) : x; });
}

}  // namespace

const OpDef& op_celu() {
  static const OpDef def{
      .name = "Celu",
      .sentence = "max(x, 0) + min(0, alpha (exp(x / alpha) - 1))",
      .since_opset = 12,
      .attributes = {{"alpha", AttributeType::real}},
      .kind = OpKind::elementwise,
      .infer = infer_celu,
      .reference = reference,
      .cost = cost_per_element<10>,
      .layout = any_layout,
      .batch_separable = always,
      .implementations = {&unary_celu, &flat<reference>},
  };
  return def;
}

}  // namespace godwit::ops
