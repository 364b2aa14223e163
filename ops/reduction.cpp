// The axes that a reduction removes.
#include "ops/reduction.h"

#include <algorithm>
#include <fmt/format.h>

#include "ops/axes.h"
#include "runtime/error.h"

namespace godwit::ops {
namespace {

void check_type(DType dtype) {
  const bool narrow = is_narrow(dtype) || (size_of(dtype) < 4 && !is_float(dtype));
  if (narrow)
    throw Error(
        fmt::format("input 0 is {}, expected a float or an integer of 32 or 64 bits", name_of(dtype)));
}

bool empty_means_none(const NodeView& node) { return node.attributes.flag("noop_with_empty_axes", false); }

}  // namespace

std::vector<AttributeSpec> reduction_attributes() {
  return {{"keepdims", AttributeType::integer}, {"noop_with_empty_axes", AttributeType::integer}};
}

std::vector<TensorDesc> infer_reduction(const NodeView& node) {
  check_type(node.input(0).dtype);
  return infer_choice(node);
}

std::vector<TensorDesc> infer_choice(const NodeView& node) {
  const Shape& src = node.shape(0);
  const bool keep = node.attributes.flag("keepdims", true);
  const bool none = empty_means_none(node);
  TensorDesc dst{node.input(0).dtype, Shape::unranked(), Layout::nchw};
  IntegerList axes{std::vector<std::int64_t>{}, 0};
  if (node.has_input(1)) axes = integer_list(node, 1, "axes");
  if (!axes.values || !src.ranked()) {
    // A scalar stays unranked here: its shape would be known although its axes are not checked yet.
    if (keep && src.rank() > 0) dst.shape = shape_of_rank(src.rank());
    if (axes.values && axes.values->empty() && !keep && !none) dst.shape = Shape{};
    return {dst};
  }
  const std::vector<int> reduced = normalize_axes(*axes.values, src.rank());
  dst.shape = Shape{};
  for (int axis = 0; axis < src.rank(); ++axis) {
    const bool gone = reduced.empty() ? !none : std::ranges::find(reduced, axis) != reduced.end();
    if (!gone) dst.shape.append(src[axis]);
    if (gone && keep) dst.shape.append(1);
  }
  return {dst};
}

Cost cost_of_reduction(const NodeView& node) {
  return {.macs = 0, .flops = node.shape(0).known() ? node.shape(0).elements() : 0};
}

LayoutRule layout_of_sum(const NodeView& node) {
  const Shape& shape = node.shape(0);
  if (shape.rank() != 4 || !node.has_input(1)) return LayoutRule::nchw_only;
  const IntegerList axes = integer_list(node, 1, "axes");
  if (!axes.values) return LayoutRule::nchw_only;
  std::vector<int> reduced = normalize_axes(*axes.values, shape.rank());
  std::ranges::sort(reduced);
  return reduced == std::vector<int>{2, 3} ? LayoutRule::nhwc : LayoutRule::nchw_only;
}

bool reduces_nothing(const NodeView& node) {
  const bool no_axes = !node.has_input(1) || node.shape(1) == Shape{0};
  return no_axes && empty_means_none(node);
}

bool reduction_keeps_images_apart(const NodeView& node) {
  if (reduces_nothing(node)) return true;
  if (!node.has_input(1)) return false;
  const IntegerList axes = integer_list(node, 1, "axes");
  return axes.values && !axes.values->empty() &&
         std::ranges::count(normalize_axes(*axes.values, node.shape(0).rank()), 0) == 0;
}

Reduction reduction_of(const NodeView& node, std::span<const TensorView> src) {
  const Shape& shape = src[0].desc.shape;
  const std::int64_t count = src.size() > 1 && src[1].present() ? src[1].desc.shape.elements() : 0;
  const bool all = count == 0 && !empty_means_none(node);
  std::array<bool, kMaxRank> reduced{};
  for (std::int64_t k = 0; k < count; ++k) {
    reduced[static_cast<std::size_t>(normalize_axis(integer_at(src[1], k), shape.rank()))] = true;
  }
  Reduction reduction{shape, shape};
  for (int axis = 0; axis < shape.rank(); ++axis) {
    const bool gone = all || reduced[static_cast<std::size_t>(axis)];
    (gone ? reduction.kept : reduction.group)[axis] = 1;
  }
  return reduction;
}

OpDef reduction(std::string_view name, std::string_view sentence, int since_opset,
                ReferenceFunction reference, InferFunction infer) {
  return {
      .name = name,
      .sentence = sentence,
      .since_opset = since_opset,
      .max_inputs = 2,
      .attributes = reduction_attributes(),
      .kind = OpKind::reduction,
      .infer = infer,
      .reference = reference,
      .cost = cost_of_reduction,
      .is_view = reduces_nothing,
      .batch_separable = reduction_keeps_images_apart,
  };
}

}  // namespace godwit::ops
