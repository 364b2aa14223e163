// Compress: the slices along one axis, or the elements of all axes, whose condition is true. What lies behind
// the end of the conditions is left out.
#include <algorithm>
#include <array>
#include <fmt/format.h>

#include "ops/arithmetic.h"
#include "ops/axes.h"
#include "ops/movement.h"
#include "ops/operands.h"
#include "runtime/error.h"

namespace godwit::ops {
namespace {

// The operand as (outer, dim, inner).
struct Slices {
  std::int64_t outer = 1, dim = 1, inner = 1;
};
Slices slices_of(const NodeView& node, const Shape& src) {
  if (!node.attributes.has("axis")) return {1, src.elements(), 1};
  const int axis = normalize_axis(node.attributes.integer("axis", 0), src.rank());
  return {src.product(0, axis), src[axis], src.product(axis + 1, src.rank())};
}

std::vector<TensorDesc> infer_compress(const NodeView& node) {
  require_dtype(node, 1, "condition", std::array{DType::boolean});
  require_rank(node, 1, 1, 1);
  const Shape& src = node.shape(0);
  const bool flat = !node.attributes.has("axis");
  TensorDesc dst{node.input(0).dtype, flat ? Shape{kAnyDim} : src, Layout::nchw};
  if (!src.ranked()) return {dst};
  const int axis = flat ? 0 : normalize_axis(node.attributes.integer("axis", 0), src.rank());
  const std::int64_t dim = flat ? product_of(src.dims()) : src[axis];
  const std::int64_t conditions = node.shape(1).ranked() ? node.shape(1)[0] : kAnyDim;
  const bool dim_bound = is_known(dim) || is_bounded(dim);
  const bool conditions_bound = is_known(conditions) || is_bounded(conditions);
  if (dim_bound && conditions_bound) {
    dst.shape[axis] = at_most(std::min(bound_of(dim), bound_of(conditions)));
  } else {
    dst.shape[axis] = dim_bound ? at_most(bound_of(dim)) : kAnyDim;
  }
  return {dst};
}

void extents(const NodeView& node, std::span<const TensorView> src, std::span<TensorView> dst) {
  const std::int64_t conditions =
      std::min(src[1].desc.shape.elements(), slices_of(node, src[0].desc.shape).dim);
  const auto* condition = src[1].as<const bool>();
  const std::int64_t kept = std::count(condition, condition + conditions, true);
  if (!node.attributes.has("axis")) {
    dst[0].desc.shape[0] = kept;
    return;
  }
  const Shape& shape = src[0].desc.shape;
  dst[0].desc.shape = shape;
  dst[0].desc.shape[normalize_axis(node.attributes.integer("axis", 0), shape.rank())] = kept;
}

void reference(const NodeView& node, std::span<const TensorView> src, std::span<const TensorView> dst) {
  const Slices slices = slices_of(node, src[0].desc.shape);
  const std::int64_t conditions = std::min(src[1].desc.shape.elements(), slices.dim);
  std::int64_t to = 0;
  for (std::int64_t outer = 0; outer < slices.outer; ++outer) {
    for (std::int64_t k = 0; k < conditions; ++k) {
      if (!src[1].as<const bool>()[k]) continue;
      for (std::int64_t inner = 0; inner < slices.inner; ++inner)
        copy_element(src[0], (outer * slices.dim + k) * slices.inner + inner, dst[0], to++);
    }
  }
}

}  // namespace

const OpDef& op_compress() {
  static const OpDef def{
      .name = "Compress",
      .sentence = "the slices whose condition is true",
      .since_opset = 9,
      .min_inputs = 2,
      .max_inputs = 2,
      .attributes = {{"axis", AttributeType::integer}},
      .kind = OpKind::movement,
      .moves = moves_first,
      .infer = infer_compress,
      .reference = reference,
      .extents = extents,
      .cost = no_arithmetic,
  };
  return def;
}

}  // namespace godwit::ops
