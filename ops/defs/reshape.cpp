// Reshape: the same elements in the same order under another shape.
#include <algorithm>
#include <fmt/format.h>

#include "ops/axes.h"
#include "ops/layout.h"
#include "ops/movement.h"
#include "runtime/counted.h"
#include "runtime/error.h"

namespace godwit::ops {
namespace {

// The dimension that is left to inference (-1), from the operand's dimensions that are not copied to the
// result and the result's that are named by number. A symbol survives where all numbers beside it cancel;
// bounds give a bound.
std::int64_t remaining_dim(const Shape& src, std::span<const std::int64_t> src_dims,
                           std::span<const std::int64_t> dst_dims) {
  std::vector<std::int64_t> known;
  std::vector<std::int64_t> unknown;
  for (const std::int64_t dim : src_dims) (is_known(dim) ? known : unknown).push_back(dim);
  const std::int64_t from = product_of(known);
  const std::int64_t to = product_of(dst_dims);
  if (!src.ranked()) return kAnyDim;
  if (from == 0) return 0;
  if (unknown.size() == 1 && from == to) return unknown[0];
  if (!unknown.empty()) {
    const std::int64_t most = product_of(src_dims);
    return is_bounded(most) && to > 0 ? at_most(bound_of(most) / to) : kAnyDim;
  }
  if (from % to != 0) {
    throw Error(fmt::format("shape {} cannot be divided into {} equal parts to find dimension -1",
                            src.to_string(), to));
  }
  return from / to;
}

Shape resolve(const Shape& src, std::span<const std::int64_t> target, bool allow_zero) {
  if (target.size() > kMaxRank) (void)shape_of_rank(static_cast<std::int64_t>(target.size()));  // throws
  std::vector<std::int64_t> src_dims(src.dims().begin(), src.dims().end());
  std::vector<std::int64_t> numbers;
  Shape dst;
  int inferred = -1;
  for (std::size_t i = 0; i < target.size(); ++i) {
    const std::int64_t dim = target[i];
    if (dim < -1)
      throw Error(fmt::format("dimension {} of the new shape is {}, expected at least -1", i, dim));
    if (dim == -1) {
      if (inferred >= 0) throw Error("the new shape has more than one -1");
      inferred = static_cast<int>(i);
      dst.append(kAnyDim);
    } else if (dim == 0 && !allow_zero) {
      if (src.ranked() && i >= src.dims().size()) {
        throw Error(fmt::format("dimension {} of the new shape is copied from an operand of {}", i,
                                counted(src.rank(), "dimension")));
      }
      dst.append(src.ranked() ? src.dims()[i] : kAnyDim);
      if (src.ranked()) src_dims[i] = 1;
    } else {
      dst.append(dim);
      numbers.push_back(dim);
    }
  }
  if (inferred >= 0) {
    if (std::ranges::find(numbers, 0) != numbers.end()) throw Error("the new shape has a 0 and a -1");
    dst[inferred] = remaining_dim(src, src_dims, numbers);
  }
  if (src.known() && dst.known() && src.elements() != dst.elements()) {
    throw Error(fmt::format("shape {} ({}) cannot become {} ({})", src.to_string(),
                            counted(src.elements(), "element"), dst.to_string(),
                            counted(dst.elements(), "element")));
  }
  const Shape src_most = src.at_bounds(), dst_most = dst.at_bounds();
  if (src_most.known() && dst_most.known() && dst_most.elements() > src_most.elements()) {
    throw Error(fmt::format("shape {} (at most {}) cannot become {}", src.to_string(),
                            counted(src_most.elements(), "element"), dst.to_string()));
  }
  return dst;
}

std::vector<TensorDesc> infer_reshape(const NodeView& node) {
  const bool allow_zero = node.attributes.flag("allowzero", false);
  const IntegerList target = integer_list(node, 1, "shape");
  TensorDesc dst{node.input(0).dtype, Shape::unranked(), Layout::nchw};
  if (target.values) {
    dst.shape = resolve(node.shape(0), *target.values, allow_zero);
  } else if (target.length == 1 && node.shape(0).ranked()) {
    dst.shape = {product_of(node.shape(0).dims())};
  } else if (is_known(target.length)) {
    dst.shape = shape_of_rank(target.length);
  }
  return {dst};
}

void extents(const NodeView& node, std::span<const TensorView> src, std::span<TensorView> dst) {
  const bool allow_zero = node.attributes.flag("allowzero", false);
  const Shape& from = src[0].desc.shape;
  Shape& to = dst[0].desc.shape;
  if (to.rank() == 1) {
    to[0] = from.elements();
    return;
  }
  std::int64_t rest = from.elements();
  int inferred = -1;
  for (int axis = 0; axis < to.rank(); ++axis) {
    const std::int64_t dim = integer_at(src[1], axis);
    to[axis] = dim == 0 && !allow_zero ? from[axis] : dim;
    if (dim == -1) {
      inferred = axis;
    } else {
      rest = to[axis] == 0 ? 0 : rest / to[axis];
    }
  }
  if (inferred >= 0) to[inferred] = rest;
}

// Batch and channels stay, so that an image's pixels become a line of pixels, or the other way round: the
// same bytes in either layout.
LayoutRule layout(const NodeView& node) {
  if (node.outputs.empty() || !node.shape(0).known() || !node.outputs[0].shape.known())
    return LayoutRule::nchw_only;
  const Shape &src = node.shape(0), &dst = node.outputs[0].shape;
  const bool keeps = can_be_nhwc(src) && can_be_nhwc(dst) && src[0] == dst[0] && src[1] == dst[1];
  return keeps ? LayoutRule::follows : LayoutRule::nchw_only;
}

}  // namespace

const OpDef& op_reshape() {
  static const OpDef def{
      .name = "Reshape",
      .sentence = "the same elements under another shape",
      .since_opset = 5,
      .min_inputs = 2,
      .max_inputs = 2,
      .attributes = {{"allowzero", AttributeType::integer}},
      .kind = OpKind::movement,
      .moves = moves_first,
      .infer = infer_reshape,
      .reference = copy_reference,
      .extents = extents,
      .cost = no_arithmetic,
      .layout = layout,
      .is_view = always,
      .batch_separable = always,
  };
  return def;
}

}  // namespace godwit::ops
