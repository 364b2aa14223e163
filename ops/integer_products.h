// Products of 8-bit integers as ONNX defines them, in scalar code, for the references of QLinearConv,
// ConvInteger, QLinearMatMul and MatMulInteger.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "ops/op.h"

namespace godwit::ops {

// Element i of a tensor of u8 or s8 numbers; 0 for one that is left out.
std::int32_t byte_at(const TensorView& tensor, std::int64_t i);
// The same of a zero point (or any list) that has one number, or one for each of several.
std::int32_t byte_for(const TensorView& list, std::int64_t i);

// Throws Error unless operand `i` is u8 or s8.
void require_bytes(const NodeView& node, std::size_t i);
// Throws Error unless operand `i` has this type.
void require_dtype(const NodeView& node, std::size_t i, DType dtype);
// Throws Error unless operand `i`, where present, has one number, or `count` where that is not kAnyDim.
void require_numbers(const NodeView& node, std::size_t i, std::int64_t count);

// The shape of a Conv whose src and weights are these operands, and which has the node's attributes.
Shape integer_conv_shape(const NodeView& node, std::size_t src, std::size_t weights);
// The shape of a MatMul of these operands.
Shape integer_mat_mul_shape(const NodeView& node, std::size_t a, std::size_t b);

// Cost of a Conv, or a MatMul, of real numbers with these operands.
Cost integer_conv_cost(const NodeView& node, std::size_t src, std::size_t weights);
Cost integer_mat_mul_cost(const NodeView& node, std::size_t a, std::size_t b);

// Operands of a product, each with its zero point; the weights' has one number for each result channel or
// one.
struct IntegerProduct {
  TensorView src, src_zero, weights, weight_zero;
};
// result(i, channel, sum) for every element i of the result, sum in 32 bits, two's complement.
// (A std::ref of what is called, so that nothing is allocated.)
using IntegerResult = std::function<void(std::int64_t i, std::int64_t channel, std::int32_t sum)>;
void integer_conv(const NodeView& node, const IntegerProduct& product, const IntegerResult& result);
void integer_mat_mul(const IntegerProduct& product, const Shape& dst, const IntegerResult& result);

// saturate(round(sum · scale) + zero_point) as element i of dst, which is u8 or s8.
void store_quantized(const TensorView& dst, std::int64_t i, float value, std::int32_t zero_point);

}  // namespace godwit::ops
