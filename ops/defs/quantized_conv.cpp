// QuantizedConv (internal): convolution of u8 pixels with s8 weights, 32-bit sums, and one rounding to u8
// (two with a residual that is added to a rounded sum); or real results.
#include <fmt/format.h>

#include "ops/algorithms/conv_geometry.h"
#include "ops/algorithms/implementations.h"
#include "ops/arithmetic.h"
#include "ops/movement.h"
#include "ops/quantized.h"
#include "runtime/error.h"

namespace godwit::ops {
namespace {

using In = QuantizedOperand;

std::vector<TensorDesc> infer_conv(const NodeView& node) {
  const RealConv conv(node);
  std::vector<TensorDesc> results = infer(*find_op("Conv"), conv.view());
  const Shape& shape = results[0].shape;
  require_quantized_operands(node, shape.ranked() ? shape[1] : kAnyDim);
  results[0].dtype = quantized_result(node);
  require_residual(node, results[0]);
  return results;
}

// The sum over one group's channels and the taps inside the image, of (src - zero_point) · weights.
std::uint32_t convolve(const Window& window, std::int64_t channels, const std::uint8_t* src,
                       std::int32_t zero, const std::int8_t* weights, const WindowPosition& at) {
  std::uint32_t sum = 0;
  for (std::int64_t c = 0; c < channels; ++c, src += window.inputs(), weights += window.taps()) {
    for_each_tap(window, at, [&](std::int64_t i, std::int64_t tap) {
      sum += static_cast<std::uint32_t>((src[i] - zero) * weights[tap]);
    });
  }
  return sum;
}

void reference(const NodeView& node, std::span<const TensorView> src, std::span<const TensorView> dst) {
  const Shape& shape = src[In::src].desc.shape;
  const Shape& weights = src[In::weights].desc.shape;
  const Window window = window_of(node.attributes, shape.dims().subspan(2), weights.dims().subspan(2));
  const std::int64_t group = node.attributes.integer("group", 1);
  const std::int64_t channels = weights[1], out_channels = weights[0];
  const QuantizedFinish finish = quantized_finish(node, src);
  const std::int32_t zero =
      src[In::src_zero_point].present() ? src[In::src_zero_point].as<const std::uint8_t>()[0] : 0;
  const auto* residual = node.epilogue.residual ? src.back().as<const std::uint8_t>() : nullptr;
  std::int64_t i = 0;
  for (std::int64_t n = 0; n < shape[0]; ++n) {
    for (std::int64_t oc = 0; oc < out_channels; ++oc) {
      const std::int64_t first = n * shape[1] + oc / (out_channels / group) * channels;
      const auto* from = src[In::src].as<const std::uint8_t>() + first * window.inputs();
      const auto* kernel = src[In::weights].as<const std::int8_t>() + oc * channels * window.taps();
      const float scale = quantized_scale(node, src, oc);
      const auto bias = static_cast<std::uint32_t>(quantized_bias(node, src, oc, 0));
      for (std::int64_t o = 0; o < window.outputs(); ++o, ++i) {
        const WindowPosition at = window.position_of(o);
        const auto sum = static_cast<std::int32_t>(bias + convolve(window, channels, from, zero, kernel, at));
        const float value =
            finish_quantized(finish, sum, scale, residual == nullptr ? nullptr : residual + i);
        if (finish.real) {
          dst[0].as<float>()[i] = value;
        } else {
          dst[0].as<std::uint8_t>()[i] = static_cast<std::uint8_t>(value);
        }
      }
    }
  }
}

Cost cost_conv(const NodeView& node) {
  const RealConv conv(node);
  Cost cost = find_op("Conv")->cost(conv.view());
  // The factor, rounding and bounds of each result.
  cost.flops = work_sum({cost.flops, work_product({3, output_elements(node)}), epilogue_flops(node)});
  return cost;
}

}  // namespace

const OpDef& op_quantized_conv() {
  static const OpDef def{
      .name = "QuantizedConv",
      .domain = "godwit",
      .sentence = "convolution of 8-bit numbers with 32-bit sums, rounded to 8 bits",
      .min_inputs = 5,
      .max_inputs = QuantizedOperand::count,
      .attributes = {{"auto_pad", AttributeType::string},
                     {"dilations", AttributeType::integers},
                     {"group", AttributeType::integer},
                     {"kernel_shape", AttributeType::integers},
                     {"pads", AttributeType::integers},
                     {"strides", AttributeType::integers}},
      .kind = OpKind::quantized,
      .weights = QuantizedOperand::weights,
      .bias = QuantizedOperand::bias,
      .infer = infer_conv,
      .reference = reference,
      .cost = cost_conv,
      .layout = channels_last,
      .fuses_clamp = true,
      .fuses_residual = true,
      .skips_zeros = true,
      .batch_separable = always,
      .implementations = {&conv_quantized_depthwise, &conv_quantized_rows, &conv_quantized_winograd4,
                          &conv_quantized_winograd2, &conv_quantized},
  };
  return def;
}

}  // namespace godwit::ops
