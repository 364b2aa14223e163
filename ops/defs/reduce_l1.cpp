// ReduceL1: the sum of sizes over some axes; integers wrap around.
#include "ops/reduction.h"

namespace godwit::ops {
namespace {

void reference(const NodeView& node, std::span<const TensorView> src, std::span<const TensorView> dst) {
  reduce_sums(
      node, src, dst[0], [](auto value) { return value < 0 ? -value : value; },
      [](auto sum, std::int64_t) { return sum; });
}

}  // namespace

const OpDef& op_reduce_l1() {
  static const OpDef def{
      .name = "ReduceL1",
      .sentence = "the sum of sizes over some axes",
      .since_opset = 18,
      .max_inputs = 2,
      .attributes = reduction_attributes(),
      .kind = OpKind::reduction,
      .infer = infer_reduction,
      .reference = reference,
      .cost = cost_of_reduction,
      .is_view = reduces_nothing,
      .batch_separable = reduction_keeps_images_apart,
  };
  return def;
}

}  // namespace godwit::ops
