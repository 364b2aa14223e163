// Det: determinants of the square matrices in the last two axes, by elimination with the largest pivot.
#include <algorithm>
#include <array>
#include <cmath>
#include <fmt/format.h>

#include "ops/arithmetic.h"
#include "ops/axes.h"
#include "runtime/error.h"

namespace godwit::ops {
namespace {

// References allocate nothing: a matrix has its place on the stack, 128 KiB at most.
constexpr std::int64_t kLargest = 128;

std::vector<TensorDesc> infer_det(const NodeView& node) {
  require_one_dtype(node, kFloatTypes);
  require_rank(node, 0, 2);
  const Shape& shape = node.shape(0);
  if (!shape.ranked()) return {{node.input(0).dtype, Shape::unranked(), Layout::nchw}};
  const std::int64_t rows = shape[shape.rank() - 2], columns = shape[shape.rank() - 1];
  if (!may_be_same_dim(rows, columns))
    throw Error(fmt::format("matrices have {} rows and {} columns, expected the same number", rows, columns));
  if (rows > kLargest)
    throw Error(fmt::format("matrices have {} rows, at most {} are supported", rows, kLargest));
  Shape dst;
  for (int axis = 0; axis < shape.rank() - 2; ++axis) dst.append(shape[axis]);
  return {{node.input(0).dtype, dst, Layout::nchw}};
}

// The determinant of the `size` rows in `matrix`, which are destroyed.
double determinant(double* matrix, std::int64_t size) {
  double result = 1;
  for (std::int64_t k = 0; k < size; ++k) {
    std::int64_t pivot = k;
    for (std::int64_t row = k + 1; row < size; ++row) {
      if (std::abs(matrix[row * size + k]) > std::abs(matrix[pivot * size + k])) pivot = row;
    }
    if (pivot != k) {
      std::swap_ranges(matrix + k * size, matrix + (k + 1) * size, matrix + pivot * size);
      result = -result;
    }
    const double divisor = matrix[k * size + k];
    result *= divisor;
    if (divisor == 0) return 0;
    for (std::int64_t row = k + 1; row < size; ++row) {
      const double factor = matrix[row * size + k] / divisor;
      for (std::int64_t i = k; i < size; ++i) matrix[row * size + i] -= factor * matrix[k * size + i];
    }
  }
  return result;
}

void reference(const NodeView&, std::span<const TensorView> src, std::span<const TensorView> dst) {
  const Shape& shape = src[0].desc.shape;
  const std::int64_t size = shape[shape.rank() - 1];
  const std::int64_t count = dst[0].desc.shape.elements();
  std::array<double, kLargest * kLargest> matrix;
  for (std::int64_t i = 0; i < count; ++i) {
    for (std::int64_t k = 0; k < size * size; ++k)
      matrix[static_cast<std::size_t>(k)] = real_at(src[0], i * size * size + k);
    set_real(dst[0], i, determinant(matrix.data(), size));
  }
}

Cost cost_det(const NodeView& node) {
  const Shape& shape = node.shape(0);
  if (!shape.known()) return {};
  return {.macs = 0,
          .flops = work_product({output_elements(node), shape[shape.rank() - 1], shape[shape.rank() - 1],
                                 shape[shape.rank() - 1]})};
}

bool batch_separable(const NodeView& node) { return node.shape(0).rank() > 2; }

}  // namespace

const OpDef& op_det() {
  static const OpDef def{
      .name = "Det",
      .sentence = "determinants of square matrices",
      .since_opset = 11,
      .infer = infer_det,
      .reference = reference,
      .cost = cost_det,
      .batch_separable = batch_separable,
  };
  return def;
}

}  // namespace godwit::ops
