// Gather: the slices of the operand along one axis that a tensor of indices names.
#include <cstring>

#include "ops/algorithms/implementations.h"
#include "ops/axes.h"
#include "ops/movement.h"
#include "ops/operands.h"

namespace godwit::ops {
namespace {

Shape gathered_shape(const Shape& src, const Shape& indices, int axis) {
  Shape dst;
  for (int i = 0; i < axis; ++i) dst.append(src[i]);
  for (const std::int64_t dim : indices.dims()) dst.append(dim);
  for (int i = axis + 1; i < src.rank(); ++i) dst.append(src[i]);
  return dst;
}

std::vector<TensorDesc> infer_gather(const NodeView& node) {
  const Shape& src = node.shape(0);
  const Shape& indices = node.shape(1);
  require_indices(node, 1, "indices");
  TensorDesc dst{node.input(0).dtype, Shape::unranked(), Layout::nchw};
  if (!src.ranked()) return {dst};
  const int axis = normalize_axis(node.attributes.integer("axis", 0), src.rank());
  require_indices_within(node, 1, "indices", src[axis]);
  if (indices.ranked()) dst.shape = gathered_shape(src, indices, axis);
  return {dst};
}

void extents(const NodeView& node, std::span<const TensorView> src, std::span<TensorView> dst) {
  const Shape& shape = src[0].desc.shape;
  dst[0].desc.shape = gathered_shape(shape, src[1].desc.shape,
                                     normalize_axis(node.attributes.integer("axis", 0), shape.rank()));
}

// An index that is out of range, which only a computed one can be, names a slice of zeros.
void reference(const NodeView& node, std::span<const TensorView> src, std::span<const TensorView> dst) {
  if (dst[0].desc.shape.elements() == 0) return;
  const Shape& shape = src[0].desc.shape;
  const int axis = normalize_axis(node.attributes.integer("axis", 0), shape.rank());
  const std::int64_t outer = shape.product(0, axis);
  const std::int64_t dim = shape[axis];
  const std::int64_t count = src[1].desc.shape.elements();
  const std::size_t run =
      static_cast<std::size_t>(shape.product(axis + 1, shape.rank())) * size_of(src[0].desc.dtype);
  auto* to = dst[0].as<std::byte>();
  for (std::int64_t o = 0; o < outer; ++o) {
    for (std::int64_t k = 0; k < count; ++k, to += run) {
      const std::int64_t index = position_of_index(integer_at(src[1], k), dim);
      if (index >= 0) {
        std::memcpy(to, src[0].as<const std::byte>() + static_cast<std::size_t>(o * dim + index) * run, run);
      } else {
        std::memset(to, 0, run);
      }
    }
  }
}

}  // namespace

const OpDef& op_gather() {
  static const OpDef def{
      .name = "Gather",
      .sentence = "slices named by indices along one axis",
      .min_inputs = 2,
      .max_inputs = 2,
      .attributes = {{"axis", AttributeType::integer}},
      .kind = OpKind::movement,
      .moves = moves_first,
      .infer = infer_gather,
      .reference = reference,
      .extents = extents,
      .cost = no_arithmetic,
      .implementations = {&gather_runs},
  };
  return def;
}

}  // namespace godwit::ops
