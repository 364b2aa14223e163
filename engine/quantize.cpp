// Weights in 8 bits, and the writing of Q and DQ nodes around the nodes that a scheme names.
#include "engine/quantize.h"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>
#include <set>

#include "engine/node_properties.h"
#include "engine/rewrite.h"
#include "ops/attribute_views.h"
#include "ops/known_ops.h"
#include "ops/quantized.h"
#include "ops/window.h"
#include "runtime/error.h"

namespace godwit::engine {
namespace {

constexpr double kLargestWeight = 127;       // -128 is left out, so that −w is a number whenever w is
constexpr double kNoWeight = 1e-30;          // channels below count as zero: their scale would be subnormal
constexpr double kLargestBias = 1 << 30;     // leaves the sum of products as much room again in s32
constexpr double kEmptyChannel = 1.0 / 256;  // of the largest scale of the tensor

// Order of the channels of an axis: element i belongs to channel i / inner % channels.
struct Channels {
  std::size_t channels, inner;
  Channels(const Shape& shape, int axis)
      : channels(static_cast<std::size_t>(shape[axis])),
        inner(static_cast<std::size_t>(shape.product(axis + 1, shape.rank()))) {}
  std::size_t of(std::size_t i) const { return i / inner % channels; }
};

bool has_bias(const Node& node) { return has_operand(node, node.op->bias); }

class Writer {
 public:
  Writer(const Graph& prepared, const QuantizationScheme& scheme, const Quantization& quantization)
      : prepared_(prepared), scheme_(scheme), quantization_(quantization), graph_(prepared) {
    graph_.nodes.clear();
    for (const Value& value : graph_.values) names_.insert(value.name);
    for (const Node& node : prepared.nodes) node_names_.insert(node.name);
    numbers_.assign(prepared.values.size(), kNoValue);
    scales_.resize(prepared.values.size());
  }

  Graph run() {
    for (const ValueId id : prepared_.inputs) round(id);
    for (std::size_t n = 0; n < prepared_.nodes.size(); ++n) {
      Node node = prepared_.nodes[n];
      if (scheme_.quantized[n] && weight_axis(prepared_, node)) {
        write_weights(static_cast<NodeId>(n), node);
      } else {
        for (ValueId& id : node.inputs) {
          if (reads_rounded(n, id)) id = dequantized(id);
        }
      }
      const std::vector<ValueId> outputs = node.outputs;
      graph_.nodes.push_back(std::move(node));
      for (const ValueId id : outputs) {
        if (id != kNoValue) round(id);
      }
    }
    graph_.compact();
    infer_shapes(graph_);
    verify(graph_);
    return std::move(graph_);
  }

 private:
  struct ScaleValues {
    ValueId scale = kNoValue, zero_point = kNoValue;
  };

  std::string unused(const std::string& wanted, std::set<std::string>& names) {
    std::string name = wanted;
    for (int i = 2; !names.insert(name).second; ++i) name = fmt::format("{}_{}", wanted, i);
    return name;
  }
  std::string value_name(const std::string& wanted) { return unused(wanted, names_); }

  bool reads_rounded(std::size_t node, ValueId id) const {
    if (id == kNoValue || !scheme_.rounds(id) || numbers_[static_cast<std::size_t>(id)] == kNoValue)
      return false;
    return scheme_.quantized[node] || scheme_.from_quantized[static_cast<std::size_t>(id)];
  }

  ActivationScale activation(ValueId id) const {
    return quantization_.activations.at(scheme_.rounded_as[static_cast<std::size_t>(id)]);
  }

  ScaleValues scale_values(ValueId id) {
    const ValueId source = scheme_.rounded_as[static_cast<std::size_t>(id)];
    ScaleValues& values = scales_[static_cast<std::size_t>(source)];
    if (values.scale == kNoValue) {
      const ActivationScale scale = activation(id);
      const std::string name = graph_.value(source).name;
      values.scale = graph_.add_constant(value_name(fmt::format("{}_scale", name)),
                                         Tensor::of<float>({}, {scale.scale}));
      values.zero_point = graph_.add_constant(value_name(fmt::format("{}_zero_point", name)),
                                              Tensor::of<std::uint8_t>({}, {scale.zero_point}));
    }
    return values;
  }

