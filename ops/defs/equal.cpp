// Equal: whether two operands' elements are the same number, with broadcasting.
#include <fmt/format.h>

#include "ops/elementwise.h"
#include "ops/flat.h"
#include "runtime/error.h"

namespace godwit::ops {
namespace {

std::vector<TensorDesc> infer_equal(const NodeView& node) {
  if (node.input(0).dtype != node.input(1).dtype) {
    throw Error(fmt::format("input 1 is {}, expected {} as input 0", name_of(node.input(1).dtype),
                            name_of(node.input(0).dtype)));
  }
  return {{DType::boolean, broadcast_shapes(node.shape(0), node.shape(1)), Layout::nchw}};
}

// NaN equals nothing, and 0 equals -0.
template <class T>
bool equal(T a, T b) {
  if constexpr (std::is_arithmetic_v<T>) {
    return a == b;
  } else {
    return static_cast<float>(a) == static_cast<float>(b);
  }
}

void reference(const NodeView&, std::span<const TensorView> src, std::span<const TensorView> dst) {
  visit_dtype(src[0].desc.dtype, [&]<class T>() {
    const Shape& shape = dst[0].desc.shape;
    BroadcastIndex a(shape, src[0].desc.shape);
    BroadcastIndex b(shape, src[1].desc.shape);
    const std::int64_t count = shape.elements();
    for (std::int64_t i = 0; i < count; ++i, a.next(), b.next()) {
      dst[0].as<bool>()[i] = equal(src[0].as<const T>()[a.offset()], src[1].as<const T>()[b.offset()]);
    }
  });
}

}  // namespace

const OpDef& op_equal() {
  static const OpDef def{
      .name = "Equal",
      .sentence = "whether two numbers are the same, with broadcasting",
      .since_opset = 7,
      .min_inputs = 2,
      .max_inputs = 2,
      .kind = OpKind::elementwise,
      .infer = infer_equal,
      .reference = reference,
      .layout = layout_of_binary,
      .batch_separable = broadcast_keeps_images_apart,
      .implementations = {&flat<reference>},
  };
  return def;
}

}  // namespace godwit::ops
