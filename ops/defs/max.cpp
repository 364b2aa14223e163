// Max: the largest of all operands, with broadcasting; NaN where any is NaN.
#include "ops/algorithms/implementations.h"
#include "ops/elementwise.h"
#include "ops/flat.h"
#include "ops/movement.h"

namespace godwit::ops {
namespace {

void reference(const NodeView&, std::span<const TensorView> src, std::span<const TensorView> dst) {
  choose_operands(src, dst[0], [](auto a, auto b) { return larger_or_nan(a, b); });
}

}  // namespace

const OpDef& op_max() {
  static const OpDef def{
      .name = "Max",
      .sentence = "the largest of all operands, with broadcasting",
      .since_opset = 8,
      .max_inputs = kMostOperands,
      .kind = OpKind::elementwise,
      .infer = infer_variadic,
      .reference = reference,
      .layout = layout_of_binary,
      .batch_separable = broadcast_keeps_images_apart,
      .implementations = {&binary_max, &flat<reference>},
  };
  return def;
}

}  // namespace godwit::ops
