// Div: a / b with broadcasting; integers are truncated toward zero, and divided by zero give 0.
#include "ops/algorithms/implementations.h"
#include "ops/elementwise.h"

namespace godwit::ops {
namespace {

template <class T>
T divide(T a, T b) {
  if constexpr (std::is_floating_point_v<T>) {
    return a / b;
  } else {
    if (b == 0) return 0;
    if constexpr (std::is_signed_v<T>) {
      // The smallest number divided by -1 wraps around to itself, where the processor would trap.
      if (b == -1) return wrap_around(T{0}, a, [](auto x, auto y) { return x - y; });
    }
    return static_cast<T>(a / b);
  }
}

void reference(const NodeView& node, std::span<const TensorView> src, std::span<const TensorView> dst) {
  map_binary(node, src, dst[0], [](auto a, auto b) { return divide(a, b); });
}

}  // namespace

const OpDef& op_div() {
  static const OpDef def{
      .name = "Div",
      .sentence = "a / b with broadcasting",
      .since_opset = 7,
      .min_inputs = 2,
      .max_inputs = 2,
      .kind = OpKind::elementwise,
      .infer = infer_binary,
      .reference = reference,
      .cost = cost_per_element<1>,
      .layout = layout_of_binary,
      .takes_16_bits = true,
      .batch_separable = broadcast_keeps_images_apart,
      .implementations = {&binary_div},
  };
  return def;
}

}  // namespace godwit::ops
