// ReduceMean: the mean over some axes.
#include <limits>

#include "ops/algorithms/implementations.h"
#include "ops/reduction.h"

namespace godwit::ops {
namespace {

void reference(const NodeView& node, std::span<const TensorView> src, std::span<const TensorView> dst) {
  // The mean of nothing is NaN, and 0 where there is no NaN; integers are divided towards zero.
  reduce_sums(node, src, dst[0], []<class S>(S sum, std::int64_t count) -> S {
    if (count == 0)
      return static_cast<S>(std::is_same_v<S, double> ? std::numeric_limits<double>::quiet_NaN() : 0.0);
    return sum / static_cast<S>(count);
  });
}

}  // namespace

const OpDef& op_reduce_mean() {
  static const OpDef def{
      .name = "ReduceMean",
      .sentence = "the mean over some axes",
      .since_opset = 18,
      .max_inputs = 2,
      .attributes = reduction_attributes(),
      .kind = OpKind::reduction,
      .infer = infer_reduction,
      .reference = reference,
      .cost = cost_of_reduction,
      .layout = layout_of_sum,
      .is_view = reduces_nothing,
      .batch_separable = reduction_keeps_images_apart,
      .implementations = {&reduce_mean_spans},
  };
  return def;
}

}  // namespace godwit::ops
