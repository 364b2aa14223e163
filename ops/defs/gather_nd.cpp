// GatherND: the slices of the operand that rows of indices name, one index for each of the first axes (behind
// the batch). An index out of range, which only a computed one can be, names a slice of zeros.
#include <cstring>
#include <fmt/format.h>

#include "ops/axes.h"
#include "ops/movement.h"
#include "ops/operands.h"
#include "runtime/error.h"

namespace godwit::ops {
namespace {

// Dimensions of batch, indices before the last, and slice.
Shape gathered_shape(const Shape& src, const Shape& indices, int batch) {
  const int last = indices.rank() - 1;
  Shape dst;
  for (int i = 0; i < last; ++i) dst.append(indices[i]);
  for (int i = batch + static_cast<int>(indices[last]); i < src.rank(); ++i) dst.append(src[i]);
  return dst;
}

std::vector<TensorDesc> infer_gather_nd(const NodeView& node) {
  const Shape &src = node.shape(0), &indices = node.shape(1);
  require_indices(node, 1, "indices");
  const std::int64_t batch = node.attributes.integer("batch_dims", 0);
  TensorDesc dst{node.input(0).dtype, Shape::unranked(), Layout::nchw};
  if (!src.ranked() || !indices.ranked()) return {dst};
  if (src.rank() == 0 || indices.rank() == 0)
    throw Error("an operand is a scalar, expected at least one dimension");
  if (batch < 0 || batch >= std::min(src.rank(), indices.rank())) {
    throw Error(fmt::format("attribute 'batch_dims' is {}, expected 0 to {}", batch,
                            std::min(src.rank(), indices.rank()) - 1));
  }
  for (int i = 0; i < batch; ++i) require_equal_dims(node, 1, i, 0, i);
  const std::int64_t depth = indices[indices.rank() - 1];
  if (!is_known(depth)) return {dst};
  if (depth < 1 || depth > src.rank() - batch) {
    throw Error(fmt::format("input 1 (indices) has shape {}; its last dimension must be 1 to {}",
                            indices.to_string(), src.rank() - batch));
  }
  dst.shape = gathered_shape(src, indices, static_cast<int>(batch));
  return {dst};
}

void extents(const NodeView& node, std::span<const TensorView> src, std::span<TensorView> dst) {
  dst[0].desc.shape = gathered_shape(src[0].desc.shape, src[1].desc.shape,
                                     static_cast<int>(node.attributes.integer("batch_dims", 0)));
}

void reference(const NodeView& node, std::span<const TensorView> src, std::span<const TensorView> dst) {
  if (dst[0].desc.shape.elements() == 0) return;
  const Shape &shape = src[0].desc.shape, &indices = src[1].desc.shape;
  const int batch = static_cast<int>(node.attributes.integer("batch_dims", 0));
  const std::int64_t depth = indices[indices.rank() - 1];
  const std::int64_t rows = indices.elements() / depth;
  const std::int64_t batches = std::min(indices.product(0, batch), shape.product(0, batch));
  const std::int64_t rows_of_batch = indices.product(batch, indices.rank() - 1);
  const std::size_t run =
      static_cast<std::size_t>(shape.product(batch + static_cast<int>(depth), shape.rank())) *
      size_of(src[0].desc.dtype);
  auto* to = dst[0].as<std::byte>();
  for (std::int64_t row = 0; row < rows; ++row, to += run) {
    std::int64_t from = row / rows_of_batch;
    bool inside = from < batches;
    for (std::int64_t k = 0; k < depth; ++k) {
      const std::int64_t dim = shape[batch + static_cast<int>(k)];
      const std::int64_t at = position_of_index(integer_at(src[1], row * depth + k), dim);
      inside = inside && at >= 0;
      from = from * dim + at;
    }
    if (inside) {
      std::memcpy(to, src[0].as<const std::byte>() + static_cast<std::size_t>(from) * run, run);
    } else {
      std::memset(to, 0, run);
    }
  }
}

}  // namespace

const OpDef& op_gather_nd() {
  static const OpDef def{
      .name = "GatherND",
      .sentence = "slices named by rows of indices",
      .since_opset = 12,
      .min_inputs = 2,
      .max_inputs = 2,
      .attributes = {{"batch_dims", AttributeType::integer}},
      .kind = OpKind::movement,
      .moves = moves_first,
      .infer = infer_gather_nd,
      .reference = reference,
      .extents = extents,
      .cost = no_arithmetic,
  };
  return def;
}

}  // namespace godwit::ops
