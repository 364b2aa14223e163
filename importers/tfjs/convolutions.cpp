// Convolutions and pools. Keras is channels last; here axis 1 is the channels.
#include <algorithm>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "importers/tfjs/layers.h"
#include "runtime/counted.h"
#include "runtime/error.h"

namespace godwit::importers {
namespace {

using engine::ValueId;
using Integers = std::vector<std::int64_t>;

// Layers that can add the padding in front of them by themselves.
bool pads_by_itself(const TfjsLayer& layer) {
  return (layer.kind == "Conv2D" || layer.kind == "DepthwiseConv2D" || layer.kind == "SeparableConv2D") &&
         !LayerConfig(*layer.config).pads_same();
}

// dst[i, j, k] = src[k, i, j]-like moves between (KH, KW, A, B) and ONNX's order; `place` gives the place in
// src of (tap, a, b).
Tensor moved(const Tensor& src, const Shape& to, bool last_first, bool reversed) {
  const Shape& from = src.shape();
  const std::int64_t taps = from[0] * from[1], a = from[2], b = from[3];
  Tensor dst({DType::f32, to, Layout::nchw});
  const float* values = src.values<float>().data();
  float* out = dst.mutable_values<float>().data();
  const std::int64_t outer = last_first ? b : a, inner = last_first ? a : b;
  for (std::int64_t o = 0; o < outer; ++o) {
    for (std::int64_t i = 0; i < inner; ++i) {
      const std::int64_t along_a = last_first ? (reversed ? a - 1 - i : i) : o;
      const std::int64_t along_b = last_first ? o : i;
      for (std::int64_t t = 0; t < taps; ++t) *out++ = values[(t * a + along_a) * b + along_b];
    }
  }
  return dst;
}

}  // namespace

bool TfjsBuilder::only_feeds_convs(const std::string& name) const {
  const auto is_output = std::ranges::find(topology_.outputs, name) != topology_.outputs.end();
  return !is_output && std::ranges::all_of(topology_.layers, [&](const TfjsLayer& layer) {
    if (std::ranges::find(layer.sources, name) == layer.sources.end()) return true;
    return pads_by_itself(layer);
  });
}

TfjsBuilder::Source TfjsBuilder::zero_padding(const TfjsLayer& layer) {
  Source src = source(layer, 0, 4);
  const LayerConfig config(*layer.config);
  config.require_channels_last();
  const Json& padding = config.at("padding");
  Integers sizes;  // top, bottom, left, right
  const auto wrong = [&](const char* expected) {
    return Error(fmt::format("'padding' is {}, expected {}", shown(padding), expected));
  };
  if (!padding.is_array() || padding.size() != 2) throw wrong("two pairs of integers");
  for (const Json& pair : padding) {
    if (!pair.is_array() || pair.size() != 2) throw wrong("two pairs of integers");
    for (const Json& side : pair) {
      if (!side.is_number_integer() || side < 0 || side > INT32_MAX)
        throw wrong("four integers of at least 0");
      sizes.push_back(side.get<std::int64_t>());
    }
  }
  const Integers pads = {sizes[0], sizes[2], sizes[1], sizes[3]};
  if (only_feeds_convs(layer.name) && src.pads == Integers(4, 0)) {
    src.pads = pads;
    return src;
  }
  if (src.swapped) throw Error("reads the image and is not read by convolutions alone");
  const ValueId list = constant(
      layer.name + "/pads", Tensor::of<std::int64_t>({8}, {0, 0, pads[0], pads[1], 0, 0, pads[2], pads[3]}));
  src.value = append("Pad", layer.name, {src.value, list});
  return src;
}

ops::Attributes TfjsBuilder::window(const TfjsLayer& layer, const Source& src, const Integers& kernel) const {
  const LayerConfig config(*layer.config);
  const Integers strides = config.pair("strides", 1), dilations = config.pair("dilation_rate", 1);
  ops::Attributes attributes;
  attributes.set("kernel_shape", kernel);
  attributes.set("strides", strides);
  attributes.set("dilations", dilations);
  if (!config.pads_same()) {
    attributes.set("pads", src.pads);
  } else if (strides == Integers{1, 1}) {
    const std::int64_t h = (kernel[0] - 1) * dilations[0], w = (kernel[1] - 1) * dilations[1];
    attributes.set("pads", Integers{h / 2, w / 2, h - h / 2, w - w / 2});
  } else {
    attributes.set("auto_pad", std::string("SAME_UPPER"));
  }
  return attributes;
}

// Keras keeps (KH, KW, IC, OC); ONNX wants (OC, IC, KH, KW).
TfjsBuilder::Source TfjsBuilder::conv(const TfjsLayer& layer) {
  const Source src = source(layer, 0, 4);
  const LayerConfig config(*layer.config);
  config.require_channels_last();
  const std::int64_t filters = config.positive("filters"), inputs = channels(src);
  const std::int64_t groups = config.find("groups") == nullptr ? 1 : config.positive("groups");
  if (inputs % groups != 0 || filters % groups != 0 || (src.swapped && groups != 1)) {
    throw Error(fmt::format("has groups, {} of them, which cannot be made of {} and {} filters", groups,
                            counted(inputs, "channel"), filters));
  }
  const Integers kernel = config.pair("kernel_size");
  ops::Attributes attributes = window(layer, src, kernel);
  attributes.set("group", groups);
  const Shape hwio{kernel[0], kernel[1], inputs / groups, filters};
  std::vector<ValueId> operands = {
      src.value, constant(layer.name + "/kernel",
                          moved(weights_.read(layer.weights + "/kernel", hwio),
                                {filters, inputs / groups, kernel[0], kernel[1]}, true, src.swapped))};
  add_bias(layer, filters, operands);
  Source result;
  result.value = append("Conv", layer.name, std::move(operands), std::move(attributes));
  return activated(layer, result);
}

// (KH, KW, C, M) becomes (C · M, 1, KH, KW): result c · M + m is of channel c in both.
TfjsBuilder::Source TfjsBuilder::depthwise(const TfjsLayer& layer, const Source& src, const std::string& name,
                                           const std::string& weight, std::vector<ValueId> bias) {
  const LayerConfig config(*layer.config);
  config.require_channels_last();
  const Integers kernel = config.pair("kernel_size");
  const std::int64_t inputs = channels(src);
  const std::int64_t multiplier =
      config.find("depth_multiplier") == nullptr ? 1 : config.positive("depth_multiplier");
  ops::Attributes attributes = window(layer, src, kernel);
  attributes.set("group", inputs);
  const Tensor weights = weights_.read(weight, {kernel[0], kernel[1], inputs, multiplier});
  std::vector<ValueId> operands = {
      src.value, constant(layer.name + "/depthwise_kernel",
                          moved(weights, {inputs * multiplier, 1, kernel[0], kernel[1]}, false, false))};
  operands.insert(operands.end(), bias.begin(), bias.end());
  Source result;
  result.value = append("Conv", name, std::move(operands), std::move(attributes));
  return result;
}

TfjsBuilder::Source TfjsBuilder::depthwise_conv(const TfjsLayer& layer) {
  const Source src = source(layer, 0, 4);
  const LayerConfig config(*layer.config);
  const std::int64_t multiplier =
      config.find("depth_multiplier") == nullptr ? 1 : config.positive("depth_multiplier");
  // Keras 3 has a shorter name for it.
  const std::string own = layer.weights + "/depthwise_kernel";
  const std::string weight = weights_.has(own) ? own : layer.weights + "/kernel";
  std::vector<ValueId> bias;
  add_bias(layer, channels(src) * multiplier, bias);
  return activated(layer, depthwise(layer, src, layer.name, weights_.has(weight) ? weight : own, bias));
}

TfjsBuilder::Source TfjsBuilder::separable_conv(const TfjsLayer& layer) {
  const LayerConfig config(*layer.config);
  const Source each = depthwise(layer, source(layer, 0, 4), layer.name + "_depthwise",
                                layer.weights + "/depthwise_kernel", {});
  const std::int64_t filters = config.positive("filters"), inputs = channels(each);
  std::vector<ValueId> operands = {
      each.value, constant(layer.name + "/pointwise_kernel",
                           moved(weights_.read(layer.weights + "/pointwise_kernel", {1, 1, inputs, filters}),
                                 {filters, inputs, 1, 1}, true, false))};
  add_bias(layer, filters, operands);
  Source result;
  result.value = append("Conv", layer.name, std::move(operands));
  return activated(layer, result);
}

// Keras keeps (KH, KW, OC, IC); ONNX wants (IC, OC, KH, KW). Sizes are those of the convolution whose
// gradient it is: "same" gives size · stride, "valid" at least that.
TfjsBuilder::Source TfjsBuilder::conv_transpose(const TfjsLayer& layer) {
  const Source src = source(layer, 0, 4);
  const LayerConfig config(*layer.config);
  config.require_channels_last();
  if (config.find("output_padding") != nullptr) throw Error("has 'output_padding', which is not supported");
  const std::int64_t filters = config.positive("filters"), inputs = channels(src);
  const Integers kernel = config.pair("kernel_size"), strides = config.pair("strides", 1);
  const Integers dilations = config.pair("dilation_rate", 1);
  Integers pads(4, 0), output_padding(2, 0);
  for (std::size_t axis = 0; axis < 2; ++axis) {
    const std::int64_t beyond = (kernel[axis] - 1) * dilations[axis] + 1 - strides[axis];
    output_padding[axis] = std::max<std::int64_t>(-beyond, 0);
    if (!config.pads_same() || beyond <= 0) continue;
    pads[axis] = beyond / 2;
    pads[axis + 2] = beyond - beyond / 2;
  }
  ops::Attributes attributes;
  attributes.set("kernel_shape", kernel);
  attributes.set("strides", strides);
  attributes.set("dilations", dilations);
  attributes.set("pads", pads);
  attributes.set("output_padding", output_padding);
  const Tensor weights = weights_.read(layer.weights + "/kernel", {kernel[0], kernel[1], filters, inputs});
  std::vector<ValueId> operands = {
      src.value,
      constant(layer.name + "/kernel", moved(weights, {inputs, filters, kernel[0], kernel[1]}, true, false))};
  add_bias(layer, filters, operands);
  Source result;
  result.value = append("ConvTranspose", layer.name, std::move(operands), std::move(attributes));
  return activated(layer, result);
}

TfjsBuilder::Source TfjsBuilder::pooling(const TfjsLayer& layer) {
  constexpr std::int64_t kDefaultSize = 2;
  Source src = source(layer, 0, 4);
  const LayerConfig config(*layer.config);
  config.require_channels_last();
  const Integers size = config.pair("pool_size", kDefaultSize);
  ops::Attributes attributes;
  attributes.set("kernel_shape", size);
  attributes.set("strides", config.find("strides") != nullptr ? config.pair("strides") : size);
  if (config.pads_same()) attributes.set("auto_pad", std::string("SAME_UPPER"));
  src.value = append(layer.kind == "MaxPooling2D" ? "MaxPool" : "AveragePool", layer.name, {src.value},
                     std::move(attributes));
  return src;
}

TfjsBuilder::Source TfjsBuilder::global_pooling(const TfjsLayer& layer) {
  Source src = source(layer, 0, 4);
  const LayerConfig config(*layer.config);
  config.require_channels_last();
  const char* op = layer.kind == "GlobalMaxPooling2D" ? "GlobalMaxPool" : "GlobalAveragePool";
  src.value = append(op, layer.name, {src.value});
  if (config.flag("keepdims", false)) return src;
  src.value = append("Flatten", layer.name + "_flatten", {src.value});
  return src;
}

}  // namespace godwit::importers
