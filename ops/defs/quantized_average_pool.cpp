// QuantizedAveragePool (internal): the mean of the u8 elements under each window, from exact sums, rounded
// once; or real results. GlobalAveragePool is the window that covers the image.
#include <algorithm>

#include "ops/algorithms/implementations.h"
#include "ops/arithmetic.h"
#include "ops/movement.h"
#include "ops/pooling.h"
#include "ops/quantized.h"

namespace godwit::ops {
namespace {

using In = RequantizeOperand;

std::vector<TensorDesc> infer_average(const NodeView& node) {
  (void)node.attributes.flag("count_include_pad", false);
  require_quantized_tensor(node, In::src, "the input");
  require_linear(node, In::dst_scale, "the result");
  return {
      {has_own_input(node, In::dst_scale) ? DType::u8 : DType::f32, infer_pool_shape(node), Layout::nchw}};
}

// Taps inside the image, and the sum of their elements.
struct Sum {
  std::int64_t taps = 0, sum = 0;
};
Sum sum_under(const Window& window, const std::uint8_t* src, const WindowPosition& at) {
  Sum result;
  for_each_tap(window, at, [&](std::int64_t i, std::int64_t) {
    ++result.taps;
    result.sum += src[i];
  });
  return result;
}

void reference(const NodeView& node, std::span<const TensorView> src, std::span<const TensorView> dst) {
  const Shape& shape = src[In::src].desc.shape;
  const Window window = pool_window(node);
  const bool padded = node.attributes.flag("count_include_pad", false);
  const auto [finish, step] = quantized_end(node, src, In::dst_scale);
  const QuantizedTerm term = quantized_term(src, In::src_scale);
  std::int64_t i = 0;
  for (std::int64_t channel = 0; channel < shape[0] * shape[1]; ++channel) {
    const auto* from = src[In::src].as<const std::uint8_t>() + channel * window.inputs();
    for (std::int64_t o = 0; o < window.outputs(); ++o, ++i) {
      const WindowPosition at = window.position_of(o);
      const Sum sum = sum_under(window, from, at);
      // A window without a tap that counts gives 0.
      const std::int64_t count = std::max<std::int64_t>(count_taps(window, at, padded), 1);
      const float factor = average_factor(term.scale, step, count);
      const float zero = static_cast<float>(sum.taps) * term.zero_point;
      const float value = finish_value(finish, (static_cast<float>(sum.sum) - zero) * factor);
      if (finish.real) {
        dst[0].as<float>()[i] = value;
      } else {
        dst[0].as<std::uint8_t>()[i] = static_cast<std::uint8_t>(value);
      }
    }
  }
}

}  // namespace

const OpDef& op_quantized_average_pool() {
  static const OpDef def{
      .name = "QuantizedAveragePool",
      .domain = "godwit",
      .sentence = "the mean of the 8-bit elements under each window, rounded to 8 bits",
      .min_inputs = 2,
      .max_inputs = In::count,
      .attributes = {{"auto_pad", AttributeType::string},
                     {"ceil_mode", AttributeType::integer},
                     {"count_include_pad", AttributeType::integer},
                     {"dilations", AttributeType::integers},
                     {"kernel_shape", AttributeType::integers, true},
                     {"pads", AttributeType::integers},
                     {"strides", AttributeType::integers}},
      .kind = OpKind::quantized,
      .infer = infer_average,
      .reference = reference,
      .cost = cost_of_pool,
      .layout = channels_last,
      .batch_separable = always,
      .implementations = {&average_pool_bytes},
  };
  return def;
}

}  // namespace godwit::ops
