// GreaterOrEqual: whether a >= b, with broadcasting; false where either is NaN.
#include "ops/elementwise.h"
#include "ops/flat.h"
#include "ops/movement.h"

namespace godwit::ops {
namespace {

void reference(const NodeView&, std::span<const TensorView> src, std::span<const TensorView> dst) {
  map_comparison(src, dst[0], [](auto a, auto b) { return a >= b; });
}

}  // namespace

const OpDef& op_greater_or_equal() {
  static const OpDef def{
      .name = "GreaterOrEqual",
      .sentence = "whether a >= b, with broadcasting",
      .since_opset = 16,
      .min_inputs = 2,
      .max_inputs = 2,
      .kind = OpKind::elementwise,
      .infer = infer_comparison,
      .reference = reference,
      .layout = layout_of_binary,
      .batch_separable = broadcast_keeps_images_apart,
      .implementations = {&flat<reference>},
  };
  return def;
}

}  // namespace godwit::ops
