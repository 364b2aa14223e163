// ReduceSumSquare: the sum of squares over some axes; integers wrap around.
#include "ops/reduction.h"

namespace godwit::ops {
namespace {

void reference(const NodeView& node, std::span<const TensorView> src, std::span<const TensorView> dst) {
  visit_reduced(dst[0].desc.dtype, [&]<class T>() {
    using Square = std::conditional_t<std::is_integral_v<T>, std::uint64_t, double>;
    for_each_group<T>(node, src, [&](std::int64_t to, const auto& group) {
      Square sum = 0;
      group([&](T value) { sum += static_cast<Square>(value) * static_cast<Square>(value); });
      dst[0].as<T>()[to] = static_cast<T>(sum);
    });
  });
}

}  // namespace

const OpDef& op_reduce_sum_square() {
  static const OpDef def = reduction("ReduceSumSquare", "the sum of squares over some axes", 18, reference);
  return def;
}

}  // namespace godwit::ops
