// ScatterElements: the operand with elements replaced, or combined with updates, each at the update's own
// place but for the position along one axis, which an index names. Updates happen in row-major order; one
// whose index is out of range, which only a computed one can be, does nothing.
#include <algorithm>
#include <fmt/format.h>

#include "ops/axes.h"
#include "ops/movement.h"
#include "ops/operands.h"
#include "ops/scatter.h"
#include "runtime/counted.h"
#include "runtime/error.h"

namespace godwit::ops {
namespace {

std::vector<TensorDesc> infer_scatter_elements(const NodeView& node) {
  const Shape &src = node.shape(0), &indices = node.shape(1), &updates = node.shape(2);
  require_indices(node, 1, "indices");
  require_same_dtype(node, 2, 0, "updates");
  require_wide(node, 0);
  (void)scatter_reduction_of(node.attributes);
  if (indices.ranked() && updates.ranked()) {
    bool fits = indices.rank() == updates.rank();
    for (int i = 0; fits && i < indices.rank(); ++i) fits = may_be_same_dim(indices[i], updates[i]);
    if (!fits) {
      throw Error(fmt::format("input 2 (updates) has shape {}, expected {} as input 1", updates.to_string(),
                              indices.to_string()));
    }
  }
  if (src.ranked()) {
    const int axis = normalize_axis(node.attributes.integer("axis", 0), src.rank());
    require_indices_within(node, 1, "indices", src[axis]);
    if (indices.ranked() && indices.rank() != src.rank()) {
      throw Error(fmt::format("input 1 (indices) has {}, expected {} as input 0",
                              counted(indices.rank(), "dimension"), src.rank()));
    }
  }
  return {{node.input(0).dtype, src, Layout::nchw}};
}

void extents(const NodeView&, std::span<const TensorView> src, std::span<TensorView> dst) {
  dst[0].desc.shape = src[0].desc.shape;
}

void reference(const NodeView& node, std::span<const TensorView> src, std::span<const TensorView> dst) {
  const Shape &shape = dst[0].desc.shape, &updates = src[2].desc.shape;
  const auto axis =
      static_cast<std::size_t>(normalize_axis(node.attributes.integer("axis", 0), shape.rank()));
  const ScatterReduction reduction = scatter_reduction_of(node.attributes);
  const Index strides = strides_of(dst[0].desc);
  copy_bytes(src[0], dst[0]);
  const std::int64_t count = std::min(updates.elements(), src[1].desc.shape.elements());
  for_each_index(updates, [&](const Index& index, std::int64_t from) {
    if (from >= count) return;
    Index place = index;
    place[axis] = position_of_index(integer_at(src[1], from), shape[static_cast<int>(axis)]);
    for (int i = 0; i < shape.rank(); ++i) {
      const std::int64_t at = place[static_cast<std::size_t>(i)];
      if (at < 0 || at >= shape[i]) return;
    }
    scatter_element(reduction, src[2], from, dst[0], offset_of(place, strides, shape.rank()));
  });
}

// Updates that only replace are elements of operands.
bool moves(const NodeView& node, std::size_t operand) {
  return operand != 1 && scatter_reduction_of(node.attributes) == ScatterReduction::none;
}

}  // namespace

const OpDef& op_scatter_elements() {
  static const OpDef def{
      .name = "ScatterElements",
      .sentence = "the operand with elements replaced or combined, named by an index along one axis each",
      .since_opset = 11,
      .min_inputs = 3,
      .max_inputs = 3,
      .attributes = {{"axis", AttributeType::integer}, {"reduction", AttributeType::string}},
      .kind = OpKind::movement,
      .moves = moves,
      .infer = infer_scatter_elements,
      .reference = reference,
      .extents = extents,
      .cost = cost_of_scatter,
  };
  return def;
}

}  // namespace godwit::ops
