// Hardmax: 1 for the first of the largest elements along one axis, 0 for all others; NaN counts as largest.
#include <cmath>

#include "ops/axes.h"
#include "ops/elementwise.h"
#include "ops/lines.h"
#include "ops/movement.h"

namespace godwit::ops {
namespace {

int axis_of(const NodeView& node) {
  const int rank = node.shape(0).rank();
  return rank == 0 ? 0 : normalize_axis(node.attributes.integer("axis", -1), rank);
}

std::vector<TensorDesc> infer_hardmax(const NodeView& node) {
  if (node.shape(0).ranked()) (void)axis_of(node);
  return infer_unary(node);
}

bool batch_separable(const NodeView& node) { return node.shape(0).rank() > 0 && axis_of(node) != 0; }

void reference(const NodeView& node, std::span<const TensorView> src, std::span<const TensorView> dst) {
  const Shape& shape = src[0].desc.shape;
  const int axis = shape.rank() == 0 ? 0 : normalize_axis(node.attributes.integer("axis", -1), shape.rank());
  const std::int64_t count = shape.rank() == 0 ? 1 : shape[axis];
  visit_float(dst[0].desc.dtype, [&]<class T>() {
    const auto number = [&](std::int64_t i) { return static_cast<double>(src[0].as<const T>()[i]); };
    for_each_line(shape, axis, [&](std::int64_t first, std::int64_t step) {
      std::int64_t found = 0;
      for (std::int64_t i = 1; i < count; ++i) {
        const double value = number(first + i * step), best = number(first + found * step);
        if (value > best || (std::isnan(value) && !std::isnan(best))) found = i;
      }
      for (std::int64_t i = 0; i < count; ++i)
        dst[0].as<T>()[first + i * step] = static_cast<T>(i == found ? 1.0F : 0.0F);
    });
  });
}

}  // namespace

const OpDef& op_hardmax() {
  static const OpDef def{
      .name = "Hardmax",
      .sentence = "1 for the first of the largest elements along an axis, else 0",
      .since_opset = 13,
      .attributes = {{"axis", AttributeType::integer}},
      .kind = OpKind::softmax,
      .infer = infer_hardmax,
      .reference = reference,
      .extents = same_extents,
      .batch_separable = batch_separable,
  };
  return def;
}

}  // namespace godwit::ops
