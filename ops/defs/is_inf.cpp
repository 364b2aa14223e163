// IsInf: whether each element is infinite, of the signs asked for.
#include <cmath>

#include "ops/elementwise.h"
#include "ops/flat.h"
#include "ops/movement.h"

namespace godwit::ops {
namespace {

std::vector<TensorDesc> infer_is_inf(const NodeView& node) {
  require_one_dtype(node, kFloatTypes);
  return {{DType::boolean, node.shape(0), Layout::nchw}};
}

void reference(const NodeView& node, std::span<const TensorView> src, std::span<const TensorView> dst) {
  const bool negative = node.attributes.flag("detect_negative", true);
  const bool positive = node.attributes.flag("detect_positive", true);
  visit_float(src[0].desc.dtype, [&]<class T>() {
    const std::int64_t count = dst[0].desc.shape.elements();
    for (std::int64_t i = 0; i < count; ++i) {
      const auto value = static_cast<Computed<T>>(src[0].as<const T>()[i]);
      dst[0].as<bool>()[i] = std::isinf(value) && (value > 0 ? positive : negative);
    }
  });
}

}  // namespace

const OpDef& op_is_inf() {
  static const OpDef def{
      .name = "IsInf",
      .sentence = "whether an element is infinite",
      .since_opset = 20,
      .attributes = {{"detect_negative", AttributeType::integer},
                     {"detect_positive", AttributeType::integer}},
      .kind = OpKind::elementwise,
      .infer = infer_is_inf,
      .reference = reference,
      .layout = any_layout,
      .batch_separable = always,
      .implementations = {&flat<reference>},
  };
  return def;
}

}  // namespace godwit::ops
