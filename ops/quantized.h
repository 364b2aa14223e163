// What the ops on 8-bit numbers share (those of domain godwit that fold_quantization makes): their operands,
// and the way from a sum of products to a stored number.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "ops/kernels/arguments.h"
#include "ops/op.h"
#include "ops/quantization.h"

namespace godwit::ops {

// Operands of QuantizedConv and QuantizedMatMul. Scales and zero points are constants; all but the weights'
// are one number. The residual, if any, is the last operand, as in every epilogue.
struct QuantizedOperand {
  enum : std::size_t {
    src,             // u8
    src_scale,       // f32
    src_zero_point,  // u8
    weights,         // s8, zero point 0
    weight_scale,    // f32, one number or one for each result channel
    bias,            // s32 in steps of src_scale · weight_scale, one for each result channel, or left out
    sum_scale,       // f32: what the result without a residual is rounded to, or left out
    sum_zero_point,  // u8, or left out: 0
    residual_scale,  // f32, with a residual only, as the rest
    residual_zero_point,
    dst_scale,  // f32: what the result with the residual is rounded to
    dst_zero_point,
    count
  };
};

// Throws Error where operands' types or numbers do not fit each other; `channels`: of the result, kAnyDim
// where not known.
void require_quantized_operands(const NodeView& node, std::int64_t channels);
// The type of the result: u8, or f32 where neither sum_scale nor dst_scale is there.
DType quantized_result(const NodeView& node);

// The functions below take the operands' values; those that they do not need may be empty views.
QuantizedFinish quantized_finish(const NodeView& node, std::span<const TensorView> operands);
// src_scale · weight_scale / what the sum is rounded to, in double precision, rounded once.
float quantized_scale(const NodeView& node, std::span<const TensorView> operands, std::int64_t channel);
// Steps of one sum, without any residual, to the result as a number of its type; two's complement sums.
float finish_quantized(const QuantizedFinish& finish, std::int32_t sum, float scale,
                       const std::uint8_t* residual);
// bias - src's zero point · the sum of a channel's weights.
std::int32_t quantized_bias(const NodeView& node, std::span<const TensorView> operands, std::int64_t channel,
                            std::int64_t weight_sum);

// Values of the operands that are constants, empty views of the others.
std::vector<TensorView> constant_operands(const NodeView& node);

// For each channel what kernels take, padded with zeros to `padded` of them.
struct QuantizedChannels {
  std::vector<float> scale;
  std::vector<std::int32_t> bias;
};
// weight_sums: one for each channel.
QuantizedChannels quantized_channels(const NodeView& node, std::span<const std::int64_t> weight_sums);

// A QuantizedConv node as the Conv on real numbers whose place it took.
class RealConv {
 public:
  explicit RealConv(const NodeView& node);
  RealConv(const RealConv&) = delete;
  RealConv& operator=(const RealConv&) = delete;
  const NodeView& view() const { return view_; }

 private:
  TensorDesc descs_[2];
  Operand operands_[2];
  NodeView view_;
};

// The reasons why kernels on 8-bit numbers cannot take such a node; empty when they can.
std::string reject_quantized(const NodeView& node);

}  // namespace godwit::ops
