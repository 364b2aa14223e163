// MatMul: products of matrices in broadcast batches; a vector is a row on the left, a column on the right.
#include <algorithm>
#include <fmt/format.h>
#include <vector>

#include "ops/algorithms/implementations.h"
#include "ops/arithmetic.h"
#include "ops/axes.h"
#include "ops/broadcast.h"
#include "ops/known_ops.h"
#include "runtime/counted.h"
#include "runtime/error.h"

namespace godwit::ops {
namespace {

// The dimensions before the matrix.
Shape batch_of(const Shape& shape) {
  Shape batch;
  for (int axis = 0; axis < shape.rank() - 2; ++axis) batch.append(shape[axis]);
  return batch;
}

// Rows of A, the depth of A and of B, columns of B.
struct Sizes {
  std::int64_t rows = 1, depth_a = 1, depth_b = 1, columns = 1;
};
Sizes sizes_of(const Shape& a, const Shape& b) {
  return {.rows = a.rank() < 2 ? 1 : a[a.rank() - 2],
          .depth_a = a[a.rank() - 1],
          .depth_b = b[std::max(b.rank() - 2, 0)],
          .columns = b.rank() < 2 ? 1 : b[b.rank() - 1]};
}

std::vector<TensorDesc> infer_mat_mul(const NodeView& node) {
  require_product_dtypes(node, kMatrixTypes);
  require_rank(node, 0, 1);
  require_rank(node, 1, 1);
  const Shape &a = node.shape(0), &b = node.shape(1);
  TensorDesc dst{product_dtype(node), Shape::unranked(), Layout::nchw};
  if (!a.ranked() || !b.ranked()) return {dst};
  const Sizes sizes = sizes_of(a, b);
  if (!may_be_same_dim(sizes.depth_a, sizes.depth_b)) {
    throw Error(fmt::format("shapes {} and {} do not multiply: {} on the left, {} rows on the right",
                            a.to_string(), b.to_string(), counted(sizes.depth_a, "column"), sizes.depth_b));
  }
  dst.shape = broadcast_shapes(batch_of(a), batch_of(b));
  if (a.rank() > 1) dst.shape.append(sizes.rows);
  if (b.rank() > 1) dst.shape.append(sizes.columns);
  require_residual(node, dst);
  return {dst};
}

void reference(const NodeView& node, std::span<const TensorView> src, std::span<const TensorView> dst) {
  const Shape &a = src[0].desc.shape, &b = src[1].desc.shape;
  const Sizes sizes = sizes_of(a, b);
  const std::int64_t rows = sizes.rows, columns = sizes.columns, depth = sizes.depth_a;
  const Shape batch_a = batch_of(a), batch_b = batch_of(b);
  const Shape batch = broadcast_shapes(batch_a, batch_b);
  BroadcastIndex at_a(batch, batch_a), at_b(batch, batch_b);
  visit_number(src[0].desc.dtype, [&]<class T>() {
    using Value = std::conditional_t<std::is_integral_v<T>, std::uint64_t, double>;
    std::int64_t i = 0;
    for (std::int64_t matrix = 0; matrix < batch.elements(); ++matrix, at_a.next(), at_b.next()) {
      const T* from_a = src[0].as<const T>() + at_a.offset() * rows * depth;
      const T* from_b = src[1].as<const T>() + at_b.offset() * depth * columns;
      for (std::int64_t m = 0; m < rows; ++m) {
        for (std::int64_t n = 0; n < columns; ++n, ++i) {
          Value sum = 0;
          for (std::int64_t k = 0; k < depth; ++k)
            sum += static_cast<Value>(from_a[m * depth + k]) * static_cast<Value>(from_b[k * columns + n]);
          if constexpr (std::is_integral_v<T>) {
            dst[0].as<T>()[i] = finish_whole<T>(node, src, i, sum);
          } else {
            set_real(dst[0], i, finish(node, src, i, sum));
          }
        }
      }
    }
  });
}

Cost cost_mat_mul(const NodeView& node) {
  const Shape& a = node.shape(0);
  Cost cost;
  if (!a.known()) return cost;
  cost.macs = work_product({output_elements(node), a[a.rank() - 1]});
  cost.flops = work_sum({work_product({2, cost.macs}), epilogue_flops(node)});
  return cost;
}

// Rows, or matrices of a batch, are images; on the right stand constants that all share, or a matrix for
// each.
bool batch_separable(const NodeView& node) {
  const int rank = node.shape(0).rank();
  if (node.inputs[0].constant != nullptr || rank < 2) return false;
  return node.inputs[1].constant != nullptr ? node.shape(1).rank() == 2
                                            : rank > 2 && node.shape(1).rank() == rank;
}

std::optional<Product> product(const NodeView& node) {
  if (node.shape(1).rank() != 2 || !is_float(node.input(1).dtype)) return std::nullopt;
  return Product{.channel_axis = 1};
}

}  // namespace

const OpDef& op_mat_mul() {
  static const OpDef def{
      .name = "MatMul",
      .sentence = "products of matrices, in batches that broadcast",
      .since_opset = 1,
      .min_inputs = 2,
      .max_inputs = 2,
      .kind = OpKind::product,
      .product = product,
      .weights = 1,
      .quantized = &op_quantized_mat_mul(),
      .infer = infer_mat_mul,
      .reference = reference,
      .cost = cost_mat_mul,
      .fuses_clamp = true,
      .fuses_residual = true,
      .fuses_dst_f32 = true,
      .takes_16_bits = true,
      .batch_separable = batch_separable,
      .implementations = {&mat_mul_panels, &mat_mul_computed},
  };
  return def;
}

}  // namespace godwit::ops