  ValueId add_node(const ops::OpDef& op, const std::string& about, std::vector<ValueId> inputs,
                   const TensorDesc& desc, int axis = -1) {
    Node node;
    node.op = &op;
    node.name = unused(fmt::format("{}_{}", about, op.name), node_names_);
    node.origins = {node.name};
    node.inputs = std::move(inputs);
    if (axis >= 0) ops::set_quantization_axis(node.attributes, axis);
    node.outputs = {graph_.add_value(value_name(fmt::format("{}_Output", node.name)), desc)};
    graph_.nodes.push_back(std::move(node));
    return graph_.nodes.back().outputs[0];
  }

  // Quantises a value that has just been computed, where the scheme says so.
  void round(ValueId id) {
    if (!scheme_.rounds(id)) return;
    const ScaleValues scale = scale_values(id);
    TensorDesc desc = prepared_.value(id).desc;
    desc.dtype = DType::u8;
    numbers_[static_cast<std::size_t>(id)] = add_node(ops::op_quantize_linear(), prepared_.value(id).name,
                                                      {id, scale.scale, scale.zero_point}, desc);
  }

  // A DequantizeLinear of its own for whoever reads the value next.
  ValueId dequantized(ValueId id) {
    const ScaleValues scale = scale_values(id);
    return add_node(ops::op_dequantize_linear(), prepared_.value(id).name,
                    {numbers_[static_cast<std::size_t>(id)], scale.scale, scale.zero_point},
                    prepared_.value(id).desc);
  }

  void write_weights(NodeId id, Node& node) {
    const int axis = *weight_axis(prepared_, node);
    const std::size_t weights_operand = node.op->weights, bias_operand = node.op->bias;
    const Tensor weights = prepared_.value(node.inputs[weights_operand]).constant->resident();
    const std::string name = prepared_.value(node.inputs[weights_operand]).name;
    const float src_scale = activation(node.inputs[0]).scale;
    const std::vector<double> bias = bias_of(prepared_, id, quantization_);
    const QuantizedWeights quantized = quantized_weights_of(prepared_, id, quantization_, src_scale);
    const ValueId scales = graph_.add_constant(value_name(fmt::format("{}_scale", name)), quantized.scales);
    const ValueId numbers =
        graph_.add_constant(value_name(fmt::format("{}_quantized", name)), quantized.numbers);
    const ValueId zeros = graph_.add_constant(
        value_name(fmt::format("{}_zero_point", name)),
        Tensor::of<std::int8_t>(quantized.scales.shape(), std::vector<std::int8_t>(bias_size(quantized), 0)));
    const std::string bias_name =
        has_bias(node) ? prepared_.value(node.inputs[bias_operand]).name : fmt::format("{}_bias", node.name);

    node.inputs[0] = dequantized(node.inputs[0]);
    node.inputs[weights_operand] = add_node(ops::op_dequantize_linear(), name, {numbers, scales, zeros},
                                            {DType::f32, weights.shape(), Layout::nchw}, axis);
    if (!bias.empty()) {
      node.inputs.resize(std::max(node.inputs.size(), bias_operand + 1), kNoValue);
      node.inputs[bias_operand] = write_bias(bias_name, bias, src_scale, quantized.scales);
    }
  }

  static std::size_t bias_size(const QuantizedWeights& quantized) {
    return static_cast<std::size_t>(quantized.scales.shape()[0]);
  }

  ValueId write_bias(const std::string& name, std::span<const double> bias, float src_scale,
                     const Tensor& weight_scales) {
    const Shape shape = weight_scales.shape();
    std::vector<float> scales;
    for (const float scale : weight_scales.values<float>()) scales.push_back(src_scale * scale);
    const ValueId numbers = graph_.add_constant(value_name(fmt::format("{}_quantized", name)),
                                                quantize_bias(bias, src_scale, weight_scales));
    const ValueId scale =
        graph_.add_constant(value_name(fmt::format("{}_scale", name)), Tensor::of<float>(shape, scales));
    const ValueId zeros =
        graph_.add_constant(value_name(fmt::format("{}_zero_point", name)),
                            Tensor::of<std::int32_t>(shape, std::vector<std::int32_t>(scales.size(), 0)));
    return add_node(ops::op_dequantize_linear(), name, {numbers, scale, zeros},
                    {DType::f32, shape, Layout::nchw}, 0);
  }

