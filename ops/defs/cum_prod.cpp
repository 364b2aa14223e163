// CumProd: running products along an axis, from either end, with or without the element itself; integers
// wrap.
#include "ops/cumulative.h"
#include "ops/movement.h"

namespace godwit::ops {
namespace {

void reference(const NodeView& node, std::span<const TensorView> src, std::span<const TensorView> dst) {
  accumulate(node, src, dst[0], 1, [](auto a, auto b) { return a * b; });
}

}  // namespace

const OpDef& op_cum_prod() {
  static const OpDef def{
      .name = "CumProd",
      .sentence = "running products along an axis",
      .since_opset = 26,
      .min_inputs = 2,
      .max_inputs = 2,
      .attributes = cumulative_attributes(),
      .kind = OpKind::other,
      .infer = infer_cumulative,
      .reference = reference,
      .extents = same_extents,
      .batch_separable = cumulative_keeps_images_apart,
  };
  return def;
}

}  // namespace godwit::ops
