// NumPy's broadcasting: the shape of a result, and where an operand's element for each result element lies.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "ops/movement.h"
#include "runtime/tensor.h"

namespace godwit::ops {

// The result of two dimensions aligned with each other: equal ones stay, a 1 gives way, a size beside an
// unknown one wins (that must then be it or 1), a bound beside a size or another bound gives a bound. Throws
// Error for two sizes that differ, neither being 1.
std::int64_t broadcast_dim(std::int64_t a, std::int64_t b);
// Aligned at the last dimension; unranked when either is. Throws Error naming both shapes when they do not
// fit.
Shape broadcast_shapes(const Shape& a, const Shape& b);
// Throws Error unless `src` broadcasts to `dst` without changing it, as far as their dimensions are known.
// `what` names the operand.
void require_broadcasts_to(const Shape& src, const Shape& dst, const char* what);

// The result of two known shapes while a model runs: of sizes that do not fit, the smaller one. Never throws.
Shape broadcast_extent(const Shape& a, const Shape& b);

// Offset, in elements, of the operand's element for the result's element at `index`.
inline std::int64_t broadcast_offset(const Index& index, const Shape& dst, const Shape& src) {
  std::int64_t offset = 0;
  const int shift = dst.rank() - src.rank();
  for (int axis = 0; axis < src.rank(); ++axis) {
    const std::int64_t at = src[axis] == 1 ? 0 : index[static_cast<std::size_t>(axis + shift)];
    offset = offset * src[axis] + at;
  }
  return offset;
}

// The offset, in elements, of an operand's element while the result's elements are visited in row-major
// order. Both shapes known; `src` broadcasts to `dst`. Never allocates.
class BroadcastIndex {
 public:
  BroadcastIndex(const Shape& dst, const Shape& src) : rank_(static_cast<std::size_t>(dst.rank())) {
    std::int64_t stride = 1;
    for (int axis = dst.rank() - 1; axis >= 0; --axis) {
      const int own = axis - (dst.rank() - src.rank());
      const auto i = static_cast<std::size_t>(axis);
      dims_[i] = dst[axis];
      if (own < 0 || src[own] == 1) continue;
      strides_[i] = stride;
      stride *= src[own];
    }
  }

  std::int64_t offset() const { return offset_; }

  void next() {
    for (std::size_t i = rank_; i-- > 0;) {
      offset_ += strides_[i];
      if (++position_[i] < dims_[i]) return;
      offset_ -= strides_[i] * dims_[i];
      position_[i] = 0;
    }
  }

 private:
  std::array<std::int64_t, kMaxRank> dims_{}, strides_{}, position_{};
  std::size_t rank_;
  std::int64_t offset_ = 0;
};

}  // namespace godwit::ops
