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
  static const OpDef def =
      reduction("ReduceL2", "the root of the sum of squares over some axes", 18, reference);
  return def;
}

}  // namespace godwit::ops
