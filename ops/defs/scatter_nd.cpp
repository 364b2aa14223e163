// ScatterND: the operand with slices replaced, or combined with updates, named by rows of indices. Updates
// happen in order; one with an index out of range, which only a computed one can be, does nothing.
#include <algorithm>
#include <fmt/format.h>

#include "ops/axes.h"
#include "ops/movement.h"
#include "ops/operands.h"
#include "ops/scatter.h"
#include "runtime/error.h"

namespace godwit::ops {
namespace {

void check_updates(const NodeView& node, int depth) {
  const Shape &src = node.shape(0), &indices = node.shape(1), &updates = node.shape(2);
  if (!updates.ranked()) return;
  const int rows = indices.rank() - 1;
  bool fits = updates.rank() == rows + src.rank() - depth;
  for (int i = 0; fits && i < updates.rank(); ++i)
    fits = may_be_same_dim(updates[i], i < rows ? indices[i] : src[i - rows + depth]);
  if (!fits) {
    throw Error(
        fmt::format("input 2 (updates) has shape {}, which does not go with data of {} and indices of {}",
                    updates.to_string(), src.to_string(), indices.to_string()));
  }
}

std::vector<TensorDesc> infer_scatter_nd(const NodeView& node) {
  const Shape &src = node.shape(0), &indices = node.shape(1);
  require_indices(node, 1, "indices");
  require_same_dtype(node, 2, 0, "updates");
  require_wide(node, 0);
  (void)scatter_reduction_of(node.attributes);
  if (src.ranked() && indices.ranked()) {
    if (indices.rank() == 0) throw Error("input 1 (indices) is a scalar, expected at least one dimension");
    const std::int64_t depth = indices[indices.rank() - 1];
    if (is_known(depth)) {
      if (depth > src.rank()) {
        throw Error(fmt::format("input 1 (indices) has shape {}; its last dimension must be at most {}",
                                indices.to_string(), src.rank()));
      }
      check_updates(node, static_cast<int>(depth));
    }
  }
  return {{node.input(0).dtype, src, Layout::nchw}};
}

void extents(const NodeView&, std::span<const TensorView> src, std::span<TensorView> dst) {
  dst[0].desc.shape = src[0].desc.shape;
}

void reference(const NodeView& node, std::span<const TensorView> src, std::span<const TensorView> dst) {
  const Shape &shape = dst[0].desc.shape, &indices = src[1].desc.shape;
  const ScatterReduction reduction = scatter_reduction_of(node.attributes);
  copy_bytes(src[0], dst[0]);
  const auto depth = static_cast<int>(indices[indices.rank() - 1]);
  const std::int64_t run = shape.product(depth, shape.rank());
  std::int64_t rows = indices.product(0, indices.rank() - 1);
  if (run > 0) rows = std::min(rows, src[2].desc.shape.elements() / run);
  for (std::int64_t row = 0; row < rows; ++row) {
    std::int64_t to = 0;
    bool inside = true;
    for (int k = 0; k < depth; ++k) {
      const std::int64_t at = position_of_index(integer_at(src[1], row * depth + k), shape[k]);
      inside = inside && at >= 0;
      to = to * shape[k] + at;
    }
    for (std::int64_t i = 0; inside && i < run; ++i)
      scatter_element(reduction, src[2], row * run + i, dst[0], to * run + i);
  }
}

// Updates that only replace are elements of operands.
bool moves(const NodeView& node, std::size_t operand) {
  return operand != 1 && scatter_reduction_of(node.attributes) == ScatterReduction::none;
}

}  // namespace

const OpDef& op_scatter_nd() {
  static const OpDef def{
      .name = "ScatterND",
      .sentence = "the operand with slices replaced or combined, named by rows of indices",
      .since_opset = 11,
      .min_inputs = 3,
      .max_inputs = 3,
      .attributes = {{"reduction", AttributeType::string}},
      .kind = OpKind::movement,
      .moves = moves,
      .infer = infer_scatter_nd,
      .reference = reference,
      .extents = extents,
      .cost = cost_of_scatter,
  };
  return def;
}

}  // namespace godwit::ops
