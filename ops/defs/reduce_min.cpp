// ReduceMin: the smallest element along some axes, NaN where one is; of nothing, the largest number.
#include <limits>

#include "ops/elementwise.h"
#include "ops/reduction.h"

namespace godwit::ops {
namespace {

void reference(const NodeView& node, std::span<const TensorView> src, std::span<const TensorView> dst) {
  reduce_choices(
      node, src, dst[0], [](auto best, auto value) { return smaller_or_nan(best, value); },
      []<class T>() {
        if constexpr (std::is_floating_point_v<Computed<T>>) {
          return std::numeric_limits<Computed<T>>::infinity();
        } else {
          return std::numeric_limits<T>::max();
        }
      });
}

}  // namespace

const OpDef& op_reduce_min() {
  static const OpDef def =
      reduction("ReduceMin", "the smallest element along some axes", 20, reference, infer_choice);
  return def;
}

}  // namespace godwit::ops
