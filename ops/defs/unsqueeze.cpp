// Unsqueeze: the operand with dimensions of size 1 put in.
#include <algorithm>

#include "ops/axes.h"
#include "ops/movement.h"

namespace godwit::ops {
namespace {

std::vector<TensorDesc> infer_unsqueeze(const NodeView& node) {
  const Shape& src = node.shape(0);
  const IntegerList axes = integer_list(node, 1, "axes");
  TensorDesc dst{node.input(0).dtype, Shape::unranked(), Layout::nchw};
  if (!src.ranked() || !is_known(axes.length)) return {dst};
  // A declared length may be so large that the sum would overflow.
  dst.shape = shape_of_rank(std::min<std::int64_t>(axes.length, kMaxRank + 1) + src.rank());
  if (!axes.values) return {dst};

  const std::vector<int> added = normalize_axes(*axes.values, dst.shape.rank());
  int from = 0;
  for (int axis = 0; axis < dst.shape.rank(); ++axis) {
    dst.shape[axis] = std::ranges::find(added, axis) != added.end() ? 1 : src[from++];
  }
  return {dst};
}

void extents(const NodeView&, std::span<const TensorView> src, std::span<TensorView> dst) {
  Shape& shape = dst[0].desc.shape;
  unsigned added = 0;
  for (std::int64_t k = 0; k < src[1].desc.shape.elements(); ++k) {
    const std::int64_t axis = integer_at(src[1], k);
    added |= 1U << static_cast<unsigned>(axis < 0 ? axis + shape.rank() : axis);
  }
  int from = 0;
  for (int axis = 0; axis < shape.rank(); ++axis)
    shape[axis] = (added >> static_cast<unsigned>(axis) & 1U) != 0 ? 1 : src[0].desc.shape[from++];
}

}  // namespace

const OpDef& op_unsqueeze() {
  static const OpDef def{
      .name = "Unsqueeze",
      .sentence = "the operand with dimensions of size 1 put in",
      .since_opset = 13,
      .min_inputs = 2,
      .max_inputs = 2,
      .kind = OpKind::movement,
      .moves = moves_first,
      .infer = infer_unsqueeze,
      .reference = copy_reference,
      .extents = extents,
      .cost = no_arithmetic,
      .is_view = always,
      .batch_separable = always,
  };
  return def;
}

}  // namespace godwit::ops
