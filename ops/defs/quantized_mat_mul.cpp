// QuantizedMatMul (internal): rows of u8 numbers by an s8 matrix, 32-bit sums, one rounding to u8; or real
// results.
#include <fmt/format.h>

#include "ops/algorithms/implementations.h"
#include "ops/arithmetic.h"
#include "ops/axes.h"
#include "ops/quantized.h"
#include "runtime/counted.h"
#include "runtime/error.h"

namespace godwit::ops {
namespace {

using In = QuantizedOperand;

std::vector<TensorDesc> infer_mat_mul(const NodeView& node) {
  require_rank(node, In::src, 2);
  require_rank(node, In::weights, 2, 2);
  const Shape &src = node.shape(In::src), &weights = node.shape(In::weights);
  TensorDesc dst{quantized_result(node), Shape::unranked(), Layout::nchw};
  require_quantized_operands(node, weights.ranked() ? weights[1] : kAnyDim);
  if (!src.ranked() || !weights.ranked()) return {dst};
  const int last = src.rank() - 1;
  if (!may_be_same_dim(src[last], weights[0])) {
    throw Error(fmt::format("shapes {} and {} do not multiply: {} on the left, {} rows on the right",
                            src.to_string(), weights.to_string(), counted(src[last], "column"), weights[0]));
  }
  dst.shape = src;
  dst.shape[last] = weights[1];
  return {dst};
}

void reference(const NodeView& node, std::span<const TensorView> src, std::span<const TensorView> dst) {
  const Shape& weights = src[In::weights].desc.shape;
  const std::int64_t depth = weights[0], columns = weights[1];
  const std::int64_t rows = columns == 0 ? 0 : dst[0].desc.shape.elements() / columns;
  const QuantizedFinish finish = quantized_finish(node, src);
  const std::int32_t zero = src[In::src_zero_point].as<const std::uint8_t>()[0];
  const auto* a = src[In::src].as<const std::uint8_t>();
  const auto* b = src[In::weights].as<const std::int8_t>();
  for (std::int64_t m = 0; m < rows; ++m) {
    for (std::int64_t n = 0; n < columns; ++n) {
      auto sum = static_cast<std::uint32_t>(quantized_bias(node, src, n, 0));
      for (std::int64_t k = 0; k < depth; ++k) {
        sum += static_cast<std::uint32_t>((a[m * depth + k] - zero) * b[k * columns + n]);
      }
      const float value =
          finish_quantized(finish, static_cast<std::int32_t>(sum), quantized_scale(node, src, n), nullptr);
      if (finish.real) {
        dst[0].as<float>()[m * columns + n] = value;
      } else {
        dst[0].as<std::uint8_t>()[m * columns + n] = static_cast<std::uint8_t>(value);
      }
    }
  }
}

Cost cost_mat_mul(const NodeView& node) {
  const Shape& weights = node.shape(In::weights);
  Cost cost;
  if (!weights.known()) return cost;
  cost.macs = work_product({output_elements(node), weights[0]});
  cost.flops = work_sum(
      {work_product({2, cost.macs}), work_product({3, output_elements(node)}), epilogue_flops(node)});
  return cost;
}

bool batch_separable(const NodeView& node) { return node.inputs[In::weights].constant != nullptr; }

}  // namespace

const OpDef& op_quantized_mat_mul() {
  static const OpDef def{
      .name = "QuantizedMatMul",
      .domain = "godwit",
      .sentence = "rows of 8-bit numbers by a matrix of them, with 32-bit sums, rounded to 8 bits",
      .min_inputs = 5,
      .max_inputs = QuantizedOperand::count,
      .kind = OpKind::quantized,
      .weights = QuantizedOperand::weights,
      .bias = QuantizedOperand::bias,
      .infer = infer_mat_mul,
      .reference = reference,
      .cost = cost_mat_mul,
      .fuses_clamp = true,
      .batch_separable = batch_separable,
      .implementations = {&mat_mul_quantized},
  };
  return def;
}

}  // namespace godwit::ops
