// Concat: operands one behind the other along one axis.
#include <algorithm>
#include <fmt/format.h>

#include "ops/algorithms/strided_copy.h"
#include "ops/axes.h"
#include "ops/movement.h"
#include "runtime/error.h"

namespace godwit::ops {
namespace {

std::vector<TensorDesc> infer_concat(const NodeView& node) {
  const std::int64_t axis_attribute = node.attributes.integer("axis", 0);
  TensorDesc dst{node.input(0).dtype, Shape::unranked(), Layout::nchw};
  std::vector<std::int64_t> lengths;
  int axis = -1;
  for (std::size_t i = 0; i < node.inputs.size(); ++i) {
    if (!node.has_input(i)) throw Error(fmt::format("input {} is required and missing", i));
    const Shape& src = node.shape(i);
    if (node.input(i).dtype != dst.dtype) {
      throw Error(fmt::format("input {} is {} and input 0 is {}; they must be the same", i,
                              name_of(node.input(i).dtype), name_of(dst.dtype)));
    }
    if (!src.ranked()) {
      lengths.push_back(kAnyDim);
      continue;
    }
    if (!dst.shape.ranked()) {
      axis = normalize_axis(axis_attribute, src.rank());
      dst.shape = src;
    }
    const Shape before = dst.shape;
    bool fits = src.rank() == before.rank();
    for (int k = 0; fits && k < src.rank(); ++k) {
      if (k == axis) continue;
      fits = may_be_same_dim(before[k], src[k]);
      dst.shape[k] = more_specific_dim(before[k], src[k]);
    }
    if (!fits) {
      throw Error(fmt::format("input {} has shape {}, which does not go with {} along axis {}", i,
                              src.to_string(), before.to_string(), axis));
    }
    lengths.push_back(src[axis]);
  }
  if (dst.shape.ranked()) dst.shape[axis] = sum_of(lengths);
  return {dst};
}

// The smallest counts of sizes that do not fit each other at run time.
void extents(const NodeView& node, std::span<const TensorView> src, std::span<TensorView> dst) {
  Shape& shape = dst[0].desc.shape;
  const int axis = normalize_axis(node.attributes.integer("axis", 0), shape.rank());
  shape = src[0].desc.shape;
  for (const TensorView& part : src.subspan(1)) {
    for (int k = 0; k < shape.rank(); ++k) {
      const std::int64_t dim = part.desc.shape[k];
      shape[k] = k == axis ? shape[k] + dim : std::min(shape[k], dim);
    }
  }
}

void reference(const NodeView& node, std::span<const TensorView> src, std::span<const TensorView> dst) {
  const int rank = dst[0].desc.shape.rank();
  const auto axis = static_cast<std::size_t>(normalize_axis(node.attributes.integer("axis", 0), rank));
  const Index strides = strides_of(dst[0].desc);
  std::int64_t begin = 0;  // of this operand, along the axis
  for (const TensorView& part : src) {
    const Index part_strides = strides_of(part.desc);
    Shape shown = dst[0].desc.shape;
    shown[static_cast<int>(axis)] = part.desc.shape[static_cast<int>(axis)];
    for_each_index(shown, [&](const Index& index, std::int64_t) {
      copy_element(part, offset_of(index, part_strides, rank), dst[0],
                   offset_of(index, strides, rank) + begin * strides[axis]);
    });
    begin += shown[static_cast<int>(axis)];
  }
}

std::string accept(const NodeView&, const Target&) { return {}; }

std::unique_ptr<Executable> prepare_copies(const NodeView& node, const PrepareContext&) {
  const TensorDesc& dst = node.outputs[0];
  const int axis = normalize_axis(node.attributes.integer("axis", 0), dst.shape.rank());
  const Index strides = strides_of(dst);
  std::vector<CopyPart> parts;
  std::int64_t begin = 0;
  for (std::size_t i = 0; i < node.inputs.size(); ++i) {
    parts.push_back({.src = i,
                     .box = {.extent = node.shape(i),
                             .src_strides = strides_of(node.input(i)),
                             .dst_strides = strides,
                             .dst_offset = begin * strides[static_cast<std::size_t>(axis)]}});
    begin += node.shape(i)[axis];
  }
  return make_copies(parts, size_of(dst.dtype));
}

const Implementation strided_copy{"strided_copy", "each operand copied in the longest runs there are", accept,
                                  prepare_copies};

bool has_one_operand(const NodeView& node) { return node.inputs.size() == 1; }

bool batch_separable(const NodeView& node) {
  const bool computed =
      std::ranges::all_of(node.inputs, [](const Operand& operand) { return operand.constant == nullptr; });
  return computed && normalize_axis(node.attributes.integer("axis", 0), node.outputs[0].shape.rank()) != 0;
}

}  // namespace

const OpDef& op_concat() {
  static const OpDef def{
      .name = "Concat",
      .sentence = "operands one behind the other along one axis",
      .since_opset = 4,
      .max_inputs = 1024,
      .attributes = {{"axis", AttributeType::integer, true}},
      .kind = OpKind::movement,
      .moves = moves_all,
      .infer = infer_concat,
      .reference = reference,
      .extents = extents,
      .cost = no_arithmetic,
      .layout = any_layout,
      .is_view = has_one_operand,
      .batch_separable = batch_separable,
      .implementations = {&strided_copy},
  };
  return def;
}

}  // namespace godwit::ops
