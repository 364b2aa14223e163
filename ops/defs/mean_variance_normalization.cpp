// MeanVarianceNormalization: elements less their mean over some axes, over their deviation there plus 1e-9.
#include <algorithm>
#include <array>
#include <cmath>
#include <vector>

#include "ops/axes.h"
#include "ops/elementwise.h"
#include "ops/movement.h"

namespace godwit::ops {
namespace {

constexpr std::array<std::int64_t, 3> kDefaultAxes{0, 2, 3};

std::span<const std::int64_t> axes_of(const NodeView& node) {
  if (!node.attributes.has("axes")) return kDefaultAxes;
  return node.attributes.integers("axes");
}

std::vector<TensorDesc> infer_mean_variance_normalization(const NodeView& node) {
  if (node.shape(0).ranked()) (void)normalize_axes(axes_of(node), node.shape(0).rank());
  return infer_unary(node);
}

void reference(const NodeView& node, std::span<const TensorView> src, std::span<const TensorView> dst) {
  const Shape& shape = src[0].desc.shape;
  const Index strides = strides_of(src[0].desc);
  Shape kept = shape, group = shape;
  for (int axis = 0; axis < shape.rank(); ++axis) group[axis] = 1;
  for (const std::int64_t axis : axes_of(node)) {
    const int i = normalize_axis(axis, shape.rank());
    kept[i] = 1;
    group[i] = shape[i];
  }
  const auto count = static_cast<double>(group.elements());
  for_each_index(kept, [&](const Index& index, std::int64_t) {
    const std::int64_t base = offset_of(index, strides, shape.rank());
    const auto each = [&](const auto& visit) {
      for_each_index(group, [&](const Index& inner, std::int64_t) {
        visit(base + offset_of(inner, strides, shape.rank()));
      });
    };
    double sum = 0, squares = 0;
    each([&](std::int64_t i) { sum += real_at(src[0], i); });
    const double mean = sum / count;
    each([&](std::int64_t i) { squares += (real_at(src[0], i) - mean) * (real_at(src[0], i) - mean); });
    const double deviation = std::sqrt(squares / count) + 1e-9;
    each([&](std::int64_t i) { set_real(dst[0], i, (real_at(src[0], i) - mean) / deviation); });
  });
}

bool batch_separable(const NodeView& node) {
  const std::vector<int> axes = normalize_axes(axes_of(node), node.shape(0).rank());
  return std::ranges::find(axes, 0) == axes.end();
}

}  // namespace

const OpDef& op_mean_variance_normalization() {
  static const OpDef def{
      .name = "MeanVarianceNormalization",
      .sentence = "elements less their mean over some axes, over their deviation",
      .since_opset = 9,
      .attributes = {{"axes", AttributeType::integers}},
      .kind = OpKind::normalization,
      .infer = infer_mean_variance_normalization,
      .reference = reference,
      .extents = same_extents,
      .cost = cost_per_element<6>,
      .batch_separable = batch_separable,
  };
  return def;
}

}  // namespace godwit::ops
