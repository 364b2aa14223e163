// Hardmax: 1 for the first of the largest elements along one axis, 0 for all others; NaN counts as largest.
#include <cmath>

#include "ops/lines.h"
#include "ops/movement.h"

namespace godwit::ops {
namespace {

void reference(const NodeView& node, std::span<const TensorView> src, std::span<const TensorView> dst) {
  map_lines(node, src[0], dst[0], [](const auto& line) {
    std::int64_t found = 0;
    for (std::int64_t i = 1; i < line.count; ++i) {
      const double value = line[i], best = line[found];
      if (value > best || (std::isnan(value) && !std::isnan(best))) found = i;
    }
    for (std::int64_t i = 0; i < line.count; ++i) line.set(i, i == found ? 1.0 : 0.0);
  });
}

}  // namespace

const OpDef& op_hardmax() {
  static const OpDef def{
      .name = "Hardmax",
      .sentence = "1 for the first of the largest elements along an axis, else 0",
      .since_opset = 13,
      .attributes = {{"axis", AttributeType::integer}},
      .kind = OpKind::softmax,
      .infer = infer_lines,
      .reference = reference,
      .extents = same_extents,
      .batch_separable = lines_keep_images_apart,
  };
  return def;
}

}  // namespace godwit::ops
