// TopK: the largest or smallest elements along one axis and where they were, in order whether that is asked
// for or not. Of equal ones the first comes first; NaN counts as larger than any number.
#include <algorithm>
#include <fmt/format.h>

#include "ops/algorithms/implementations.h"
#include "ops/axes.h"
#include "ops/movement.h"
#include "ops/numbers.h"
#include "ops/operands.h"
#include "ops/ordering.h"
#include "runtime/error.h"

namespace godwit::ops {
namespace {

int axis_of(const NodeView& node, int rank) {
  return normalize_axis(node.attributes.integer("axis", -1), rank);
}

// Elements taken of a dimension, k of them where that is known and possible.
std::int64_t taken_dim(std::int64_t dim, std::optional<std::int64_t> k) {
  if (is_known(dim) && k) return *k;
  if (is_known(dim) || is_bounded(dim)) return at_most(k ? std::min(*k, bound_of(dim)) : bound_of(dim));
  return k ? *k : kAnyDim;
}

std::vector<TensorDesc> infer_top_k(const NodeView& node) {
  require_wide(node, 0);
  require_indices(node, 1, "K");
  (void)node.attributes.flag("largest", true);
  (void)node.attributes.flag("sorted", true);
  const std::optional<std::int64_t> k = known_integer(node, 1, "K", 0);
  if (k && *k < 0) throw Error(fmt::format("input 1 (K) is {}, expected at least 0", *k));
  Shape dst = node.shape(0);
  if (dst.ranked()) {
    const int axis = axis_of(node, dst.rank());
    if (k && is_known(dst[axis]) && *k > dst[axis])
      throw Error(fmt::format("input 1 (K) is {}, more than the dimension of {}", *k, dst[axis]));
    dst[axis] = taken_dim(dst[axis], k);
  }
  std::vector<TensorDesc> outputs{{node.input(0).dtype, dst, Layout::nchw}, {DType::s64, dst, Layout::nchw}};
  outputs.resize(node.output_count);
  return outputs;
}

void extents(const NodeView& node, std::span<const TensorView> src, std::span<TensorView> dst) {
  Shape shape = src[0].desc.shape;
  std::int64_t& dim = shape[axis_of(node, shape.rank())];
  dim = std::clamp<std::int64_t>(integer_at(src[1], 0), 0, dim);
  for (TensorView& result : dst) result.desc.shape = shape;
}

// The element that follows element `last` in the order asked for (-1: the first of all) among `dim` that lie
// `stride` apart.
template <class T>
std::int64_t next_of(const T* src, std::int64_t dim, std::int64_t stride, std::int64_t last, bool largest) {
  // Below 0 where i comes before j.
  const auto order = [&](std::int64_t i, std::int64_t j) {
    const int by_value = compare_elements(src[i * stride], src[j * stride]);
    if (by_value != 0) return largest ? -by_value : by_value;
    return i < j ? -1 : i > j ? 1 : 0;
  };
  std::int64_t best = -1;
  for (std::int64_t i = 0; i < dim; ++i) {
    if ((last < 0 || order(i, last) > 0) && (best < 0 || order(i, best) < 0)) best = i;
  }
  return best;
}

void reference(const NodeView& node, std::span<const TensorView> src, std::span<const TensorView> dst) {
  const Shape& shape = src[0].desc.shape;
  const int axis = axis_of(node, shape.rank());
  const bool largest = node.attributes.flag("largest", true);
  const std::int64_t outer = shape.product(0, axis), inner = shape.product(axis + 1, shape.rank());
  const std::int64_t k = dst[0].desc.shape[axis];
  visit_wide(src[0].desc.dtype, [&]<class T>() {
    for (std::int64_t row = 0; row < outer * inner; ++row) {
      const std::int64_t o = row / inner, i = row % inner;
      const T* from = src[0].as<const T>() + o * shape[axis] * inner + i;
      std::int64_t at = -1;
      for (std::int64_t rank = 0; rank < k; ++rank) {
        at = next_of(from, shape[axis], inner, at, largest);
        const std::int64_t to = (o * k + rank) * inner + i;
        if (dst[0].present()) dst[0].as<T>()[to] = from[at * inner];
        if (dst.size() > 1 && dst[1].present()) dst[1].as<std::int64_t>()[to] = at;
      }
    }
  });
}

// Some comparisons for each element of the operand.
Cost cost_top_k(const NodeView& node) {
  const Shape src = node.shape(0).at_bounds();
  return {.macs = 0, .flops = src.known() ? src.elements() : 0};
}

bool batch_separable(const NodeView& node) {
  const int rank = node.shape(0).rank();
  return node.inputs[1].constant != nullptr && rank > 0 && axis_of(node, rank) != 0;
}

}  // namespace

const OpDef& op_top_k() {
  static const OpDef def{
      .name = "TopK",
      .sentence = "the largest or smallest elements along one axis, and where they were",
      .since_opset = 11,
      .min_inputs = 2,
      .max_inputs = 2,
      .min_outputs = 2,
      .max_outputs = 2,
      .attributes = {{"axis", AttributeType::integer},
                     {"largest", AttributeType::integer},
                     {"sorted", AttributeType::integer}},
      .infer = infer_top_k,
      .reference = reference,
      .extents = extents,
      .cost = cost_top_k,
      .batch_separable = batch_separable,
      .implementations = {&top_k_sorted},
  };
  return def;
}

}  // namespace godwit::ops
