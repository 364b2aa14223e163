// Lines of elements along one axis of a row-major tensor.
#pragma once

#include <cstdint>
#include <vector>

#include "ops/arithmetic.h"
#include "ops/op.h"
#include "runtime/tensor.h"

namespace godwit::ops {

// Calls visit(first, step) for each line along `axis`: its elements are `step` apart. A scalar is one line of
// one element; an axis of no elements has its lines as well.
template <class Visit>
void for_each_line(const Shape& shape, int axis, const Visit& visit) {
  if (shape.rank() == 0) return visit(0, 1);
  const std::int64_t outer = shape.product(0, axis), count = shape[axis];
  const std::int64_t inner = shape.product(axis + 1, shape.rank());
  for (std::int64_t o = 0; o < outer; ++o) {
    for (std::int64_t i = 0; i < inner; ++i) visit(o * count * inner + i, inner);
  }
}

// Rules of operators of floats that treat each line along attribute `axis` (the last where it is not given)
// apart: the axis, 0 for a scalar; inference, which throws Error for an axis that the operand lacks; whether
// images stay apart.
int line_axis(const NodeView& node);
std::vector<TensorDesc> infer_lines(const NodeView& node);
bool lines_keep_images_apart(const NodeView& node);

// A line of the operand as doubles, and that of the result.
template <class T>
struct Line {
  const T* src;
  T* dst;
  std::int64_t count, step;

  double operator[](std::int64_t i) const { return static_cast<double>(src[i * step]); }
  void set(std::int64_t i, double value) const { dst[i * step] = static_cast<T>(value); }
};

// Calls compute(line) for each line of a node under these rules.
template <class Compute>
void map_lines(const NodeView& node, const TensorView& src, const TensorView& dst, const Compute& compute) {
  const Shape& shape = src.desc.shape;
  const int axis = line_axis(node);
  const std::int64_t count = shape.rank() == 0 ? 1 : shape[axis];
  visit_float(dst.desc.dtype, [&]<class T>() {
    for_each_line(shape, axis, [&](std::int64_t first, std::int64_t step) {
      compute(Line<T>{src.as<const T>() + first, dst.as<T>() + first, count, step});
    });
  });
}

}  // namespace godwit::ops
