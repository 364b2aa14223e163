// MatMulInteger: products of matrices of 8-bit numbers with 32-bit results.
#include <functional>

#include "ops/integer_products.h"
#include "ops/movement.h"
#include "ops/quantization.h"

namespace godwit::ops {
namespace {

std::vector<TensorDesc> infer_mat_mul(const NodeView& node) {
  require_bytes(node, 0);
  require_bytes(node, 1);
  const Shape shape = integer_mat_mul_shape(node, 0, 1);
  const Shape& a = node.shape(0);
  require_numbers(node, 2, a.ranked() && a.rank() > 1 ? a[a.rank() - 2] : kAnyDim);
  require_numbers(node, 3, shape.ranked() && shape.rank() > 0 ? shape[shape.rank() - 1] : kAnyDim);
  if (node.has_input(2)) require_dtype(node, 2, node.input(0).dtype);
  if (node.has_input(3)) require_dtype(node, 3, node.input(1).dtype);
  return {{DType::s32, shape, Layout::nchw}};
}

void reference(const NodeView&, std::span<const TensorView> src, std::span<const TensorView> dst) {
  const auto zero = [&](std::size_t i) { return i < src.size() ? src[i] : TensorView{}; };
  const auto store = [&](std::int64_t i, std::int64_t, std::int32_t sum) {
    dst[0].as<std::int32_t>()[i] = sum;
  };
  integer_mat_mul({src[0], zero(2), src[1], zero(3)}, dst[0].desc.shape, std::ref(store));
}

Cost cost_mat_mul(const NodeView& node) { return integer_mat_mul_cost(node, 0, 1); }

// Rows, or matrices of a batch, are images where what stands on the right is the same for all.
bool batch_separable(const NodeView& node) {
  return node.shape(0).rank() >= 2 && node.inputs[1].constant != nullptr && node.shape(1).rank() == 2 &&
         (!node.has_input(2) || node.shape(2).elements() == 1);
}

}  // namespace

const OpDef& op_mat_mul_integer() {
  static const OpDef def{
      .name = "MatMulInteger",
      .sentence = "products of matrices of 8-bit numbers with 32-bit results",
      .since_opset = 10,
      .min_inputs = 2,
      .max_inputs = 4,
      .kind = OpKind::integer,
      .weights = 1,
      .infer = infer_mat_mul,
      .reference = reference,
      .cost = cost_mat_mul,
      .batch_separable = batch_separable,
  };
  return def;
}

}  // namespace godwit::ops
