// ReduceL2: the root of the sum of squares over some axes, cut to a whole number for integers.
#include <cmath>

#include "ops/reduction.h"

namespace godwit::ops {
namespace {

void reference(const NodeView& node, std::span<const TensorView> src, std::span<const TensorView> dst) {
  visit_reduced(dst[0].desc.dtype, [&]<class T>() {
    for_each_group<T>(node, src, [&](std::int64_t to, const auto& group) {
      double sum = 0;
      group([&](T value) { sum += static_cast<double>(value) * static_cast<double>(value); });
      dst[0].as<T>()[to] = number_from<T>(std::sqrt(sum));
    });
  });
}

}  // namespace

const OpDef& op_reduce_l2() {
  static const OpDef def{
      .name = "ReduceL2",
      .sentence = "the root of the sum of squares over some axes",
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
