// NegativeLogLikelihoodLoss: minus the logarithms of probabilities that stand at the right classes.
#include "ops/loss.h"

namespace godwit::ops {
namespace {

void reference(const NodeView& node, std::span<const TensorView> src, std::span<const TensorView> dst) {
  const Shape& shape = src[0].desc.shape;
  const std::int64_t classes = shape[1], plane = shape.product(2, shape.rank());
  compute_loss(node, src, dst[0], [&](std::int64_t n, std::int64_t c, std::int64_t place) {
    return real_at(src[0], (n * classes + c) * plane + place);
  });
}

}  // namespace

const OpDef& op_negative_log_likelihood_loss() {
  static const OpDef def{
      .name = "NegativeLogLikelihoodLoss",
      .sentence = "minus the logarithms of the right classes' probabilities",
      .since_opset = 12,
      .min_inputs = 2,
      .max_inputs = 3,
      .attributes = loss_attributes(),
      .kind = OpKind::reduction,
      .infer = infer_loss,
      .reference = reference,
  };
  return def;
}

}  // namespace godwit::ops
