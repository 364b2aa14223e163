// Neg: each element with the other sign; the smallest integer, which has no other, stays.
#include <array>

#include "ops/elementwise.h"
#include "ops/flat.h"
#include "ops/movement.h"

namespace godwit::ops {
namespace {

constexpr std::array kSignedTypes{DType::f32, DType::f64, DType::f16, DType::bf16,
                                  DType::s8,  DType::s16, DType::s32, DType::s64};

std::vector<TensorDesc> infer_neg(const NodeView& node) {
  require_one_dtype(node, kSignedTypes);
  return {{node.input(0).dtype, node.shape(0), Layout::nchw}};
}

void reference(const NodeView&, std::span<const TensorView> src, std::span<const TensorView> dst) {
  visit_number(dst[0].desc.dtype, [&]<class T>() {
    const std::int64_t count = dst[0].desc.shape.elements();
    for (std::int64_t i = 0; i < count; ++i) {
      const T value = src[0].as<const T>()[i];
      if constexpr (is_float(dtype_of<T>)) {
        dst[0].as<T>()[i] = static_cast<T>(-static_cast<Computed<T>>(value));
      } else {
        dst[0].as<T>()[i] = wrap_around(T{0}, value, [](auto a, auto b) { return a - b; });
      }
    }
  });
}

}  // namespace

const OpDef& op_neg() {
  static const OpDef def{
      .name = "Neg",
      .sentence = "each element with the other sign",
      .since_opset = 6,
      .kind = OpKind::elementwise,
      .infer = infer_neg,
      .reference = reference,
      .layout = any_layout,
      .batch_separable = always,
      .implementations = {&flat<reference>},
  };
  return def;
}

}  // namespace godwit::ops
