// Resize: the operand sampled more or less densely along its axes. Sums are made in double precision;
// integers are cut off towards zero.
#include "ops/resize.h"

#include <array>
#include <fmt/format.h>

#include "ops/algorithms/implementations.h"
#include "ops/arithmetic.h"
#include "ops/axes.h"
#include "ops/movement.h"
#include "ops/numbers.h"
#include "ops/operands.h"
#include "runtime/error.h"

namespace godwit::ops {
namespace {

enum Input : std::size_t { kData, kRegion, kScales, kSizes };

std::vector<TensorView> constants_of(const NodeView& node) {
  std::vector<TensorView> operands;
  for (const Operand& operand : node.inputs)
    operands.push_back(operand.constant != nullptr ? operand.constant->view() : TensorView{});
  return operands;
}

// True where a list counts: it is there, and not known to be empty.
bool counts(const NodeView& node, std::size_t i) {
  return node.has_input(i) && !(node.shape(i).known() && node.shape(i).elements() == 0);
}

void check_lists(const NodeView& node) {
  constexpr std::array kReal{DType::f32, DType::f64, DType::f16, DType::bf16};
  if (node.has_input(kRegion)) require_dtype(node, kRegion, "roi", kReal);
  if (node.has_input(kScales)) require_dtype(node, kScales, "scales", kReal);
  if (node.has_input(kSizes)) (void)integer_list(node, kSizes, "sizes");
  if (node.has_input(kScales)) require_rank(node, kScales, 1, 1);
  if (counts(node, kScales) && counts(node, kSizes))
    throw Error("inputs 2 (scales) and 3 (sizes) are both given, expected one of them");
  if (!counts(node, kScales) && !counts(node, kSizes))
    throw Error("neither input 2 (scales) nor input 3 (sizes) is given");
}

// Dimensions with those that are not known as 1: what scales and sizes make of them.
std::vector<TensorDesc> infer_resize(const NodeView& node) {
  const ResizeRule rule = resize_rule_of(node.attributes);
  require_wide(node, kData);
  check_lists(node);
  TensorDesc dst{node.input(0).dtype, node.shape(0), Layout::nchw};
  const Shape& src = node.shape(0);
  if (!src.ranked()) return {dst};
  const std::vector<int> named = normalize_axes(node.attributes.integers("axes"), src.rank());
  if (rule.coordinates == CoordinateMode::tf_crop_and_resize && !counts(node, kRegion))
    throw Error("input 1 (roi) is missing, which tf_crop_and_resize needs");
  Shape sizes = src;
  bool all_known = true;
  for (int axis = 0; axis < src.rank(); ++axis) {
    all_known = all_known && is_known(src[axis]);
    if (!is_known(src[axis])) sizes[axis] = 1;
  }
  const bool by_sizes = counts(node, kSizes);
  const std::optional<ResizeAxes> axes = resize_axes_of(node.attributes, sizes, constants_of(node));
  const bool stretches = rule.policy == AspectPolicy::stretch;
  for (int axis = 0; axis < src.rank(); ++axis) {
    const bool touched = !node.attributes.has("axes") || std::ranges::find(named, axis) != named.end();
    if (!touched) continue;
    if (!axes) {
      dst.shape[axis] = kAnyDim;
      continue;
    }
    const ResizeAxis& of = (*axes)[static_cast<std::size_t>(axis)];
    if (is_known(src[axis]) && (all_known || !by_sizes || stretches)) {
      dst.shape[axis] = of.output;
    } else if (by_sizes) {
      dst.shape[axis] = stretches ? of.output : kAnyDim;
    } else if (of.scale != 1) {
      dst.shape[axis] = kAnyDim;
    }
  }
  return {dst};
}

void extents(const NodeView& node, std::span<const TensorView> src, std::span<TensorView> dst) {
  const Shape& shape = src[0].desc.shape;
  const std::optional<ResizeAxes> axes = resize_axes_of(node.attributes, shape, src);
  for (int i = 0; axes && i < shape.rank(); ++i)
    dst[0].desc.shape[i] = (*axes)[static_cast<std::size_t>(i)].output;
}

// The value at one place of the result, axis by axis.
template <class T>
class Sampler {
 public:
  Sampler(const NodeView& node, const TensorView& src, const ResizeAxes& axes)
      : rule_(resize_rule_of(node.attributes)),
        axes_(axes),
        strides_(strides_of(src.desc)),
        rank_(static_cast<std::size_t>(src.desc.shape.rank())),
        data_(src.as<const T>()) {}

