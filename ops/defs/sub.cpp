// Sub: a - b with broadcasting; integers wrap around.
#include "ops/algorithms/implementations.h"
#include "ops/elementwise.h"

namespace godwit::ops {
namespace {

void reference(const NodeView& node, std::span<const TensorView> src, std::span<const TensorView> dst) {
  map_binary(node, src, dst[0],
             [](auto a, auto b) { return wrap_around(a, b, [](auto x, auto y) { return x - y; }); });
}

}  // namespace

const OpDef& op_sub() {
  static const OpDef def{
      .name = "Sub",
      .sentence = "a - b with broadcasting",
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
      .implementations = {&binary_sub},
  };
  return def;
}

}  // namespace godwit::ops
