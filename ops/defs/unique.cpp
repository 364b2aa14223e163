// Unique: the different slices along one axis, or the different elements, each once: in ascending order (NaN
// last, all of them one), or in that of their first appearance. Beside them where each first appears, which
// one every slice is, and how often each is there.
#include <algorithm>
#include <fmt/format.h>

#include "ops/axes.h"
#include "ops/movement.h"
#include "ops/numbers.h"
#include "ops/operands.h"
#include "ops/ordering.h"

namespace godwit::ops {
namespace {

enum Result : std::size_t { kValues, kFirst, kInverse, kCounts };

bool is_sorted(const NodeView& node) { return node.attributes.flag("sorted", true); }
bool is_flat(const NodeView& node) { return !node.attributes.has("axis"); }
int axis_of(const NodeView& node, int rank) {
  return is_flat(node) ? 0 : normalize_axis(node.attributes.integer("axis", 0), rank);
}

// The operand as (outer, dim, inner); slice i is everything at i along dim.
template <class T>
class Slices {
 public:
  Slices(const NodeView& node, const TensorView& src) : data_(src.as<const T>()) {
    const Shape& shape = src.desc.shape;
    if (is_flat(node)) {
      dim_ = shape.elements();
      return;
    }
    const int axis = axis_of(node, shape.rank());
    outer_ = shape.product(0, axis);
    dim_ = shape[axis];
    inner_ = shape.product(axis + 1, shape.rank());
  }

  std::int64_t count() const { return dim_; }
  // In row-major order of the slices' elements.
  int compare(std::int64_t i, std::int64_t j) const {
    for (std::int64_t o = 0; o < outer_; ++o) {
      for (std::int64_t k = 0; k < inner_; ++k) {
        const int order = compare_elements(at(o, i, k), at(o, j, k));
        if (order != 0) return order;
      }
    }
    return 0;
  }
  // The slice that comes behind slice `last` in the result, where it first appears; -1: there is none. `last`
  // is -1 before the first.
  std::int64_t next(std::int64_t last, bool sorted) const {
    if (!sorted) {
      for (std::int64_t i = last + 1; i < dim_; ++i) {
        if (first_like(i) == i) return i;
      }
      return -1;
    }
    std::int64_t best = -1;
    for (std::int64_t i = 0; i < dim_; ++i) {
      if (last >= 0 && compare(i, last) <= 0) continue;
      if (best < 0 || compare(i, best) < 0) best = i;
    }
    return best;
  }
  // Slice `from` to place `to` of a result of `count` slices.
  void copy(std::int64_t from, const TensorView& dst, std::int64_t to, std::int64_t count) const {
    for (std::int64_t o = 0; o < outer_; ++o) {
      for (std::int64_t k = 0; k < inner_; ++k) dst.as<T>()[(o * count + to) * inner_ + k] = at(o, from, k);
    }
  }

 private:
  T at(std::int64_t outer, std::int64_t i, std::int64_t inner) const {
    return data_[(outer * dim_ + i) * inner_ + inner];
  }
  std::int64_t first_like(std::int64_t i) const {
    std::int64_t j = 0;
    while (compare(j, i) != 0) ++j;
    return j;
  }

