// ReduceLogSum: the logarithm of the sum over some axes.
#include <cmath>

#include "ops/reduction.h"

namespace godwit::ops {
namespace {

void reference(const NodeView& node, std::span<const TensorView> src, std::span<const TensorView> dst) {
  visit_reduced(dst[0].desc.dtype, [&]<class T>() {
    for_each_group<T>(node, src, [&](std::int64_t to, const auto& group) {
      double sum = 0;
      group([&](T value) { sum += static_cast<double>(value); });
      dst[0].as<T>()[to] = number_from<T>(std::log(sum));
    });
  });
}

}  // namespace

const OpDef& op_reduce_log_sum() {
  static const OpDef def{
      .name = "ReduceLogSum",
      .sentence = "the logarithm of the sum over some axes",
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
