// Softmax: exp(x) over its sum along one axis, shifted by the largest x so that nothing overflows.
#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "ops/algorithms/implementations.h"
#include "ops/arithmetic.h"
#include "ops/axes.h"

namespace godwit::ops {
namespace {

std::vector<TensorDesc> infer_softmax(const NodeView& node) {
  require_one_dtype(node, kFloatTypes);
  if (node.shape(0).ranked()) normalize_axis(node.attributes.integer("axis", -1), node.shape(0).rank());
  return {{node.input(0).dtype, node.shape(0), Layout::nchw}};
}

// `count` values, `stride` elements apart.
template <class T>
void softmax(const T* src, T* dst, std::int64_t count, std::int64_t stride) {
  double largest = -std::numeric_limits<double>::infinity();
  for (std::int64_t i = 0; i < count; ++i) largest = std::max(largest, static_cast<double>(src[i * stride]));
  const auto shifted = [&](std::int64_t i) {
    return std::exp(static_cast<double>(src[i * stride]) - largest);
  };
  double sum = 0;
  for (std::int64_t i = 0; i < count; ++i) sum += shifted(i);
  for (std::int64_t i = 0; i < count; ++i) dst[i * stride] = static_cast<T>(shifted(i) / sum);
}

void reference(const NodeView& node, std::span<const TensorView> src, std::span<const TensorView> dst) {
  const Shape& shape = dst[0].desc.shape;
  const int axis = normalize_axis(node.attributes.integer("axis", -1), shape.rank());
  const std::int64_t outer = shape.product(0, axis), count = shape[axis];
  const std::int64_t inner = shape.product(axis + 1, shape.rank());
  visit_float(dst[0].desc.dtype, [&]<class T>() {
    for (std::int64_t o = 0; o < outer; ++o) {
      for (std::int64_t i = 0; i < inner; ++i) {
        const std::int64_t first = o * count * inner + i;
        softmax(src[0].as<const T>() + first, dst[0].as<T>() + first, count, inner);
      }
    }
  });
}

bool batch_separable(const NodeView& node) {
  return normalize_axis(node.attributes.integer("axis", -1), node.shape(0).rank()) != 0;
}

}  // namespace

const OpDef& op_softmax() {
  static const OpDef def{
      .name = "Softmax",
      .sentence = "exp(x) divided by its sum along an axis",
      .since_opset = 13,
      .attributes = {{"axis", AttributeType::integer}},
      .kind = OpKind::softmax,
      .infer = infer_softmax,
      .reference = reference,
      .cost = cost_per_element<5>,  // largest, subtract, exp, sum, divide
      .batch_separable = batch_separable,
      .implementations = {&softmax_rows},
  };
  return def;
}

}  // namespace godwit::ops
