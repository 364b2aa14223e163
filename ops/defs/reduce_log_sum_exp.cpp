// ReduceLogSumExp: the logarithm of the sum of exponentials over some axes, shifted by the largest element.
#include <cmath>
#include <limits>

#include "ops/elementwise.h"
#include "ops/reduction.h"

namespace godwit::ops {
namespace {

void reference(const NodeView& node, std::span<const TensorView> src, std::span<const TensorView> dst) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  visit_reduced(dst[0].desc.dtype, [&]<class T>() {
    for_each_group<T>(node, src, [&](std::int64_t to, const auto& group) {
      double largest = -kInfinity;
      group([&](T value) { largest = larger_or_nan(largest, static_cast<double>(value)); });
      double sum = 0;
      // An infinite one is the result by itself, and its distance to itself is NaN.
      if (std::isfinite(largest))
        group([&](T value) { sum += std::exp(static_cast<double>(value) - largest); });
      dst[0].as<T>()[to] = number_from<T>(std::isfinite(largest) ? largest + std::log(sum) : largest);
    });
  });
}

}  // namespace

const OpDef& op_reduce_log_sum_exp() {
  static const OpDef def =
      reduction("ReduceLogSumExp", "the logarithm of the sum of exponentials over some axes", 18, reference);
  return def;
}

}  // namespace godwit::ops
