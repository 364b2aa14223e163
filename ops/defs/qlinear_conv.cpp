// QLinearConv: convolution of 8-bit numbers, rounded to 8 bits; fold_quantization makes a QuantizedConv of
// it.
#include <functional>

#include "ops/integer_products.h"
#include "ops/known_ops.h"
#include "ops/movement.h"
#include "ops/quantization.h"

namespace godwit::ops {
namespace {

std::vector<TensorDesc> infer_conv(const NodeView& node) {
  require_bytes(node, 0);
  require_bytes(node, 3);
  require_scale(node, 1, "the scale of the input", 1);
  require_zero_point(node, 2, "the zero point of the input", node.input(0).dtype);
  require_scale(node, 6, "the scale of the result", 1);
  const Shape shape = integer_conv_shape(node, 0, 3);
  const std::int64_t channels = shape.ranked() ? shape[1] : kAnyDim;
  require_scale(node, 4, "the scale of the weights", channels);
  require_zero_point(node, 5, "the zero point of the weights", node.input(3).dtype);
  require_bytes(node, 7);
  require_numbers(node, 7, 1);
  if (node.has_input(8)) {
    require_numbers(node, 8, channels);
    require_dtype(node, 8, DType::s32);
  }
  return {{node.input(7).dtype, shape, Layout::nchw}};
}

void reference(const NodeView& node, std::span<const TensorView> src, std::span<const TensorView> dst) {
  const auto* scales = src[4].as<const float>();
  const bool one = src[4].desc.shape.elements() == 1;
  const auto* bias = src.size() > 8 && src[8].present() ? src[8].as<const std::int32_t>() : nullptr;
  const auto store = [&](std::int64_t i, std::int64_t channel, std::int32_t sum) {
    const auto total = static_cast<std::int32_t>(
        static_cast<std::uint32_t>(sum) + static_cast<std::uint32_t>(bias == nullptr ? 0 : bias[channel]));
    const double scale = static_cast<double>(*src[1].as<const float>()) *
                         static_cast<double>(scales[one ? 0 : channel]) /
                         static_cast<double>(*src[6].as<const float>());
    store_quantized(dst[0], i, static_cast<float>(total) * static_cast<float>(scale), byte_for(src[7], 0));
  };
  integer_conv(node, {src[0], src[2], src[3], src[5]}, std::ref(store));
}

Cost cost_conv(const NodeView& node) { return integer_conv_cost(node, 0, 3); }

std::optional<Product> product(const NodeView& node) {
  if (node.shape(3).rank() < 3) return std::nullopt;
  return Product{.channel_axis = 0};
}

}  // namespace

const OpDef& op_qlinear_conv() {
  static const OpDef def{
      .name = "QLinearConv",
      .sentence = "convolution of 8-bit numbers, rounded to 8 bits",
      .since_opset = 10,
      .min_inputs = 8,
      .max_inputs = 9,
      .attributes = {{"auto_pad", AttributeType::string},
                     {"dilations", AttributeType::integers},
                     {"group", AttributeType::integer},
                     {"kernel_shape", AttributeType::integers},
                     {"pads", AttributeType::integers},
                     {"strides", AttributeType::integers}},
      .kind = OpKind::integer,
      .product = product,
      .weights = 3,
      .bias = 8,
      .quantized = &op_quantized_conv(),
      .infer = infer_conv,
      .reference = reference,
      .cost = cost_conv,
      .batch_separable = always,
  };
  return def;
}

}  // namespace godwit::ops
