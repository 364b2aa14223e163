// ReduceSum: the sum over some axes; integers wrap around.
#include "ops/algorithms/implementations.h"
#include "ops/reduction.h"

namespace godwit::ops {
namespace {

void reference(const NodeView& node, std::span<const TensorView> src, std::span<const TensorView> dst) {
  reduce_sums(node, src, dst[0], [](auto sum, std::int64_t) { return sum; });
}

}  // namespace

const OpDef& op_reduce_sum() {
  static const OpDef def{
      .name = "ReduceSum",
      .sentence = "the sum over some axes",
      .since_opset = 13,
      .max_inputs = 2,
      .attributes = reduction_attributes(),
      .kind = OpKind::reduction,
      .infer = infer_reduction,
      .reference = reference,
      .cost = cost_of_reduction,
      .layout = layout_of_sum,
      .is_view = reduces_nothing,
      .batch_separable = reduction_keeps_images_apart,
      .implementations = {&reduce_sum_spans},
  };
  return def;
}

}  // namespace godwit::ops
