// Squeeze: the operand without some of its dimensions of size 1.
#include <algorithm>
#include <fmt/format.h>
#include <numeric>

#include "ops/axes.h"
#include "ops/movement.h"
#include "runtime/counted.h"
#include "runtime/error.h"

namespace godwit::ops {
namespace {

Shape without_axes(const Shape& src, std::span<const int> axes) {
  for (const int axis : axes) {
    if (!may_be_same_dim(src[axis], 1)) {
      throw Error(fmt::format("dimension {} of {} is not 1 and cannot be squeezed", axis, src.to_string()));
    }
  }
  Shape dst;
  for (int axis = 0; axis < src.rank(); ++axis) {
    if (std::ranges::find(axes, axis) == axes.end()) dst.append(src[axis]);
  }
  return dst;
}

std::vector<int> all_axes(int rank) {
  std::vector<int> axes(static_cast<std::size_t>(rank));
  std::iota(axes.begin(), axes.end(), 0);
  return axes;
}

Shape squeezed(const Shape& src, const IntegerList& axes) {
  if (!src.ranked()) return Shape::unranked();
  if (axes.length > src.rank())
    throw Error(fmt::format("{} of {} dimensions", counted(axes.length, "axis", "axes"), src.rank()));
  if (axes.values) return without_axes(src, normalize_axes(*axes.values, src.rank()));
  if (axes.length == src.rank()) return without_axes(src, all_axes(src.rank()));
  return is_known(axes.length) ? shape_of_rank(src.rank() - axes.length) : Shape::unranked();
}

std::vector<TensorDesc> infer_squeeze(const NodeView& node) {
  const Shape& src = node.shape(0);
  TensorDesc dst{node.input(0).dtype, Shape::unranked(), Layout::nchw};
  if (node.has_input(1)) {
    dst.shape = squeezed(src, integer_list(node, 1, "axes"));
  } else if (src.known()) {
    std::vector<int> axes = all_axes(src.rank());
    std::erase_if(axes, [&](int axis) { return src[axis] != 1; });
    dst.shape = without_axes(src, axes);
  }
  return {dst};
}

// Without axes every size is known.
void extents(const NodeView&, std::span<const TensorView> src, std::span<TensorView> dst) {
  if (src.size() < 2 || !src[1].present()) return;
  const Shape& shape = src[0].desc.shape;
  unsigned dropped = 0;
  for (std::int64_t k = 0; k < src[1].desc.shape.elements(); ++k) {
    const std::int64_t axis = integer_at(src[1], k);
    dropped |= 1U << static_cast<unsigned>(axis < 0 ? axis + shape.rank() : axis);
  }
  int to = 0;
  for (int axis = 0; axis < shape.rank(); ++axis) {
    if ((dropped >> static_cast<unsigned>(axis) & 1U) == 0) dst[0].desc.shape[to++] = shape[axis];
  }
}

}  // namespace

const OpDef& op_squeeze() {
  static const OpDef def{
      .name = "Squeeze",
      .sentence = "the operand without some dimensions of size 1",
      .since_opset = 13,
      .max_inputs = 2,
      .kind = OpKind::movement,
      .moves = moves_first,
      .infer = infer_squeeze,
      .reference = copy_reference,
      .extents = extents,
      .cost = no_arithmetic,
      .is_view = always,
      .batch_separable = always,
  };
  return def;
}

}  // namespace godwit::ops
