// Operands, factors and rounding of the ops on 8-bit numbers.
#include "ops/quantized.h"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>

#include "ops/arithmetic.h"
#include "runtime/counted.h"
#include "runtime/error.h"

namespace godwit::ops {
namespace {

using In = QuantizedOperand;

void require_type(const NodeView& node, std::size_t i, DType dtype) {
  if (!node.has_input(i) || node.input(i).dtype == dtype) return;
  throw Error(fmt::format("input {} is {}, expected {}", i, name_of(node.input(i).dtype), name_of(dtype)));
}

// As kernels do it: NaN gives the lower bound.
float inside(float value, float lowest, float highest) {
  return value > lowest ? std::min(value, highest) : lowest;
}

float number(std::span<const TensorView> operands, std::size_t i) { return operands[i].as<const float>()[0]; }
float zero_point(std::span<const TensorView> operands, std::size_t i) {
  return operands[i].present() ? static_cast<float>(operands[i].as<const std::uint8_t>()[0]) : 0.0F;
}

float quotient(float a, float b) {
  return static_cast<float>(static_cast<double>(a) / static_cast<double>(b));
}

}  // namespace

DType quantized_result(const NodeView& node) {
  return has_own_input(node, In::sum_scale) || has_own_input(node, In::dst_scale) ? DType::u8 : DType::f32;
}

void require_quantized_operands(const NodeView& node, std::int64_t channels) {
  require_type(node, In::src, DType::u8);
  require_type(node, In::weights, DType::s8);
  require_type(node, In::bias, DType::s32);
  require_scale(node, In::src_scale, "the scale of the input", 1);
  require_scale(node, In::weight_scale, "the scale of the weights", channels);
  require_zero_point(node, In::src_zero_point, "the zero point of the input", DType::u8);
  if (has_own_input(node, In::bias) && node.shape(In::bias).known() && is_known(channels) &&
      node.shape(In::bias).elements() != channels) {
    throw Error(fmt::format("the bias has {}, expected {}",
                            counted(node.shape(In::bias).elements(), "number"), channels));
  }
  if (has_own_input(node, In::sum_scale)) {
    require_scale(node, In::sum_scale, "the scale of the sum", 1);
    require_zero_point(node, In::sum_zero_point, "the zero point of the sum", DType::u8);
  }
  if (node.epilogue.residual != has_own_input(node, In::dst_scale)) {
    throw Error("the scale of the result with a residual goes with a residual, and the other way round");
  }
  if (!node.epilogue.residual) return;
  require_type(node, node.inputs.size() - 1, DType::u8);
  require_scale(node, In::residual_scale, "the scale of the residual", 1);
  require_zero_point(node, In::residual_zero_point, "the zero point of the residual", DType::u8);
  require_scale(node, In::dst_scale, "the scale of the result", 1);
  require_zero_point(node, In::dst_zero_point, "the zero point of the result", DType::u8);
}

QuantizedFinish quantized_finish(const NodeView& node, std::span<const TensorView> operands) {
  const bool residual = node.epilogue.residual;
  auto [finish, step] = quantized_end(node, operands, residual ? In::dst_scale : In::sum_scale);
  if (finish.real || !residual) return finish;
  finish.residual_zero_point = zero_point(operands, In::residual_zero_point);
  finish.residual_factor = quotient(number(operands, In::residual_scale), step);
  if (!has_own_input(node, In::sum_scale)) return finish;
  finish.rounds_sum = true;
  finish.sum_minimum = 0.0F - zero_point(operands, In::sum_zero_point);
  finish.sum_maximum = 255.0F + finish.sum_minimum;
  finish.sum_factor = quotient(number(operands, In::sum_scale), step);
  return finish;
}

float quantized_scale(const NodeView& node, std::span<const TensorView> operands, std::int64_t channel) {
  const TensorView& weight_scale = operands[In::weight_scale];
  const std::int64_t at = weight_scale.desc.shape.elements() == 1 ? 0 : channel;
  const double scale = static_cast<double>(number(operands, In::src_scale)) *
                       static_cast<double>(weight_scale.as<const float>()[at]);
  if (has_own_input(node, In::sum_scale)) {
    return static_cast<float>(scale / static_cast<double>(number(operands, In::sum_scale)));
  }
  if (has_own_input(node, In::dst_scale)) {
    return static_cast<float>(scale / static_cast<double>(number(operands, In::dst_scale)));
  }
  return static_cast<float>(scale);
}

std::int32_t quantized_bias(const NodeView& node, std::span<const TensorView> operands, std::int64_t channel,
                            std::int64_t weight_sum) {
  const std::int64_t bias =
      has_own_input(node, In::bias) ? operands[In::bias].as<const std::int32_t>()[channel] : 0;
  const std::int64_t zero =
      operands[In::src_zero_point].present() ? operands[In::src_zero_point].as<const std::uint8_t>()[0] : 0;
  return static_cast<std::int32_t>(static_cast<std::uint32_t>(bias - zero * weight_sum));
}

float finish_quantized(const QuantizedFinish& finish, std::int32_t sum, float scale,
                       const std::uint8_t* residual) {
  float value = static_cast<float>(sum) * scale;
  if (residual != nullptr) {
    if (finish.rounds_sum) {
      value = round_half_even(inside(value, finish.sum_minimum, finish.sum_maximum)) * finish.sum_factor;
    }
    value = value + (static_cast<float>(*residual) - finish.residual_zero_point) * finish.residual_factor;
  }
  return finish_value(finish, value);
}

bool stores_clamp(const QuantizedFinish& finish, std::span<const float> scales) {
  if (finish.real || finish.minimum != -finish.zero_point || finish.maximum != 255.0F - finish.zero_point)
    return false;
  double largest = 0;
  for (const float scale : scales) largest = std::max(largest, 0x1p31 * static_cast<double>(scale));
  if (finish.rounds_sum) {
    largest = std::max(largest, static_cast<double>(std::max(-finish.sum_minimum, finish.sum_maximum)) *
                                    static_cast<double>(finish.sum_factor));
  }
  return largest + 255.0 * static_cast<double>(finish.residual_factor) < 0x1p30;
}

float finish_value(const QuantizedFinish& finish, float value) {
  if (finish.real && std::isnan(value)) return value;
  value = inside(value, finish.minimum, finish.maximum);
  return finish.real ? value : round_half_even(value) + finish.zero_point;
}

void require_quantized_tensor(const NodeView& node, std::size_t i, std::string_view what) {
  require_type(node, i, DType::u8);
  require_linear(node, i + 1, what);
}

void require_linear(const NodeView& node, std::size_t i, std::string_view what) {
  if (!has_own_input(node, i)) return;
  require_scale(node, i, fmt::format("the scale of {}", what), 1);
  require_zero_point(node, i + 1, fmt::format("the zero point of {}", what), DType::u8);
}

QuantizedTerm quantized_term(std::span<const TensorView> operands, std::size_t i) {
  return {number(operands, i), zero_point(operands, i + 1)};
}

QuantizedEnd quantized_end(const NodeView& node, std::span<const TensorView> operands, std::size_t i) {
  QuantizedEnd end;
  QuantizedFinish& finish = end.finish;
  finish.real = !has_own_input(node, i);
  finish.minimum = node.epilogue.minimum;
  finish.maximum = node.epilogue.maximum;
  if (finish.real) return end;
  end.step = number(operands, i);
  finish.zero_point = zero_point(operands, i + 1);
  // Bounds of the type and of the activation, in steps; rounding comes after them.
  finish.minimum = std::max(0.0F - finish.zero_point, quotient(finish.minimum, end.step));
  finish.maximum = std::min(255.0F - finish.zero_point, quotient(finish.maximum, end.step));
  return end;
}

float average_factor(float src_scale, float step, std::int64_t divisor) {
  return static_cast<float>(static_cast<double>(src_scale) /
                            (static_cast<double>(step) * static_cast<double>(divisor)));
}

std::vector<TensorView> constant_operands(const NodeView& node, std::size_t weights) {
  std::vector<TensorView> operands(std::max<std::size_t>(node.inputs.size(), In::count));
  for (std::size_t i = 0; i < node.inputs.size(); ++i) {
    if (i != weights && node.inputs[i].constant != nullptr) operands[i] = node.inputs[i].constant->view();
  }
  return operands;
}

QuantizedChannels quantized_channels(const NodeView& node, std::span<const std::int64_t> weight_sums) {
  const std::vector<TensorView> operands = constant_operands(node, In::weights);
  QuantizedChannels channels;
  for (std::size_t c = 0; c < weight_sums.size(); ++c) {
    const auto channel = static_cast<std::int64_t>(c);
    channels.scale.push_back(quantized_scale(node, operands, channel));
    channels.bias.push_back(quantized_bias(node, operands, channel, weight_sums[c]));
  }
  return channels;
}

RealConv::RealConv(const NodeView& node)
    : descs_{node.input(In::src), node.input(In::weights)},
      operands_{{&descs_[0], nullptr}, {&descs_[1], nullptr}},
      view_{node.name, node.attributes, operands_, 1, node.outputs, {}} {
  for (TensorDesc& desc : descs_) desc.dtype = DType::f32;
}

std::string reject_quantized(const NodeView& node) {
  for (std::size_t i = 1; i < In::count && i < node.own_inputs(); ++i) {
    if (!known_or_absent(node, i)) return "needs weights, scales and zero points known at compile time";
  }
  if (node.outputs[0].shape.elements() == 0 || node.shape(In::src).elements() == 0)
    return "has nothing to compute";
  return {};
}

}  // namespace godwit::ops
