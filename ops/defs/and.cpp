// And: whether both are true, with broadcasting.
#include "ops/elementwise.h"
#include "ops/flat.h"
#include "ops/movement.h"

namespace godwit::ops {
namespace {

void reference(const NodeView&, std::span<const TensorView> src, std::span<const TensorView> dst) {
  map_pairs<bool, bool>(src, dst[0], [](bool a, bool b) { return a && b; });
}

}  // namespace

const OpDef& op_and() {
  static const OpDef def{
      .name = "And",
      .sentence = "whether both are true, with broadcasting",
      .since_opset = 7,
      .min_inputs = 2,
      .max_inputs = 2,
      .kind = OpKind::elementwise,
      .infer = infer_binary_truth,
      .reference = reference,
      .layout = layout_of_binary,
      .batch_separable = broadcast_keeps_images_apart,
      .implementations = {&flat<reference>},
  };
  return def;
}

}  // namespace godwit::ops
