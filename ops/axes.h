// Axes and dimensions: what shape inference of many ops has in common, symbols included.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "ops/op.h"
#include "runtime/tensor.h"

namespace godwit::ops {

// An axis counted from the front, given one in [-rank, rank). Throws Error outside of it.
int normalize_axis(std::int64_t axis, int rank);
// All of them, in the order given. Throws Error also when one is named twice.
std::vector<int> normalize_axes(std::span<const std::int64_t> axes, int rank);

// True where two dimensions are equal wherever the model runs: the same size or the same symbol.
constexpr bool same_dim(std::int64_t a, std::int64_t b) { return a == b && (is_known(a) || is_symbol(a)); }
// True where two dimensions that must be equal can be.
constexpr bool may_be_same_dim(std::int64_t a, std::int64_t b) {
  return !is_known(a) || !is_known(b) || a == b;
}
// The one that says more of two dimensions that are equal: a size, a symbol, kAnyDim. Beside a bound there is
// no more than a bound, since only a run finds out whether both are equal.
constexpr std::int64_t more_specific_dim(std::int64_t a, std::int64_t b) {
  if ((is_bounded(a) && (is_bounded(b) || is_known(b))) || (is_bounded(b) && is_known(a)))
    return at_most(bound_of(a) < bound_of(b) ? bound_of(a) : bound_of(b));
  if (is_known(a) || b == kAnyDim) return a;
  return is_known(b) || a == kAnyDim ? b : a;
}

// Product and sum of dimensions; a symbol or a bound survives multiplication by 1 and addition of 0, bounds
// beside sizes give a bound, otherwise what is not known gives kAnyDim. Throws Error when the result does not
// fit in 63 bits.
std::int64_t product_of(std::span<const std::int64_t> dims);
std::int64_t sum_of(std::span<const std::int64_t> dims);

// A shape of this rank of which nothing else is known. Throws Error beyond kMaxRank.
Shape shape_of_rank(std::int64_t rank);

// Operand `i` as a list of integers (s64 or s32, at most one dimension), for shape inference.
struct IntegerList {
  std::optional<std::vector<std::int64_t>> values;  // where known at compile time, an empty list always
  std::int64_t length = kAnyDim;                    // where at least that is known
};
// Throws Error naming the operand as `what` when it is of another type or rank.
IntegerList integer_list(const NodeView& node, std::size_t i, std::string_view what);

// The same operand's element k at run time.
std::int64_t integer_at(const TensorView& list, std::int64_t k);

}  // namespace godwit::ops
