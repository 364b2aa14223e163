// OneHot: a new axis along which one value stands where the index says, and another one everywhere else. An
// index outside of [-depth, depth) leaves only the other one.
#include <fmt/format.h>

#include "ops/axes.h"
#include "ops/movement.h"
#include "ops/numbers.h"
#include "ops/operands.h"
#include "runtime/error.h"

namespace godwit::ops {
namespace {

int axis_of(const NodeView& node, int rank) {
  return normalize_axis(node.attributes.integer("axis", -1), rank + 1);
}

Shape with_axis(const Shape& indices, int axis, std::int64_t depth) {
  Shape dst;
  for (int i = 0; i <= indices.rank(); ++i)
    dst.append(i < axis ? indices[i] : i == axis ? depth : indices[i - 1]);
  return dst;
}

std::vector<TensorDesc> infer_one_hot(const NodeView& node) {
  const Shape& indices = node.shape(0);
  const std::optional<std::int64_t> depth = known_integer(node, 1, "depth", 0);
  if (depth && *depth < 0) throw Error(fmt::format("input 1 (depth) is {}, expected at least 0", *depth));
  if (node.shape(2).known() && node.shape(2).elements() != 2) {
    throw Error(
        fmt::format("input 2 (values) has shape {}, expected two elements", node.shape(2).to_string()));
  }
  TensorDesc dst{node.input(2).dtype, Shape::unranked(), Layout::nchw};
  if (indices.ranked())
    dst.shape = with_axis(indices, axis_of(node, indices.rank()), depth ? *depth : kAnyDim);
  return {dst};
}

void extents(const NodeView& node, std::span<const TensorView> src, std::span<TensorView> dst) {
  const Shape& indices = src[0].desc.shape;
  const int axis = axis_of(node, indices.rank());
  dst[0].desc.shape = with_axis(indices, axis, dst[0].desc.shape[axis]);
}

void reference(const NodeView& node, std::span<const TensorView> src, std::span<const TensorView> dst) {
  const Shape& indices = src[0].desc.shape;
  const int axis = axis_of(node, indices.rank());
  const std::int64_t depth = dst[0].desc.shape[axis];
  const std::int64_t inner = indices.product(axis, indices.rank());
  const std::int64_t count = dst[0].desc.shape.elements();
  for (std::int64_t i = 0; i < count; ++i) {
    const std::int64_t outer = i / inner / depth, at = i / inner % depth;
    const std::int64_t hot = position_of_index(whole_number_at(src[0], outer * inner + i % inner), depth);
    copy_element(src[2], at == hot ? 1 : 0, dst[0], i);
  }
}

}  // namespace

const OpDef& op_one_hot() {
  static const OpDef def{
      .name = "OneHot",
      .sentence = "a value where an index says along a new axis, another one elsewhere",
      .since_opset = 11,
      .min_inputs = 3,
      .max_inputs = 3,
      .attributes = {{"axis", AttributeType::integer}},
      .infer = infer_one_hot,
      .reference = reference,
      .extents = extents,
      .cost = no_arithmetic,
  };
  return def;
}

}  // namespace godwit::ops
