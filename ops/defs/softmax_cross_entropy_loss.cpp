// SoftmaxCrossEntropyLoss: minus the logarithms of the right classes' softmax; gives the logarithms of all
// classes as well where they are asked for.
#include <cmath>
#include <limits>

#include "ops/elementwise.h"
#include "ops/lines.h"
#include "ops/loss.h"

namespace godwit::ops {
namespace {

// The number subtracted from scores to make them logarithms of probabilities: the logarithm of a sum.
double log_total(const TensorView& src, std::int64_t first, std::int64_t count, std::int64_t step) {
  double largest = -std::numeric_limits<double>::infinity(), sum = 0;
  for (std::int64_t i = 0; i < count; ++i) largest = larger_or_nan(largest, real_at(src, first + i * step));
  for (std::int64_t i = 0; i < count; ++i) sum += std::exp(real_at(src, first + i * step) - largest);
  return largest + std::log(sum);
}

void reference(const NodeView& node, std::span<const TensorView> src, std::span<const TensorView> dst) {
  const Shape& shape = src[0].desc.shape;
  const std::int64_t classes = shape[1], plane = shape.product(2, shape.rank());
  compute_loss(node, src, dst[0], [&](std::int64_t n, std::int64_t c, std::int64_t place) {
    const std::int64_t first = n * classes * plane + place;
    return real_at(src[0], first + c * plane) - log_total(src[0], first, classes, plane);
  });
  if (dst.size() < 2 || !dst[1].present()) return;
  for_each_line(shape, 1, [&](std::int64_t first, std::int64_t step) {
    const double total = log_total(src[0], first, classes, step);
    for (std::int64_t i = first; i < first + classes * step; i += step)
      set_real(dst[1], i, real_at(src[0], i) - total);
  });
}

}  // namespace

const OpDef& op_softmax_cross_entropy_loss() {
  static const OpDef def{
      .name = "SoftmaxCrossEntropyLoss",
      .sentence = "minus the logarithms of the right classes' softmax",
      .since_opset = 12,
      .min_inputs = 2,
      .max_inputs = 3,
      .max_outputs = 2,
      .attributes = loss_attributes(),
      .kind = OpKind::reduction,
      .infer = infer_loss,
      .reference = reference,
  };
  return def;
}

}  // namespace godwit::ops
