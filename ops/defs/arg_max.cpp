// ArgMax: where the largest element along an axis stands, the first or the last of equal ones; NaN counts as
// largest.
#include "ops/arg_reduction.h"
#include "ops/reduction.h"

namespace godwit::ops {
namespace {

void reference(const NodeView& node, std::span<const TensorView> src, std::span<const TensorView> dst) {
  find_along_axis(node, src[0], dst[0], [](auto value, auto best) { return value > best; });
}

}  // namespace

const OpDef& op_arg_max() {
  static const OpDef def{
      .name = "ArgMax",
      .sentence = "where the largest element along an axis stands",
      .since_opset = 13,
      .attributes = arg_attributes(),
      .kind = OpKind::reduction,
      .infer = infer_arg,
      .reference = reference,
      .cost = cost_of_reduction,
      .batch_separable = arg_keeps_images_apart,
  };
  return def;
}

}  // namespace godwit::ops