  const T* data_;
  std::int64_t outer_ = 1, dim_ = 1, inner_ = 1;
};

std::vector<TensorDesc> infer_unique(const NodeView& node) {
  (void)is_sorted(node);
  require_wide(node, 0);
  const Shape& src = node.shape(0);
  std::int64_t dim = kAnyDim;
  TensorDesc values{node.input(0).dtype, is_flat(node) ? Shape{kAnyDim} : src, Layout::nchw};
  if (src.ranked()) {
    const int axis = axis_of(node, src.rank());
    dim = is_flat(node) ? product_of(src.dims()) : src[axis];
    values.shape[axis] = is_known(dim) || is_bounded(dim) ? at_most(bound_of(dim)) : kAnyDim;
  }
  const Shape found{is_known(dim) || is_bounded(dim) ? at_most(bound_of(dim)) : kAnyDim};
  std::vector<TensorDesc> dst{values,
                              {DType::s64, found, Layout::nchw},
                              {DType::s64, {dim}, Layout::nchw},
                              {DType::s64, found, Layout::nchw}};
  dst.resize(node.output_count);
  return dst;
}

// Elements sorted inside the memory of result 0, each once; how many there are.
template <class T>
std::int64_t sort_elements(const TensorView& src, const TensorView& dst) {
  const std::int64_t count = src.desc.shape.elements();
  T* begin = dst.as<T>();
  std::copy_n(src.as<const T>(), count, begin);
  std::sort(begin, begin + count, [](T a, T b) { return compare_elements(a, b) < 0; });
  return std::unique(begin, begin + count, [](T a, T b) { return compare_elements(a, b) == 0; }) - begin;
}

void extents(const NodeView& node, std::span<const TensorView> src, std::span<TensorView> dst) {
  visit_wide(src[0].desc.dtype, [&]<class T>() {
    const Slices<T> slices(node, src[0]);
    std::int64_t count = 0;
    if (is_flat(node) && dst[kValues].present()) {
      count = sort_elements<T>(src[0], dst[kValues]);
    } else {
      for (std::int64_t i = slices.next(-1, false); i >= 0; i = slices.next(i, false)) ++count;
    }
    const Shape& shape = src[0].desc.shape;
    if (!is_flat(node)) dst[kValues].desc.shape = shape;
    dst[kValues].desc.shape[axis_of(node, shape.rank())] = count;
    for (std::size_t k = kFirst; k < dst.size(); ++k)
      dst[k].desc.shape = {k == kInverse ? slices.count() : count};
  });
}

// The results beside the sorted elements: each of the operand's is looked up.
template <class T>
void find_elements(const TensorView& src, std::span<const TensorView> dst) {
  const T* begin = dst[kValues].as<const T>();
  const T* end = begin + dst[kValues].desc.shape.elements();
  const auto result = [&](Result k) {
    return k < dst.size() && dst[k].present() ? dst[k].as<std::int64_t>() : nullptr;
  };
  if (result(kCounts) != nullptr) std::fill_n(result(kCounts), end - begin, 0);
  for (std::int64_t i = src.desc.shape.elements() - 1; i >= 0; --i) {  // the first appearance comes last
    const T value = src.as<const T>()[i];
    const std::int64_t at =
        std::lower_bound(begin, end, value, [](T a, T b) { return compare_elements(a, b) < 0; }) - begin;
    if (result(kFirst) != nullptr) result(kFirst)[at] = i;
    if (result(kInverse) != nullptr) result(kInverse)[i] = at;
    if (result(kCounts) != nullptr) ++result(kCounts)[at];
  }
}

template <class T>
void find_slices(const NodeView& node, const TensorView& src, std::span<const TensorView> dst,
                 std::int64_t count) {
  const Slices<T> slices(node, src);
  std::int64_t slice = -1;
  for (std::int64_t to = 0; to < count; ++to) {
    slice = slices.next(slice, is_sorted(node));
    if (dst[kValues].present()) slices.copy(slice, dst[kValues], to, count);
    if (dst.size() > kFirst && dst[kFirst].present()) dst[kFirst].as<std::int64_t>()[to] = slice;
    std::int64_t like = 0;
    for (std::int64_t i = 0; i < slices.count(); ++i) {
      if (slices.compare(i, slice) != 0) continue;
      ++like;
      if (dst.size() > kInverse && dst[kInverse].present()) dst[kInverse].as<std::int64_t>()[i] = to;
    }
    if (dst.size() > kCounts && dst[kCounts].present()) dst[kCounts].as<std::int64_t>()[to] = like;
  }
}

void reference(const NodeView& node, std::span<const TensorView> src, std::span<const TensorView> dst) {
  visit_wide(src[0].desc.dtype, [&]<class T>() {
    if (is_flat(node) && is_sorted(node) && dst[kValues].present()) {
      sort_elements<T>(src[0], dst[kValues]);
      find_elements<T>(src[0], dst);
    } else {
      const Shape& values = dst[kValues].desc.shape;
      find_slices<T>(node, src[0], dst, values[axis_of(node, values.rank())]);
    }
  });
}

}  // namespace

const OpDef& op_unique() {
  static const OpDef def{
      .name = "Unique",
      .sentence = "the different elements or slices, each once",
      .since_opset = 11,
      .max_outputs = 4,
      .attributes = {{"axis", AttributeType::integer}, {"sorted", AttributeType::integer}},
      .infer = infer_unique,
      .reference = reference,
      .extents = extents,
      .cost = no_arithmetic,
  };
  return def;
}

}  // namespace godwit::ops
