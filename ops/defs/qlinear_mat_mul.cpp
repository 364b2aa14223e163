// QLinearMatMul: products of matrices of 8-bit numbers, rounded to 8 bits.
#include <array>
#include <functional>

#include "ops/integer_products.h"
#include "ops/known_ops.h"
#include "ops/movement.h"
#include "ops/quantization.h"

namespace godwit::ops {
namespace {

constexpr std::array kProductScales{DType::f32, DType::f16, DType::bf16};

std::vector<TensorDesc> infer_mat_mul(const NodeView& node) {
  require_bytes(node, 0);
  require_bytes(node, 3);
  require_scale(node, 1, "the scale of the input", kAnyDim, kProductScales);
  require_zero_point(node, 2, "the zero point of the input", node.input(0).dtype);
  require_scale(node, 6, "the scale of the result", 1, kProductScales);
  const Shape shape = integer_mat_mul_shape(node, 0, 3);
  const bool has_columns = shape.ranked() && shape.rank() > 0;
  require_scale(node, 4, "the scale of the weights", has_columns ? shape[shape.rank() - 1] : kAnyDim,
                kProductScales);
  require_zero_point(node, 5, "the zero point of the weights", node.input(3).dtype);
  require_numbers(node, 1, 1);
  require_numbers(node, 2, 1);
  require_bytes(node, 7);
  require_numbers(node, 7, 1);
  return {{node.input(7).dtype, shape, Layout::nchw}};
}

void reference(const NodeView&, std::span<const TensorView> src, std::span<const TensorView> dst) {
  const bool one = src[4].desc.shape.elements() == 1;
  const auto store = [&](std::int64_t i, std::int64_t column, std::int32_t sum) {
    const double scale = static_cast<double>(f32_at(src[1], 0)) *
                         static_cast<double>(f32_at(src[4], one ? 0 : column)) /
                         static_cast<double>(f32_at(src[6], 0));
    store_quantized(dst[0], i, static_cast<float>(sum) * static_cast<float>(scale), byte_for(src[7], 0));
  };
  integer_mat_mul({src[0], src[2], src[3], src[5]}, dst[0].desc.shape, std::ref(store));
}

Cost cost_mat_mul(const NodeView& node) { return integer_mat_mul_cost(node, 0, 3); }

// Rows, or matrices of a batch, are images where what stands on the right is the same for all.
bool batch_separable(const NodeView& node) {
  return node.shape(0).rank() >= 2 && node.inputs[3].constant != nullptr && node.shape(3).rank() == 2;
}

std::optional<Product> product(const NodeView& node) {
  if (node.shape(0).rank() < 2 || node.shape(3).rank() != 2) return std::nullopt;
  return Product{.channel_axis = 1};
}

}  // namespace

const OpDef& op_qlinear_mat_mul() {
  static const OpDef def{
      .name = "QLinearMatMul",
      .sentence = "products of matrices of 8-bit numbers, rounded to 8 bits",
      .since_opset = 10,
      .min_inputs = 8,
      .max_inputs = 8,
      .kind = OpKind::integer,
      .product = product,
      .weights = 3,
      .quantized = &op_quantized_mat_mul(),
      .infer = infer_mat_mul,
      .reference = reference,
      .cost = cost_mat_mul,
      .batch_separable = batch_separable,
  };
  return def;
}

}  // namespace godwit::ops
