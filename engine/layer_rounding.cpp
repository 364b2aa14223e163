// Branches and replacements that show what rounding does to one node at a time.
#include "engine/layer_rounding.h"

#include <algorithm>
#include <fmt/format.h>

#include "engine/rewrite.h"
#include "ops/known_ops.h"

namespace godwit::engine {
namespace {

class Branches {
 public:
  Branches(const Graph& prepared, const QuantizationScheme& scheme, const Quantization& quantization)
      : prepared_(prepared), scheme_(scheme), quantization_(quantization), graph_(prepared) {}

  const Node& node(NodeId id) const { return prepared_.nodes[static_cast<std::size_t>(id)]; }
  Graph& graph() { return graph_; }

  // Nodes that compute what `id` is after QuantizeLinear and DequantizeLinear, put behind `nodes`; `id`
  // itself where the scheme does not round it. `copy` is rounded with the scale of `id`.
  ValueId round(ValueId id, ValueId copy, std::vector<Node>& nodes) {
    if (!scheme_.rounds(id)) return copy;
    const ActivationScale scale =
        quantization_.activations.at(scheme_.rounded_as[static_cast<std::size_t>(id)]);
    const ValueId step = graph_.add_constant("", Tensor::of<float>({}, {scale.scale}));
    const ValueId zero = graph_.add_constant("", Tensor::of<std::uint8_t>({}, {scale.zero_point}));
    Node quantize, dequantize;
    quantize.op = &ops::op_quantize_linear();
    dequantize.op = &ops::op_dequantize_linear();
    TensorDesc desc = graph_.value(copy).desc;
    desc.dtype = DType::u8;
    quantize.inputs = {copy, step, zero};
    quantize.outputs = {graph_.add_value(unnamed(), desc)};
    desc.dtype = DType::f32;
    dequantize.inputs = {quantize.outputs[0], step, zero};
    dequantize.outputs = {graph_.add_value(unnamed(), desc)};
    quantize.name = dequantize.name = fmt::format("{} rounded", graph_.value(id).name);
    nodes.push_back(std::move(quantize));
    nodes.push_back(std::move(dequantize));
    return nodes.back().outputs[0];
  }

  // Gives a copy of this node, which has weights, rounded weights and a rounded bias.
  void round_weights(NodeId id, Node& copy) {
    const int axis = *weight_axis(prepared_, copy);
    const ValueId src = node(id).inputs[0];
    const float src_scale =
        quantization_.activations.at(scheme_.rounded_as[static_cast<std::size_t>(src)]).scale;
    const std::vector<double> bias = bias_of(prepared_, id, quantization_);
    const QuantizedWeights quantized = quantized_weights_of(prepared_, id, quantization_, src_scale);
    const std::size_t bias_operand = copy.op->bias;
    copy.inputs[copy.op->weights] = graph_.add_constant("", dequantize_weights(quantized, axis));
    if (bias.empty()) return;
    const Tensor steps = quantize_bias(bias, src_scale, quantized.scales);
    Tensor reals(TensorDesc{DType::f32, steps.shape(), Layout::nchw});
    for (std::size_t c = 0; c < bias.size(); ++c) {
      reals.mutable_values<float>()[c] = static_cast<float>(steps.values<std::int32_t>()[c]) *
                                         (src_scale * quantized.scales.values<float>()[c]);
    }
    copy.inputs.resize(std::max(copy.inputs.size(), bias_operand + 1), kNoValue);
    copy.inputs[bias_operand] = graph_.add_constant("", std::move(reals));
  }

  // Puts the node behind the others, computing a value of its own.
  ValueId append(Node node) {
    const TensorDesc desc = graph_.value(node.outputs[0]).desc;
    node.outputs = {graph_.add_value(unnamed(), desc)};
    graph_.nodes.push_back(std::move(node));
    return graph_.nodes.back().outputs[0];
  }

  std::string unnamed() const { return fmt::format("branch {}", graph_.values.size()); }

