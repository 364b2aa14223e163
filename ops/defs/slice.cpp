// Slice: a part of the operand along some axes, each with a start, an end and a step as in Python.
#include <algorithm>
#include <fmt/format.h>
#include <limits>

#include "ops/algorithms/strided_copy.h"
#include "ops/axes.h"
#include "ops/movement.h"
#include "runtime/counted.h"
#include "runtime/error.h"

namespace godwit::ops {
namespace {

// The part of one axis that is taken: `count` elements from `start` on, `step` apart.
struct Part {
  std::int64_t start = 0, step = 1, count = 0;
};

// Negative positions count from the end; those beyond an end mean that end.
Part part_of(std::int64_t dim, std::int64_t start, std::int64_t end, std::int64_t step) {
  if (dim == 0) return {};
  if (start < 0) start += dim;
  if (end < 0) end += dim;
  const bool forward = step > 0;
  start = std::clamp<std::int64_t>(start, 0, forward ? dim : dim - 1);
  end = forward ? std::clamp<std::int64_t>(end, 0, dim) : std::clamp<std::int64_t>(end, -1, dim - 1);
  step = std::clamp(step, -dim, dim);  // a longer step leads outside just the same
  const std::int64_t distance = forward ? end - start : start - end;
  return {start, step, distance <= 0 ? 0 : (distance - 1) / std::abs(step) + 1};
}

void check_length(const IntegerList& list, const IntegerList& starts, std::size_t i, std::string_view what) {
  if (!may_be_same_dim(list.length, starts.length)) {
    throw Error(fmt::format("input {} ({}) has {} and input 1 (starts) has {}; they must be as many", i, what,
                            counted(list.length, "value"), starts.length));
  }
}

// The dimension that a slice leaves of one whose size is unknown.
std::int64_t unknown_dim(std::int64_t dim, std::int64_t start, std::int64_t end, std::int64_t step) {
  // Exporters write "to the end" as the largest integer of either width.
  const bool everything = start == 0 && step == 1 && end >= std::numeric_limits<std::int32_t>::max();
  if (everything) return dim;
  if (!is_bounded(dim)) return kAnyDim;
  // Counted from one end only, a part grows with the dimension.
  const std::int64_t most = bound_of(dim);
  if (step > 0 && (start >= 0 || end >= most)) return at_most(part_of(most, start, end, step).count);
  return dim;
}

// The dimension that a slice leaves whose bounds a run computes.
std::int64_t computed_dim(std::int64_t dim) {
  return is_known(dim) || is_bounded(dim) ? at_most(bound_of(dim)) : kAnyDim;
}

std::vector<TensorDesc> infer_slice(const NodeView& node) {
  const Shape& src = node.shape(0);
  const IntegerList starts = integer_list(node, 1, "starts");
  const IntegerList ends = integer_list(node, 2, "ends");
  IntegerList axes{std::vector<std::int64_t>{}, starts.length};
  IntegerList steps{std::vector<std::int64_t>{}, starts.length};
  if (node.has_input(3)) axes = integer_list(node, 3, "axes");
  if (node.has_input(4)) steps = integer_list(node, 4, "steps");
  check_length(ends, starts, 2, "ends");
  check_length(axes, starts, 3, "axes");
  check_length(steps, starts, 4, "steps");
  if (steps.values && std::ranges::find(*steps.values, 0) != steps.values->end()) {
    throw Error("input 4 (steps) has a 0, expected steps forward or backward");
  }

  TensorDesc dst{node.input(0).dtype, src, Layout::nchw};
  if (!src.ranked()) return {dst};
  if (!axes.values || !is_known(starts.length)) {
    std::vector<std::int64_t> most(src.dims().begin(), src.dims().end());
    for (std::int64_t& dim : most) dim = computed_dim(dim);
    dst.shape = Shape(most);
    return {dst};
  }
  if (starts.length > src.rank()) {
    throw Error(fmt::format("{} to slice of an operand of {} dimensions",
                            counted(starts.length, "axis", "axes"), src.rank()));
  }
  if (!node.has_input(3)) {
    for (std::int64_t axis = 0; axis < starts.length; ++axis) axes.values->push_back(axis);
  }
  if (!node.has_input(4)) steps.values->assign(static_cast<std::size_t>(starts.length), 1);
  const std::vector<int> normal = normalize_axes(*axes.values, src.rank());
  for (std::size_t k = 0; k < normal.size(); ++k) {
    std::int64_t& dim = dst.shape[normal[k]];
    if (!starts.values || !ends.values || !steps.values) {
      dim = computed_dim(dim);
    } else if (is_known(dim)) {
      dim = part_of(dim, (*starts.values)[k], (*ends.values)[k], (*steps.values)[k]).count;
    } else {
      dim = unknown_dim(dim, (*starts.values)[k], (*ends.values)[k], (*steps.values)[k]);
    }
  }
  return {dst};
}

struct Origin {
  Index start{}, step{};
};

// Calls visit(axis, part) for each axis that the operands at positions 1 to 4 name. Computed lists may hold
// anything: an axis that is none is passed over, a step of 0 is one of 1, the shortest list counts.
template <class Visit>
void for_each_part(const Shape& src, std::span<const TensorView> operands, const Visit& visit) {
  const auto present = [&](std::size_t i) { return i < operands.size() && operands[i].present(); };
  std::int64_t count = operands[1].desc.shape.elements();
  for (std::size_t i = 2; i < 5; ++i) {
    if (present(i)) count = std::min(count, operands[i].desc.shape.elements());
  }
  for (std::int64_t k = 0; k < count; ++k) {
    std::int64_t axis = present(3) ? integer_at(operands[3], k) : k;
    if (axis < 0) axis += src.rank();
    if (axis < 0 || axis >= src.rank()) continue;
    const std::int64_t step = present(4) ? integer_at(operands[4], k) : 1;
    visit(static_cast<int>(axis), part_of(src[static_cast<int>(axis)], integer_at(operands[1], k),
                                          integer_at(operands[2], k), step == 0 ? 1 : step));
  }
}

// The slice's begin on each axis and the step between its elements.
Origin origin_of(const Shape& src, std::span<const TensorView> operands) {
  Origin origin;
  origin.step.fill(1);
  for_each_part(src, operands, [&](int axis, const Part& part) {
    origin.start[static_cast<std::size_t>(axis)] = part.start;
    origin.step[static_cast<std::size_t>(axis)] = part.step;
  });
  return origin;
}

void extents(const NodeView&, std::span<const TensorView> src, std::span<TensorView> dst) {
  dst[0].desc.shape = src[0].desc.shape;
  for_each_part(src[0].desc.shape, src,
                [&](int axis, const Part& part) { dst[0].desc.shape[axis] = part.count; });
}

void reference(const NodeView&, std::span<const TensorView> src, std::span<const TensorView> dst) {
  const int rank = dst[0].desc.shape.rank();
  const Origin origin = origin_of(src[0].desc.shape, src);
  const Index strides = strides_of(src[0].desc);
  for_each_index(dst[0].desc.shape, [&](const Index& index, std::int64_t to) {
    std::int64_t from = 0;
    for (std::size_t i = 0; i < static_cast<std::size_t>(rank); ++i) {
      from += (origin.start[i] + index[i] * origin.step[i]) * strides[i];
    }
    copy_element(src[0], from, dst[0], to);
  });
}

std::string reject(const NodeView& node, const Target&) {
  for (std::size_t i = 1; i < node.inputs.size(); ++i) {
    if (node.has_input(i) && node.inputs[i].constant == nullptr) return "its bounds are computed at run time";
  }
  return {};
}

std::unique_ptr<Executable> prepare_copy(const NodeView& node, const PrepareContext&) {
  std::vector<TensorView> operands;
  for (const Operand& operand : node.inputs) {
    operands.push_back(operand.constant != nullptr ? operand.constant->view() : TensorView{});
  }
  const Origin origin = origin_of(node.shape(0), operands);
  const Index strides = strides_of(node.input(0));
  CopyBox box{.extent = node.outputs[0].shape, .dst_strides = strides_of(node.outputs[0])};
  for (std::size_t i = 0; i < static_cast<std::size_t>(node.shape(0).rank()); ++i) {
    box.src_strides[i] = origin.step[i] * strides[i];
    box.src_offset += origin.start[i] * strides[i];
  }
  const CopyPart part{.box = box};
  return make_copies({&part, 1}, size_of(node.input(0).dtype));
}

const Implementation strided_copy{"strided_copy", "the part copied in the longest runs there are", reject,
                                  prepare_copy};

}  // namespace

const OpDef& op_slice() {
  static const OpDef def{
      .name = "Slice",
      .sentence = "a part of the operand along some axes",
      .since_opset = 10,
      .min_inputs = 3,
      .max_inputs = 5,
      .kind = OpKind::movement,
      .moves = moves_first,
      .infer = infer_slice,
      .reference = reference,
      .extents = extents,
      .cost = no_arithmetic,
      .layout = any_layout,
      .implementations = {&strided_copy},
  };
  return def;
}

}  // namespace godwit::ops
