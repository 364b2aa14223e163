// Gelu: x times the share of a normal distribution below x, by the error function or by a tanh near it.
#include <cmath>

#include "ops/algorithms/implementations.h"
#include "ops/elementwise.h"
#include "ops/flat.h"
#include "ops/movement.h"
#include "runtime/error.h"

namespace godwit::ops {
namespace {

std::vector<TensorDesc> infer_gelu(const NodeView& node) {
  const std::string form = node.attributes.string("approximate", "none");
  if (form != "none" && form != "tanh")
    throw Error("attribute 'approximate' is '" + form + "', expected 'none' or 'tanh'");
  return infer_unary(node);
}

// Apart from infinity times zero, which would be NaN.
double times(double x, double share) { return share == 0 ? 0 : x * share; }

void reference(const NodeView& node, std::span<const TensorView> src, std::span<const TensorView> dst) {
  if (node.attributes.string("approximate", "none") == "tanh") {
    map_unary(src[0], dst[0], [](double x) {
      return times(x, (1 + std::tanh(std::sqrt(2 / M_PI) * (x + 0.044715 * x * x * x))) / 2);
    });
  } else {
    map_unary(src[0], dst[0], [](double x) { return times(x, std::erfc(-x / M_SQRT2) / 2); });
  }
}

}  // namespace

const OpDef& op_gelu() {
  static const OpDef def{
      .name = "Gelu",
      .sentence = "x times the normal distribution function of x, exact or by tanh",
      .since_opset = 20,
      .attributes = {{"approximate", AttributeType::string}},
      .kind = OpKind::elementwise,
      .infer = infer_gelu,
      .reference = reference,
      .cost = cost_per_element<20>,
      .layout = any_layout,
      .takes_16_bits = true,
      .batch_separable = always,
      .implementations = {&unary_gelu, &flat<reference>},
  };
  return def;
}

}  // namespace godwit::ops
