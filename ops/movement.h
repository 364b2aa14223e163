// Walking over tensors and moving their elements: what the references of ops that compute nothing are made
// of.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "ops/op.h"
#include "runtime/tensor.h"

namespace godwit::ops {

// One number for each of a tensor's axes.
using Index = std::array<std::int64_t, kMaxRank>;

// Elements between neighbours along each axis of the shape, whatever the layout. Requires a known shape.
Index strides_of(const TensorDesc& desc);

// Calls visit(index, position) for every element of a row-major tensor of this shape, in order.
template <class Visit>
void for_each_index(const Shape& shape, const Visit& visit) {
  Index index{};
  const std::int64_t count = shape.elements();
  for (std::int64_t position = 0; position < count; ++position) {
    visit(static_cast<const Index&>(index), position);
    for (int axis = shape.rank() - 1; axis >= 0; --axis) {
      auto& at = index[static_cast<std::size_t>(axis)];
      if (++at < shape[axis]) break;
      at = 0;
    }
  }
}

// Offset of the element at `index`, in elements.
inline std::int64_t offset_of(const Index& index, const Index& strides, int rank) {
  std::int64_t offset = 0;
  for (std::size_t axis = 0; axis < static_cast<std::size_t>(rank); ++axis)
    offset += index[axis] * strides[axis];
  return offset;
}

// The position along a dimension that an index names, those below 0 counting from the end; -1: none.
inline std::int64_t position_of_index(std::int64_t index, std::int64_t dim) {
  if (index < 0) index += dim;
  return index >= 0 && index < dim ? index : -1;
}

// dst[to] = src[from], of any element type.
void copy_element(const TensorView& src, std::int64_t from, const TensorView& dst, std::int64_t to);
// All bytes; both have the same size and layout.
void copy_bytes(const TensorView& src, const TensorView& dst);

// The reference of an op whose result 0 has operand 0's bytes.
void copy_reference(const NodeView& node, std::span<const TensorView> src, std::span<const TensorView> dst);

// The OpDef::extents of an op whose results all have operand 0's shape.
void same_extents(const NodeView& node, std::span<const TensorView> src, std::span<TensorView> dst);

// The OpDef::extents of an op whose results all have the shape that its operands broadcast to.
void broadcast_extents(const NodeView& node, std::span<const TensorView> src, std::span<TensorView> dst);
// The OpDef::extents of an op whose results have sizes that are known when the model is compiled.
void no_extents(const NodeView& node, std::span<const TensorView> src, std::span<TensorView> dst);

// The cost of an op that does no arithmetic (the bytes that it moves are counted for every op).
Cost no_arithmetic(const NodeView& node);

// The rule of ops that treat every element alike or look only at the shape.
LayoutRule any_layout(const NodeView& node);
// A predicate for OpDef::is_view, folds_from_descs and batch_separable.
bool always(const NodeView& node);
// Predicates for OpDef::moves: operand 0, every operand.
bool moves_first(const NodeView& node, std::size_t operand);
bool moves_all(const NodeView& node, std::size_t operand);

}  // namespace godwit::ops