  const Graph& prepared_;
  const QuantizationScheme& scheme_;
  const Quantization& quantization_;
  Graph graph_;
  std::set<std::string> names_, node_names_;
  std::vector<ValueId> numbers_;     // by value: its u8 tensor
  std::vector<ScaleValues> scales_;  // by value with a scale of its own
};

}  // namespace

PairedWeights paired_weights(const Node& node, const Shape& weights, int axis) {
  const auto size = [&](int i) { return static_cast<std::size_t>(weights[i]); };
  const std::size_t channels = size(axis);
  // Rows of `numbers` weights each, neighbours of which are paired; element(c, row, k) tells where one lies.
  const auto pairs = [channels](std::size_t rows, std::size_t numbers, const auto& element) -> PairedWeights {
    return [=](const std::function<void(std::size_t, std::size_t)>& visit) {
      for (std::size_t c = 0; c < channels; ++c) {
        for (std::size_t row = 0; row < rows; ++row) {
          for (std::size_t k = 0; k + 1 < numbers; k += 2) visit(element(c, row, k), element(c, row, k + 1));
        }
      }
    };
  };
  if (weights.rank() == 2) {
    const std::size_t depth = size(1 - axis);
    const std::size_t column = axis == 0 ? depth : 1, step = axis == 0 ? 1 : channels;
    return pairs(1, depth, [=](std::size_t c, std::size_t, std::size_t k) { return c * column + k * step; });
  }
  const std::size_t ic = size(1);
  const auto taps = static_cast<std::size_t>(weights.product(2, weights.rank()));
  const auto spatial = static_cast<std::size_t>(weights.rank()) - 2;
  if (ops::window_attributes(node.attributes, spatial).group > 1 && ic == 1) return {};
  if (ic > ops::kFewChannels) {
    return pairs(taps, ic,
                 [=](std::size_t c, std::size_t tap, std::size_t k) { return (c * ic + k) * taps + tap; });
  }
  // Few channels: pixels of a row of the kernel follow each other.
  const std::size_t width = size(weights.rank() - 1), lines = taps / width;
  return pairs(lines, width * ic, [=](std::size_t c, std::size_t line, std::size_t k) {
    return (c * ic + k % ic) * taps + line * width + k / ic;
  });
}

QuantizedWeights quantized_weights_of(const Graph& prepared, NodeId id, const Quantization& quantization,
                                      float src_scale) {
  const Node& node = prepared.nodes[static_cast<std::size_t>(id)];
  const int axis = *weight_axis(prepared, node);
  const Tensor weights = prepared.value(node.inputs[node.op->weights]).constant->resident();
  return quantize_weights(
      weights, axis, bias_of(prepared, id, quantization), src_scale,
      quantization.full_range ? PairedWeights{} : paired_weights(node, weights.shape(), axis));
}

QuantizedWeights quantize_weights(const Tensor& weights, int axis, std::span<const double> bias,
                                  float src_scale, const PairedWeights& pairs) {
  const Channels channels(weights.shape(), axis);
  const auto src = weights.values<float>();
  std::vector<double> largest(channels.channels, 0);
  for (std::size_t i = 0; i < src.size(); ++i) {
    double& most = largest[channels.of(i)];
    most = std::max(most, std::abs(static_cast<double>(src[i])));
  }
  std::vector<double> least_scale(channels.channels, 0);
  const auto real = [&](std::size_t i) { return static_cast<double>(src[i]); };
  if (pairs) {
    pairs([&](std::size_t i, std::size_t j) {
      double& least = least_scale[channels.of(i)];
      if (real(i) * real(j) > 0) least = std::max(least, std::abs(real(i) + real(j)) / ops::kLargestPair);
    });
  }
  const double top = *std::ranges::max_element(largest);
  const double empty = top < kNoWeight ? 1 / kLargestWeight : top / kLargestWeight * kEmptyChannel;
  QuantizedWeights result{
      Tensor(TensorDesc{DType::s8, weights.shape(), Layout::nchw}),
      Tensor(TensorDesc{DType::f32, {static_cast<std::int64_t>(channels.channels)}, Layout::nchw})};
  const auto scales = result.scales.mutable_values<float>();
  for (std::size_t c = 0; c < channels.channels; ++c) {
    double scale = largest[c] < kNoWeight ? std::max(empty, kNoWeight) : largest[c] / kLargestWeight;
    scale = std::max(scale, least_scale[c]);
    if (!bias.empty()) {
      scale = std::max(scale, std::abs(bias[c]) / (static_cast<double>(src_scale) * kLargestBias));
    }
    scales[c] = static_cast<float>(scale);
  }
  const auto numbers = result.numbers.mutable_values<std::int8_t>();
  const auto steps = [&](std::size_t i) { return real(i) / static_cast<double>(scales[channels.of(i)]); };
  for (std::size_t i = 0; i < src.size(); ++i) {
    numbers[i] =
        static_cast<std::int8_t>(std::clamp(std::nearbyint(steps(i)), -kLargestWeight, kLargestWeight));
  }
  if (pairs) {
    // Both may have been rounded up: the one that gained more goes back.
    pairs([&](std::size_t i, std::size_t j) {
      if (ops::pair_fits(numbers[i], numbers[j])) return;
      const auto gained = [&](std::size_t w) { return std::abs(numbers[w]) - std::abs(steps(w)); };
      std::int8_t& number = numbers[gained(i) > gained(j) ? i : j];
      number = static_cast<std::int8_t>(number - (number > 0 ? 1 : -1));
    });
  }
  return result;
}

Tensor dequantize_weights(const QuantizedWeights& weights, int axis) {
  const Channels channels(weights.numbers.shape(), axis);
  Tensor result(TensorDesc{DType::f32, weights.numbers.shape(), Layout::nchw});
  const auto numbers = weights.numbers.values<std::int8_t>();
  const auto scales = weights.scales.values<float>();
  const auto dst = result.mutable_values<float>();
  for (std::size_t i = 0; i < dst.size(); ++i)
    dst[i] = static_cast<float>(numbers[i]) * scales[channels.of(i)];
  return result;
}

Tensor quantize_bias(std::span<const double> bias, float src_scale, const Tensor& scales) {
  Tensor result(TensorDesc{DType::s32, scales.shape(), Layout::nchw});
  const auto dst = result.mutable_values<std::int32_t>();
  const auto weight_scales = scales.values<float>();
  for (std::size_t c = 0; c < dst.size(); ++c) {
    const double steps = bias[c] / static_cast<double>(src_scale * weight_scales[c]);
    dst[c] = static_cast<std::int32_t>(std::clamp(std::nearbyint(steps), -kLargestBias, kLargestBias));
  }
  return result;
}

std::vector<double> bias_of(const Graph& prepared, NodeId id, const Quantization& quantization) {
  const Node& node = prepared.nodes[static_cast<std::size_t>(id)];
  std::vector<double> bias;
  if (has_bias(node)) {
    const Tensor& constant = *prepared.value(node.inputs[node.op->bias]).constant;
    for (const float value : constant.values<float>()) bias.push_back(static_cast<double>(value));
    const Shape& weights = prepared.value(node.inputs[node.op->weights]).desc.shape;
    const std::int64_t channels = weights[*weight_axis(prepared, node)];
    if (bias.size() == 1) bias.resize(static_cast<std::size_t>(channels), bias.front());
  }
  const auto shift = quantization.bias_shifts.find(id);
  if (shift == quantization.bias_shifts.end()) return bias;
  bias.resize(shift->second.size(), 0.0);
  for (std::size_t c = 0; c < bias.size(); ++c) bias[c] += shift->second[c];
  return bias;
}

Graph quantize(const Graph& prepared, const QuantizationScheme& scheme, const Quantization& quantization) {
  return Writer(prepared, scheme, quantization).run();
}

}  // namespace godwit::engine
