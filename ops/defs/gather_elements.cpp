// GatherElements: each element from the operand's element at its own place, but for the position along one
// axis, which an index names. One that is out of range, which only a computed one can be, names a 0.
#include <cstring>
#include <fmt/format.h>

#include "ops/axes.h"
#include "ops/movement.h"
#include "ops/operands.h"
#include "runtime/counted.h"
#include "runtime/error.h"

namespace godwit::ops {
namespace {

std::vector<TensorDesc> infer_gather_elements(const NodeView& node) {
  const Shape &src = node.shape(0), &indices = node.shape(1);
  require_indices(node, 1, "indices");
  if (src.ranked() && indices.ranked()) {
    if (src.rank() != indices.rank()) {
      throw Error(fmt::format("input 1 (indices) has {}, expected {} as input 0",
                              counted(indices.rank(), "dimension"), src.rank()));
    }
    const int axis = normalize_axis(node.attributes.integer("axis", 0), src.rank());
    for (int i = 0; i < src.rank(); ++i) {
      if (i != axis && is_known(src[i]) && indices[i] > src[i]) {
        throw Error(fmt::format("input 1 (indices) has shape {}, expected at most {} along dimension {}",
                                indices.to_string(), src[i], i));
      }
    }
    require_indices_within(node, 1, "indices", src[axis]);
  }
  return {{node.input(0).dtype, indices, Layout::nchw}};
}

void extents(const NodeView&, std::span<const TensorView> src, std::span<TensorView> dst) {
  dst[0].desc.shape = src[1].desc.shape;
}

void reference(const NodeView& node, std::span<const TensorView> src, std::span<const TensorView> dst) {
  const Shape& shape = src[0].desc.shape;
  const auto axis =
      static_cast<std::size_t>(normalize_axis(node.attributes.integer("axis", 0), shape.rank()));
  const Index strides = strides_of(src[0].desc);
  const std::size_t size = size_of(dst[0].desc.dtype);
  for_each_index(dst[0].desc.shape, [&](const Index& index, std::int64_t to) {
    Index place = index;
    place[axis] = position_of_index(integer_at(src[1], to), shape[static_cast<int>(axis)]);
    bool inside = true;
    for (int i = 0; i < shape.rank(); ++i) {
      const std::int64_t at = place[static_cast<std::size_t>(i)];
      inside = inside && at >= 0 && at < shape[i];
    }
    if (inside) {
      copy_element(src[0], offset_of(place, strides, shape.rank()), dst[0], to);
    } else {
      std::memset(dst[0].as<std::byte>() + static_cast<std::size_t>(to) * size, 0, size);
    }
  });
}

}  // namespace

const OpDef& op_gather_elements() {
  static const OpDef def{
      .name = "GatherElements",
      .sentence = "elements named by an index along one axis each",
      .since_opset = 11,
      .min_inputs = 2,
      .max_inputs = 2,
      .attributes = {{"axis", AttributeType::integer}},
      .kind = OpKind::movement,
      .moves = moves_first,
      .infer = infer_gather_elements,
      .reference = reference,
      .extents = extents,
      .cost = no_arithmetic,
  };
  return def;
}

}  // namespace godwit::ops
