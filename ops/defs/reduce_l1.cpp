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
  static const OpDef def = reduction("ReduceL1", "the sum of sizes over some axes", 18, reference);
  return def;
}

}  // namespace godwit::ops
