// Pad: the operand with elements put around it (or cut off), constant or repeated from inside.
#include <algorithm>
#include <fmt/format.h>

#include "ops/algorithms/pad_rows.h"
#include "ops/axes.h"
#include "ops/movement.h"
#include "ops/padding.h"
#include "runtime/counted.h"
#include "runtime/error.h"

namespace godwit::ops {
namespace {

// Bounds every later sum of pads and positions within 63 bits.
constexpr std::int64_t kLargestPad = std::int64_t{1} << 40;

void check_value(const NodeView& node) {
  if (!node.has_input(2)) return;
  const TensorDesc& value = node.input(2);
  if (value.dtype != node.input(0).dtype) {
    throw Error(fmt::format("input 2 (constant_value) is {}, expected {} as input 0", name_of(value.dtype),
                            name_of(node.input(0).dtype)));
  }
  if (value.shape.known() && value.shape.elements() != 1) {
    throw Error(
        fmt::format("input 2 (constant_value) has shape {}, expected one element", value.shape.to_string()));
  }
}

std::int64_t padded_dim(std::int64_t dim, std::int64_t begin, std::int64_t end, PadMode mode) {
  for (const std::int64_t pad : {begin, end}) {
    if (pad < -kLargestPad || pad > kLargestPad) throw Error(fmt::format("a pad of {} is out of range", pad));
  }
  if (is_bounded(dim)) return at_most(std::max<std::int64_t>(bound_of(dim) + begin + end, 0));
  if (!is_known(dim)) return begin + end == 0 ? dim : kAnyDim;
  if (dim > kLargestPad) throw Error(fmt::format("a dimension of {} is too large to be padded", dim));
  const PadAxis axis{dim, begin, end};
  if (axis.padded() < 0)
    throw Error(fmt::format("pads {} and {} leave nothing of a dimension of {}", begin, end, dim));
  if (mode != PadMode::constant && axis.padded() > 0 && axis.kept() == 0) {
    throw Error(
        fmt::format("a dimension of {} with pads {} and {} has no element to repeat", dim, begin, end));
  }
  return axis.padded();
}

std::vector<TensorDesc> infer_pad(const NodeView& node) {
  const Shape& src = node.shape(0);
  const PadMode mode = pad_mode_of(node.attributes);
  const IntegerList pads = integer_list(node, 1, "pads");
  check_value(node);
  TensorDesc dst{node.input(0).dtype, src, Layout::nchw};
  if (!src.ranked()) return {dst};

  IntegerList axes;
  if (node.has_input(3)) {
    axes = integer_list(node, 3, "axes");
  } else {
    axes.length = src.rank();
    axes.values.emplace();
    for (int axis = 0; axis < src.rank(); ++axis) axes.values->push_back(axis);
  }
  if (!axes.values) {
    dst.shape = shape_of_rank(src.rank());
    return {dst};
  }
  if (is_known(pads.length) && pads.length != 2 * axes.length) {
    throw Error(fmt::format("input 1 (pads) has {}, expected {} (two for each axis)",
                            counted(pads.length, "value"), 2 * axes.length));
  }
  const std::vector<int> normal = normalize_axes(*axes.values, src.rank());
  for (std::size_t k = 0; k < normal.size(); ++k) {
    std::int64_t& dim = dst.shape[normal[k]];
    dim = pads.values ? padded_dim(dim, (*pads.values)[k], (*pads.values)[normal.size() + k], mode) : kAnyDim;
  }
  return {dst};
}

void extents(const NodeView& node, std::span<const TensorView> src, std::span<TensorView> dst) {
  const Shape& shape = src[0].desc.shape;
  const bool repeats = pad_mode_of(node.attributes) != PadMode::constant;
  const PadAxes axes = pad_axes_of(shape, src);
  for (int i = 0; i < shape.rank(); ++i) {
    const PadAxis& axis = axes[static_cast<std::size_t>(i)];
    // An empty operand has nothing to repeat.
    dst[0].desc.shape[i] = repeats && axis.kept() <= 0 ? 0 : std::max<std::int64_t>(axis.padded(), 0);
  }
}

void reference(const NodeView& node, std::span<const TensorView> src, std::span<const TensorView> dst) {
  const Shape& shape = src[0].desc.shape;
  const PadMode mode = pad_mode_of(node.attributes);
  const PadAxes axes = pad_axes_of(shape, src);
  const Index strides = strides_of(src[0].desc);
  std::uint64_t zero = 0;
  const TensorView value =
      src.size() > 2 && src[2].present() ? src[2] : TensorView{{src[0].desc.dtype, {}}, &zero};
  for_each_index(dst[0].desc.shape, [&](const Index& index, std::int64_t to) {
    std::int64_t from = 0;
    bool inside = true;
    for (std::size_t i = 0; i < static_cast<std::size_t>(shape.rank()); ++i) {
      const std::int64_t position = axes[i].position_of(index[i], mode);
      inside = inside && position >= 0;
      from += position * strides[i];
    }
    copy_element(inside ? src[0] : value, inside ? from : 0, dst[0], to);
  });
}

bool pads_nothing(const NodeView& node) {
  const Tensor* pads = node.inputs[1].constant;
  if (pads == nullptr) return false;
  for (std::int64_t k = 0; k < pads->shape().elements(); ++k) {
    if (integer_at(pads->view(), k) != 0) return false;
  }
  return true;
}

}  // namespace

const OpDef& op_pad() {
  static const OpDef def{
      .name = "Pad",
      .sentence = "elements put around the operand",
      .since_opset = 11,
      .min_inputs = 2,
      .max_inputs = 4,
      .attributes = {{"mode", AttributeType::string}},
      .infer = infer_pad,
      .reference = reference,
      .extents = extents,
      .cost = no_arithmetic,
      .layout = any_layout,
      .is_view = pads_nothing,
      .is_identity = pads_nothing,
      .implementations = {&pad_rows},
  };
  return def;
}

}  // namespace godwit::ops
