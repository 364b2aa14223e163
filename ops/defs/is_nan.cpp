// IsNaN: whether each element is NaN.
#include <cmath>

#include "ops/elementwise.h"
#include "ops/flat.h"
#include "ops/movement.h"

namespace godwit::ops {
namespace {

std::vector<TensorDesc> infer_is_nan(const NodeView& node) {
  require_one_dtype(node, kFloatTypes);
  return {{DType::boolean, node.shape(0), Layout::nchw}};
}

void reference(const NodeView&, std::span<const TensorView> src, std::span<const TensorView> dst) {
  visit_float(src[0].desc.dtype, [&]<class T>() {
    const std::int64_t count = dst[0].desc.shape.elements();
    for (std::int64_t i = 0; i < count; ++i) {
      dst[0].as<bool>()[i] = std::isnan(static_cast<Computed<T>>(src[0].as<const T>()[i]));
    }
  });
}

}  // namespace

const OpDef& op_is_nan() {
  static const OpDef def{
      .name = "IsNaN",
      .sentence = "whether an element is no number",
      .since_opset = 9,
      .kind = OpKind::elementwise,
      .infer = infer_is_nan,
      .reference = reference,
      .layout = any_layout,
      .batch_separable = always,
      .implementations = {&flat<reference>},
  };
  return def;
}

}  // namespace godwit::ops
