// BitwiseNot: every bit of an integer turned over.
#include "ops/elementwise.h"
#include "ops/flat.h"
#include "ops/movement.h"

namespace godwit::ops {
namespace {

void reference(const NodeView&, std::span<const TensorView> src, std::span<const TensorView> dst) {
  visit_number(dst[0].desc.dtype, [&]<class T>() {
    if constexpr (std::is_integral_v<T>) {
      const std::int64_t count = dst[0].desc.shape.elements();
      for (std::int64_t i = 0; i < count; ++i) dst[0].as<T>()[i] = static_cast<T>(~src[0].as<const T>()[i]);
    }
  });
}

}  // namespace

const OpDef& op_bitwise_not() {
  static const OpDef def{
      .name = "BitwiseNot",
      .sentence = "every bit of an integer turned over",
      .since_opset = 18,
      .kind = OpKind::elementwise,
      .infer = infer_integer,
      .reference = reference,
      .layout = any_layout,
      .batch_separable = always,
      .implementations = {&flat<reference>},
  };
  return def;
}

}  // namespace godwit::ops
