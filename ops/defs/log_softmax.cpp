// LogSoftmax: x less the logarithm of the sum of exponentials along one axis.
#include <cmath>
#include <limits>

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

std::vector<TensorDesc> infer_log_softmax(const NodeView& node) {
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
      double largest = -std::numeric_limits<double>::infinity();
      for (std::int64_t i = 0; i < count; ++i) largest = larger_or_nan(largest, number(first + i * step));
      double sum = 0;
      for (std::int64_t i = 0; i < count; ++i) sum += std::exp(number(first + i * step) - largest);
      const double total = std::log(sum);
      for (std::int64_t i = 0; i < count; ++i) {
        const std::int64_t at = first + i * step;
        dst[0].as<T>()[at] = static_cast<T>(number(at) - largest - total);
      }
    });
  });
}

}  // namespace

const OpDef& op_log_softmax() {
  static const OpDef def{
      .name = "LogSoftmax",
      .sentence = "the logarithm of a softmax along an axis",
      .since_opset = 13,
      .attributes = {{"axis", AttributeType::integer}},
      .kind = OpKind::softmax,
      .infer = infer_log_softmax,
      .reference = reference,
      .extents = same_extents,
      .cost = cost_per_element<4>,
      .batch_separable = batch_separable,
  };
  return def;
}

}  // namespace godwit::ops
