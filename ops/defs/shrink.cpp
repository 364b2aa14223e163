// Shrink: x moved towards zero by bias, and 0 within lambd of it; NaN stays NaN.
#include <cmath>

#include "ops/elementwise.h"
#include "ops/flat.h"
#include "ops/movement.h"

namespace godwit::ops {
namespace {

void reference(const NodeView& node, std::span<const TensorView> src, std::span<const TensorView> dst) {
  const auto bias = static_cast<double>(node.attributes.real("bias", 0));
  const auto reach = static_cast<double>(node.attributes.real("lambd", 0.5F));
  visit_number(dst[0].desc.dtype, [&]<class T>() {
    const std::int64_t count = dst[0].desc.shape.elements();
    for (std::int64_t i = 0; i < count; ++i) {
      const auto x = static_cast<double>(src[0].as<const T>()[i]);
      const double moved = x < -reach ? x + bias : x > reach ? x - bias : std::isnan(x) ? x : 0;
      dst[0].as<T>()[i] = number_from<T>(moved);
    }
  });
}

}  // namespace

const OpDef& op_shrink() {
  static const OpDef def{
      .name = "Shrink",
      .sentence = "x moved towards zero by bias, and 0 within lambd of it",
      .since_opset = 9,
      .attributes = {{"bias", AttributeType::real}, {"lambd", AttributeType::real}},
      .kind = OpKind::elementwise,
      .infer = infer_number,
      .reference = reference,
      .cost = cost_per_element<2>,
      .layout = any_layout,
      .batch_separable = always,
      .implementations = {&flat<reference>},
  };
  return def;
}

}  // namespace godwit::ops
