// LpNormalization: elements over the L1 or L2 norm along one axis; 0 where that is 0.
#include <cmath>
#include <fmt/format.h>

#include "ops/lines.h"
#include "ops/movement.h"
#include "runtime/error.h"

namespace godwit::ops {
namespace {

std::vector<TensorDesc> infer_lp_normalization(const NodeView& node) {
  const std::int64_t p = node.attributes.integer("p", 2);
  if (p != 1 && p != 2) throw Error(fmt::format("attribute 'p' is {}, expected 1 or 2", p));
  return infer_lines(node);
}

void reference(const NodeView& node, std::span<const TensorView> src, std::span<const TensorView> dst) {
  const std::int64_t p = node.attributes.integer("p", 2);
  map_lines(node, src[0], dst[0], [&](const auto& line) {
    double sum = 0;
    for (std::int64_t i = 0; i < line.count; ++i) sum += p == 1 ? std::abs(line[i]) : line[i] * line[i];
    const double norm = p == 1 ? sum : std::sqrt(sum);
    for (std::int64_t i = 0; i < line.count; ++i) line.set(i, norm == 0 ? 0 : line[i] / norm);
  });
}

}  // namespace

const OpDef& op_lp_normalization() {
  static const OpDef def{
      .name = "LpNormalization",
      .sentence = "elements over the L1 or L2 norm along an axis",
      .since_opset = 1,
      .attributes = {{"axis", AttributeType::integer}, {"p", AttributeType::integer}},
      .kind = OpKind::normalization,
      .infer = infer_lp_normalization,
      .reference = reference,
      .extents = same_extents,
      .cost = cost_per_element<3>,
      .batch_separable = lines_keep_images_apart,
  };
  return def;
}

}  // namespace godwit::ops
