// LpNormalization: elements over the L1 or L2 norm along one axis; 0 where that is 0.
#include <cmath>
#include <fmt/format.h>

#include "ops/axes.h"
#include "ops/elementwise.h"
#include "ops/lines.h"
#include "ops/movement.h"
#include "runtime/error.h"

namespace godwit::ops {
namespace {

int axis_of(const NodeView& node) {
  const int rank = node.shape(0).rank();
  return rank == 0 ? 0 : normalize_axis(node.attributes.integer("axis", -1), rank);
}

std::vector<TensorDesc> infer_lp_normalization(const NodeView& node) {
  if (node.shape(0).ranked()) (void)axis_of(node);
  const std::int64_t p = node.attributes.integer("p", 2);
  if (p != 1 && p != 2) throw Error(fmt::format("attribute 'p' is {}, expected 1 or 2", p));
  return infer_unary(node);
}

bool batch_separable(const NodeView& node) { return node.shape(0).rank() > 0 && axis_of(node) != 0; }

void reference(const NodeView& node, std::span<const TensorView> src, std::span<const TensorView> dst) {
  const std::int64_t p = node.attributes.integer("p", 2);
  const Shape& shape = src[0].desc.shape;
  const int axis = shape.rank() == 0 ? 0 : normalize_axis(node.attributes.integer("axis", -1), shape.rank());
  const std::int64_t count = shape.rank() == 0 ? 1 : shape[axis];
  visit_float(dst[0].desc.dtype, [&]<class T>() {
    const auto number = [&](std::int64_t i) { return static_cast<double>(src[0].as<const T>()[i]); };
    for_each_line(shape, axis, [&](std::int64_t first, std::int64_t step) {
      double sum = 0;
      for (std::int64_t i = 0; i < count; ++i) {
        const double value = number(first + i * step);
        sum += p == 1 ? std::abs(value) : value * value;
      }
      const double norm = p == 1 ? sum : std::sqrt(sum);
      for (std::int64_t i = 0; i < count; ++i) {
        const std::int64_t at = first + i * step;
        dst[0].as<T>()[at] = static_cast<T>(norm == 0 ? 0 : number(at) / norm);
      }
    });
  });
}

}  // namespace

const OpDef& op_lp_normalization() {
  static const OpDef def{
      .name = "LpNormalization",
      .sentence = "elements over the L1 or L2 norm along an axis",
      .since_opset = 1,
      .attributes = {{"axis", AttributeType::integer}, {"p", AttributeType::integer}},
      .kind = OpKind::normalization,
      .infer = infer_lp_normalization,
      .reference = reference,
      .extents = same_extents,
      .cost = cost_per_element<3>,
      .batch_separable = batch_separable,
  };
  return def;
}

}  // namespace godwit::ops