  T at(const Index& index) const {
    if constexpr (std::is_integral_v<T>) {
      if (rule_.mode == ResizeMode::nearest) return nearest(index);
    }
    double value = 0;
    if (!sum(index, 0, 0, 1, value)) value = rule_.extrapolation_value;
    return number_cast<T>(value);
  }

 private:
  // Integers are not to pass through a double.
  T nearest(const Index& index) const {
    std::int64_t from = 0;
    for (std::size_t axis = 0; axis < rank_; ++axis) {
      const bool inside = for_each_resize_tap(rule_, axes_[axis], index[axis],
                                              [&](std::int64_t i, double) { from += i * strides_[axis]; });
      if (!inside) return number_cast<T>(rule_.extrapolation_value);
    }
    return data_[from];
  }

  // Adds weight times what axes from `axis` on make of the element at `from`; false where one is outside.
  bool sum(const Index& index, std::size_t axis, std::int64_t from, double weight, double& value) const {
    if (axis == rank_) {
      value += weight * static_cast<double>(static_cast<Computed<T>>(data_[from]));
      return true;
    }
    if (axes_[axis].untouched(rule_))
      return sum(index, axis + 1, from + index[axis] * strides_[axis], weight, value);
    bool inside = true;
    const bool here =
        for_each_resize_tap(rule_, axes_[axis], index[axis], [&](std::int64_t i, double of_tap) {
          inside = sum(index, axis + 1, from + i * strides_[axis], weight * of_tap, value) && inside;
        });
    return here && inside;
  }

  ResizeRule rule_;
  const ResizeAxes& axes_;
  Index strides_;
  std::size_t rank_;
  const T* data_;
};

void reference(const NodeView& node, std::span<const TensorView> src, std::span<const TensorView> dst) {
  const std::optional<ResizeAxes> axes = resize_axes_of(node.attributes, src[0].desc.shape, src);
  visit_wide(dst[0].desc.dtype, [&]<class T>() {
    const Sampler<T> sampler(node, src[0], *axes);
    for_each_index(dst[0].desc.shape,
                   [&](const Index& index, std::int64_t to) { dst[0].as<T>()[to] = sampler.at(index); });
  });
}

// Two operations for each tap along each axis, as if one axis were resized after the other.
Cost cost_resize(const NodeView& node) {
  const ResizeRule rule = resize_rule_of(node.attributes);
  if (rule.mode == ResizeMode::nearest) return {};
  return {.macs = 0,
          .flops = work_product({rule.mode == ResizeMode::linear ? 8 : 16, output_elements(node)})};
}

// The nearest element is one of the operand's.
bool moves(const NodeView& node, std::size_t operand) {
  const ResizeRule rule = resize_rule_of(node.attributes);
  return operand == kData && rule.mode == ResizeMode::nearest &&
         rule.coordinates != CoordinateMode::tf_crop_and_resize;
}

bool batch_separable(const NodeView& node) {
  if (!node.shape(0).known() || node.shape(0).rank() < 2) return false;
  const std::optional<ResizeAxes> axes = resize_axes_of(node.attributes, node.shape(0), constants_of(node));
  return axes && (*axes)[0].untouched(resize_rule_of(node.attributes)) &&
         resize_rule_of(node.attributes).policy == AspectPolicy::stretch;
}

}  // namespace

const OpDef& op_resize() {
  static const OpDef def{
      .name = "Resize",
      .sentence = "the operand sampled more or less densely: nearest, linear or cubic",
      .since_opset = 11,
      .max_inputs = 4,
      .attributes = {{"antialias", AttributeType::integer},
                     {"axes", AttributeType::integers},
                     {"coordinate_transformation_mode", AttributeType::string},
                     {"cubic_coeff_a", AttributeType::real},
                     {"exclude_outside", AttributeType::integer},
                     {"extrapolation_value", AttributeType::real},
                     {"keep_aspect_ratio_policy", AttributeType::string},
                     {"mode", AttributeType::string},
                     {"nearest_mode", AttributeType::string}},
      .kind = OpKind::movement,
      .moves = moves,
      .infer = infer_resize,
      .reference = reference,
      .extents = extents,
      .cost = cost_resize,
      .layout = any_layout,
      .batch_separable = batch_separable,
      .implementations = {&resize_rows},
  };
  return def;
}

}  // namespace godwit::ops
