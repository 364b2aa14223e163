// Strides by layout, and copies of elements of any type.
#include "ops/movement.h"

#include <cstring>

#include "ops/broadcast.h"

namespace godwit::ops {

Index strides_of(const TensorDesc& desc) {
  const int rank = desc.shape.rank();
  Index strides{};
  if (desc.shape.elements() == 0) return strides;  // products of the other dimensions need not fit in 63 bits
  std::int64_t stride = 1;
  if (desc.layout == Layout::nhwc) {
    strides[1] = 1;
    stride = desc.shape[1];
  }
  for (int axis = rank - 1; axis >= 0; --axis) {
    if (desc.layout == Layout::nhwc && axis == 1) continue;
    strides[static_cast<std::size_t>(axis)] = stride;
    stride *= desc.shape[axis];
  }
  return strides;
}

void copy_element(const TensorView& src, std::int64_t from, const TensorView& dst, std::int64_t to) {
  const std::size_t size = size_of(src.desc.dtype);
  std::memcpy(dst.as<std::byte>() + static_cast<std::size_t>(to) * size,
              src.as<const std::byte>() + static_cast<std::size_t>(from) * size, size);
}

void copy_bytes(const TensorView& src, const TensorView& dst) {
  const std::size_t bytes = dst.desc.bytes();
  if (bytes != 0 && src.data != dst.data) std::memcpy(dst.data, src.data, bytes);
}

void copy_reference(const NodeView&, std::span<const TensorView> src, std::span<const TensorView> dst) {
  copy_bytes(src[0], dst[0]);
}

void same_extents(const NodeView&, std::span<const TensorView> src, std::span<TensorView> dst) {
  for (TensorView& result : dst) result.desc.shape = src[0].desc.shape;
}

void broadcast_extents(const NodeView&, std::span<const TensorView> src, std::span<TensorView> dst) {
  Shape shape;
  for (const TensorView& operand : src) {
    if (operand.present()) shape = broadcast_extent(shape, operand.desc.shape);
  }
  for (TensorView& result : dst) result.desc.shape = shape;
}

void no_extents(const NodeView&, std::span<const TensorView>, std::span<TensorView>) {}

Cost no_arithmetic(const NodeView&) { return {}; }

LayoutRule any_layout(const NodeView&) { return LayoutRule::follows; }

bool always(const NodeView&) { return true; }

bool moves_first(const NodeView&, std::size_t operand) { return operand == 0; }

bool moves_all(const NodeView&, std::size_t) { return true; }

}  // namespace godwit::ops