 private:
  const Graph& prepared_;
  const QuantizationScheme& scheme_;
  const Quantization& quantization_;
  Graph graph_;
};

NodeId clamp_of(const QuantizationScheme& scheme, NodeId node) {
  const auto found = std::ranges::find(scheme.owner, node);
  return found == scheme.owner.end() ? kNoNode : static_cast<NodeId>(found - scheme.owner.begin());
}

bool has_weights(const Graph& prepared, const QuantizationScheme& scheme, NodeId id) {
  const auto index = static_cast<std::size_t>(id);
  return scheme.quantized[index] && weight_axis(prepared, prepared.nodes[index]).has_value();
}

}  // namespace

bool has_rounding(const Graph& prepared, const QuantizationScheme& scheme, NodeId node) {
  if (!scheme.quantized[static_cast<std::size_t>(node)]) return false;
  const ValueId result = result_of(prepared, scheme, node);
  return has_weights(prepared, scheme, node) || scheme.rounded_as[static_cast<std::size_t>(result)] == result;
}

SideBranches branches_before_clamp(const Graph& prepared, const QuantizationScheme& scheme,
                                   const Quantization& quantization) {
  Branches branches(prepared, scheme, quantization);
  SideBranches result;
  std::map<ValueId, ValueId> rounded;
  for (NodeId id = 0; id < static_cast<NodeId>(prepared.nodes.size()); ++id) {
    if (!has_weights(prepared, scheme, id)) continue;
    Node copy = branches.node(id);
    const ValueId src = copy.inputs[0];
    if (!rounded.contains(src)) rounded[src] = branches.round(src, src, branches.graph().nodes);
    branches.round_weights(id, copy);
    copy.inputs[0] = rounded[src];
    result.results[id] = branches.append(std::move(copy));
  }
  result.graph = std::move(branches.graph());
  return result;
}

SideBranches branches_rounded(const Graph& prepared, const QuantizationScheme& scheme,
                              const Quantization& quantization) {
  Branches branches(prepared, scheme, quantization);
  SideBranches result;
  for (NodeId id = 0; id < static_cast<NodeId>(prepared.nodes.size()); ++id) {
    if (!has_rounding(prepared, scheme, id)) continue;
    ValueId value = result_of(prepared, scheme, id);
    const ValueId rounds_like = value;
    if (has_weights(prepared, scheme, id)) {
      Node copy = branches.node(id);
      branches.round_weights(id, copy);
      value = branches.append(std::move(copy));
      if (const NodeId clamp = clamp_of(scheme, id); clamp != kNoNode) {
        Node again = branches.node(clamp);
        again.inputs[0] = value;
        value = branches.append(std::move(again));
      }
    }
    result.results[id] = branches.round(rounds_like, value, branches.graph().nodes);
  }
  result.graph = std::move(branches.graph());
  return result;
}

Graph with_rounded_layer(const Graph& prepared, const QuantizationScheme& scheme,
                         const Quantization& quantization, NodeId layer) {
  Branches branches(prepared, scheme, quantization);
  std::vector<Node> nodes;
  std::map<ValueId, ValueId> renamed;
  const auto round = [&](ValueId id) {
    const ValueId rounded = branches.round(id, id, nodes);
    if (rounded != id) renamed[id] = rounded;
  };
  if (layer == kNoNode) {
    for (const ValueId id : prepared.inputs) round(id);
  }
  const ValueId result = layer == kNoNode ? kNoValue : result_of(prepared, scheme, layer);
  for (NodeId id = 0; id < static_cast<NodeId>(prepared.nodes.size()); ++id) {
    Node copy = branches.node(id);
    if (id == layer && has_weights(prepared, scheme, id)) branches.round_weights(id, copy);
    for (ValueId& src : copy.inputs) {
      if (const auto found = renamed.find(src); found != renamed.end()) src = found->second;
    }
    const bool computes_result = std::ranges::find(copy.outputs, result) != copy.outputs.end();
    nodes.push_back(std::move(copy));
    if (result != kNoValue && computes_result) round(result);
  }
  Graph graph = std::move(branches.graph());
  graph.nodes = std::move(nodes);
  return graph;
}

}  // namespace godwit::engine
