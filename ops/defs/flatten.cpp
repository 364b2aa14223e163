// Flatten: the operand as a matrix, the dimensions before `axis` making its rows and the others its columns.
#include <fmt/format.h>

#include "ops/axes.h"
#include "ops/movement.h"
#include "runtime/error.h"

namespace godwit::ops {
namespace {

std::vector<TensorDesc> infer_flatten(const NodeView& node) {
  const Shape& src = node.shape(0);
  const std::int64_t axis = node.attributes.integer("axis", 1);
  if (!src.ranked()) return {{node.input(0).dtype, shape_of_rank(2), Layout::nchw}};
  const int rank = src.rank();
  if (axis < -rank || axis > rank) {
    throw Error(fmt::format("attribute 'axis' is {}, expected {} to {}", axis, -rank, rank));
  }
  const auto split = static_cast<std::size_t>(axis < 0 ? axis + rank : axis);
  return {{node.input(0).dtype,
           {product_of(src.dims().first(split)), product_of(src.dims().subspan(split))},
           Layout::nchw}};
}

void extents(const NodeView& node, std::span<const TensorView> src, std::span<TensorView> dst) {
  const Shape& shape = src[0].desc.shape;
  const std::int64_t axis = node.attributes.integer("axis", 1);
  const auto split = static_cast<int>(axis < 0 ? axis + shape.rank() : axis);
  dst[0].desc.shape[0] = shape.product(0, split);
  dst[0].desc.shape[1] = shape.product(split, shape.rank());
}

}  // namespace

const OpDef& op_flatten() {
  static const OpDef def{
      .name = "Flatten",
      .sentence = "the operand as a matrix, split at one axis",
      .attributes = {{"axis", AttributeType::integer}},
      .kind = OpKind::movement,
      .moves = moves_first,
      .infer = infer_flatten,
      .reference = copy_reference,
      .extents = extents,
      .cost = no_arithmetic,
      .is_view = always,
      .batch_separable = always,
  };
  return def;
}

}  // namespace godwit::ops
