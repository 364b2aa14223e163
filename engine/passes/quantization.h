// Reading quantisation off a graph: scales and zero points of nodes, and the operands of products on 8-bit
// numbers.
#pragma once

#include <optional>
#include <string>

#include "engine/graph.h"

namespace godwit::engine::passes {

// real = (number - zero_point) · scale, for a whole tensor of 8-bit numbers.
struct Linear {
  float scale = 1;
  std::int32_t zero_point = 0;
  DType dtype = DType::u8;
  bool operator==(const Linear&) const = default;
};
// The scale and zero point of a QuantizeLinear or DequantizeLinear that has one constant each, for u8 or s8;
// nullopt for others.
std::optional<Linear> linear_of(const Graph& graph, const Node& node);

// Each weight as s8 with zero point 0, given u8 with zero points 128 or s8 without any; empty for others.
Tensor symmetric_weights(const Tensor& weights, const Tensor* zero_point);

// |sum| <= 255 · 128 · 2^15 < 2^30 and |bias| <= 2^30: their sum fits into 32 bits.
inline constexpr std::int64_t kMostProducts = 1 << 15;
inline constexpr double kLargestBias = 1 << 30;

// The constant operands of a QuantizedConv or QuantizedMatMul.
struct QuantizedProduct {
  Tensor weights;  // s8, (oc, ic, kh, kw) or (k, n)
  Tensor scale;    // one number, or one for each result channel
  Tensor bias;     // s32 in steps of src_scale · scale; empty where the node has none
};
// The operands of a product whose weights are the result of `weights`, a DequantizeLinear. Its bias is the
// result of `bias` or, where that is null, a constant of real numbers or none. Nullopt and a reason in words
// for other operands, for sums that could leave 32 bits, and for more than x · W + b.
std::optional<QuantizedProduct> quantized_product(const Graph& graph, const Node& node, const Node& weights,
                                                  const Node* bias, float src_scale, std::string& reason);

}  // namespace godwit::engine::passes
