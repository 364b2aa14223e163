// Axes, symbolic dimensions and lists of integers, with the sentences for what is wrong about them.
#include "ops/axes.h"

#include <algorithm>
#include <fmt/format.h>

#include "runtime/error.h"

namespace godwit::ops {

int normalize_axis(std::int64_t axis, int rank) {
  if (axis < -rank || axis >= rank) {
    if (rank == 0) throw Error(fmt::format("axis {} of a scalar, which has none", axis));
    throw Error(fmt::format("axis {} is out of range, expected {} to {}", axis, -rank, rank - 1));
  }
  return static_cast<int>(axis < 0 ? axis + rank : axis);
}

std::vector<int> normalize_axes(std::span<const std::int64_t> axes, int rank) {
  std::vector<int> result;
  for (const std::int64_t axis : axes) {
    const int normal = normalize_axis(axis, rank);
    if (std::ranges::find(result, normal) != result.end())
      throw Error(fmt::format("axis {} is named twice", normal));
    result.push_back(normal);
  }
  return result;
}

namespace {

// A way in which `fold` joins two dimensions, the element that changes nothing, and its name and sign.
struct Folding {
  bool (*overflows)(std::int64_t a, std::int64_t b, std::int64_t* result);
  std::int64_t neutral;
  const char* name;
  const char* sign;
};

// Known dimensions give a size; a single other one survives beside what changes nothing; bounds give a bound.
std::int64_t fold_dims(std::span<const std::int64_t> dims, const Folding& folding) {
  std::int64_t known = folding.neutral, bound = folding.neutral, unknown = 0;
  int unknowns = 0;
  bool bounds_only = true, overflows = false;
  for (const std::int64_t dim : dims) {
    if (is_known(dim) && folding.overflows(known, dim, &known)) {
      throw Error(fmt::format("the {} of dimensions {} does not fit in 63 bits", folding.name,
                              fmt::join(dims, folding.sign)));
    }
    if (is_known(dim) || is_bounded(dim)) {
      overflows = folding.overflows(bound, bound_of(dim), &bound) || overflows;
    } else {
      bounds_only = false;
    }
    if (!is_known(dim)) {
      unknown = dim;
      ++unknowns;
    }
  }
  if (unknowns == 0) return known;
  if (unknowns == 1 && known == folding.neutral) return unknown;
  if (!bounds_only) return kAnyDim;
  return at_most(overflows ? kLargestBound : bound);
}

}  // namespace

std::int64_t product_of(std::span<const std::int64_t> dims) {
  if (std::ranges::find(dims, 0) != dims.end()) return 0;
  return fold_dims(dims, {[](std::int64_t a, std::int64_t b, std::int64_t* product) {
                            return __builtin_mul_overflow(a, b, product);
                          },
                          1, "product", "x"});
}

std::int64_t sum_of(std::span<const std::int64_t> dims) {
  return fold_dims(dims, {[](std::int64_t a, std::int64_t b, std::int64_t* sum) {
                            return __builtin_add_overflow(a, b, sum);
                          },
                          0, "sum", "+"});
}

Shape shape_of_rank(std::int64_t rank) {
  if (rank > kMaxRank)
    throw Error(fmt::format("a result of {} dimensions; at most {} are supported", rank, kMaxRank));
  Shape shape;
  for (std::int64_t i = 0; i < rank; ++i) shape.append(kAnyDim);
  return shape;
}

IntegerList integer_list(const NodeView& node, std::size_t i, std::string_view what) {
  const TensorDesc& desc = node.input(i);
  if (desc.dtype != DType::s64 && desc.dtype != DType::s32) {
    throw Error(fmt::format("input {} ({}) is {}, expected s64", i, what, name_of(desc.dtype)));
  }
  if (desc.shape.rank() > 1) {
    throw Error(
        fmt::format("input {} ({}) has shape {}, expected one dimension", i, what, desc.shape.to_string()));
  }
  IntegerList list;
  if (desc.shape.known()) list.length = desc.shape.elements();
  if (list.length == 0) list.values.emplace();
  if (const Tensor* constant = node.inputs[i].constant; constant != nullptr && list.length > 0) {
    std::vector<std::int64_t>& values = list.values.emplace();
    for (std::int64_t k = 0; k < list.length; ++k) values.push_back(integer_at(constant->view(), k));
  }
  return list;
}

std::int64_t integer_at(const TensorView& list, std::int64_t k) {
  return list.desc.dtype == DType::s32 ? list.as<const std::int32_t>()[k] : list.as<const std::int64_t>()[k];
}

}  // namespace godwit::ops
