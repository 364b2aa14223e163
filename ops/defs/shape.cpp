// Shape: the operand's dimensions as a list of s64, or a part of them.
#include <algorithm>

#include "ops/axes.h"
#include "ops/movement.h"

namespace godwit::ops {
namespace {

struct AxisRange {
  int begin = 0, end = 0;
  int size() const { return std::max(end - begin, 0); }
};

// Positions outside of the operand's axes mean the nearest inside.
AxisRange range_of(const NodeView& node, int rank) {
  const auto clamped = [rank](std::int64_t axis) {
    if (axis < 0) axis += rank;
    return static_cast<int>(std::clamp<std::int64_t>(axis, 0, rank));
  };
  return {clamped(node.attributes.integer("start", 0)), clamped(node.attributes.integer("end", rank))};
}

std::vector<TensorDesc> infer_shape(const NodeView& node) {
  const Shape& src = node.shape(0);
  return {{DType::s64, {src.ranked() ? range_of(node, src.rank()).size() : kAnyDim}, Layout::nchw}};
}

void reference(const NodeView& node, std::span<const TensorView> src, std::span<const TensorView> dst) {
  const Shape& shape = node.shape(0).bounded() ? src[0].desc.shape : node.shape(0);
  const AxisRange range = range_of(node, shape.rank());
  for (int i = 0; i < range.size(); ++i) dst[0].as<std::int64_t>()[i] = shape[range.begin + i];
}

bool asked_dims_known(const NodeView& node) {
  const Shape& src = node.shape(0);
  if (!src.ranked()) return false;
  const AxisRange range = range_of(node, src.rank());
  for (int i = 0; i < range.size(); ++i) {
    if (!is_known(src[range.begin + i])) return false;
  }
  return true;
}

}  // namespace

const OpDef& op_shape() {
  static const OpDef def{
      .name = "Shape",
      .sentence = "the operand's dimensions as integers",
      .attributes = {{"start", AttributeType::integer}, {"end", AttributeType::integer}},
      .kind = OpKind::shape,
      .infer = infer_shape,
      .reference = reference,
      .extents = no_extents,
      .cost = no_arithmetic,
      .layout = any_layout,
      .folds_from_descs = asked_dims_known,
  };
  return def;
}

}  // namespace godwit::ops
