// Shapes of broadcast results, with unknown and symbolic dimensions.
#include "ops/broadcast.h"

#include <algorithm>
#include <fmt/format.h>

#include "ops/axes.h"
#include "runtime/error.h"

namespace godwit::ops {

std::int64_t broadcast_dim(std::int64_t a, std::int64_t b) {
  if (a == b || b == 1) return a;
  if (a == 1) return b;
  if (is_known(a) && is_known(b)) throw Error(fmt::format("dimensions {} and {} do not broadcast", a, b));
  // Only sizes that fit are larger than the other operand's.
  if (is_bounded(a) && is_bounded(b)) return at_most(std::max(bound_of(a), bound_of(b)));
  if (is_bounded(a) && is_known(b)) return at_most(b);
  if (is_bounded(b) && is_known(a)) return at_most(a);
  if (is_known(a)) return a;
  return is_known(b) ? b : kAnyDim;
}

Shape broadcast_shapes(const Shape& a, const Shape& b) {
  if (!a.ranked() || !b.ranked()) return Shape::unranked();
  return with_context([&] { return fmt::format("shapes {} and {}", a.to_string(), b.to_string()); },
                      [&] {
                        const int rank = std::max(a.rank(), b.rank());
                        Shape result;
                        for (int axis = 0; axis < rank; ++axis) {
                          const int in_a = axis - (rank - a.rank());
                          const int in_b = axis - (rank - b.rank());
                          result.append(broadcast_dim(in_a < 0 ? 1 : a[in_a], in_b < 0 ? 1 : b[in_b]));
                        }
                        return result;
                      });
}

Shape broadcast_extent(const Shape& a, const Shape& b) {
  Shape result = a.rank() < b.rank() ? b : a;
  for (int axis = 0; axis < result.rank(); ++axis) {
    const int in_a = axis - (result.rank() - a.rank());
    const int in_b = axis - (result.rank() - b.rank());
    const std::int64_t of_a = in_a < 0 ? 1 : a[in_a], of_b = in_b < 0 ? 1 : b[in_b];
    result[axis] = of_a == 1 ? of_b : of_b == 1 ? of_a : std::min(of_a, of_b);
  }
  return result;
}

void require_broadcasts_to(const Shape& src, const Shape& dst, const char* what) {
  if (!src.ranked() || !dst.ranked()) return;
  const int shift = dst.rank() - src.rank();
  bool fits = shift >= 0;
  for (int axis = 0; fits && axis < src.rank(); ++axis) {
    fits = src[axis] == 1 || may_be_same_dim(src[axis], dst[axis + shift]);
  }
  if (!fits) {
    throw Error(
        fmt::format("{} of shape {} does not broadcast to {}", what, src.to_string(), dst.to_string()));
  }
}

}  // namespace godwit::ops
