// LogSoftmax: x less the logarithm of the sum of exponentials along one axis.
#include <cmath>
#include <limits>

#include "ops/elementwise.h"
#include "ops/lines.h"
#include "ops/movement.h"

namespace godwit::ops {
namespace {

void reference(const NodeView& node, std::span<const TensorView> src, std::span<const TensorView> dst) {
  map_lines(node, src[0], dst[0], [](const auto& line) {
    double largest = -std::numeric_limits<double>::infinity();
    for (std::int64_t i = 0; i < line.count; ++i) largest = larger_or_nan(largest, line[i]);
    double sum = 0;
    for (std::int64_t i = 0; i < line.count; ++i) sum += std::exp(line[i] - largest);
    const double total = std::log(sum);
    for (std::int64_t i = 0; i < line.count; ++i) line.set(i, line[i] - largest - total);
  });
}

}  // namespace

const OpDef& op_log_softmax() {
  static const OpDef def{
      .name = "LogSoftmax",
      .sentence = "the logarithm of a softmax along an axis",
      .since_opset = 13,
      .attributes = {{"axis", AttributeType::integer}},
      .kind = OpKind::softmax,
      .infer = infer_lines,
      .reference = reference,
      .extents = same_extents,
      .cost = cost_per_element<4>,
      .batch_separable = lines_keep_images_apart,
  };
  return def;
}

}  // namespace godwit::ops
