// Common ground of the ops on 8-bit numbers (domain godwit, made by fold_quantization): their operands,
// and the way from a sum of products to a stored number.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "ops/kernels/quantized_finish.h"
#include "ops/op.h"
#include "ops/quantization.h"

namespace godwit::ops {

// Convolutions of a single group over so few channels take whole rows of the kernel as one run of numbers.
inline constexpr std::int64_t kFewChannels = 8;

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

// QuantizedFinish::stores_clamp for sums below 2^31 under these scales.
bool stores_clamp(const QuantizedFinish& finish, std::span<const float> scales);

// QuantizedAveragePool and Requantize: one tensor. Without a dst_scale, which only the pool may leave out,
// the result is f32.
struct RequantizeOperand {
  enum : std::size_t { src, src_scale, src_zero_point, dst_scale, dst_zero_point, count };
};
// QuantizedAdd: two tensors of one shape.
struct QuantizedAddOperand {
  enum : std::size_t {
    lhs,
    lhs_scale,
    lhs_zero_point,
    rhs,
    rhs_scale,
    rhs_zero_point,
    dst_scale,
    dst_zero_point,
    count
  };
};
// Throws Error unless operand i is u8 with a scale and a zero point (or none) behind it.
void require_quantized_tensor(const NodeView& node, std::size_t i, std::string_view what);
// Throws Error unless operand i, where present, is a scale with a u8 zero point (or none) behind it.
void require_linear(const NodeView& node, std::size_t i, std::string_view what);
// The way in which a tensor whose scale is operand i enters a sum: (number - zero_point) · scale.
struct QuantizedTerm {
  float scale = 0, zero_point = 0;
};
QuantizedTerm quantized_term(std::span<const TensorView> operands, std::size_t i);
// The end of such a sum, in steps of the scale that is operand i, or real where that is left out. `step` is
// that scale, or 1.
struct QuantizedEnd {
  QuantizedFinish finish;
  float step = 1;
};
QuantizedEnd quantized_end(const NodeView& node, std::span<const TensorView> operands, std::size_t i);
// A sum as a number of the result's type: held inside its bounds and, unless it is real, rounded.
float finish_value(const QuantizedFinish& finish, float value);
// src_scale / (step · divisor), in double precision, rounded once: of an average's sum.
float average_factor(float src_scale, float step, std::int64_t divisor);
// Windows up to this many taps have sums that f32 holds exactly: 255 · 2^16 < 2^24.
inline constexpr std::int64_t kMostAveraged = 1 << 16;

// Values of the operands that are constants, empty views of the others and of `weights`, which is not read.
inline constexpr std::size_t kNoWeights = ~std::size_t{0};
std::vector<TensorView> constant_operands(const NodeView& node, std::size_t weights);

// The values per channel that kernels take, padded with zeros to `padded` of them.
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
