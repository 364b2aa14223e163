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
  static const OpDef def =
      reduction("ReduceLogSum", "the logarithm of the sum over some axes", 18, reference);
  return def;
}

}  // namespace godwit::ops
