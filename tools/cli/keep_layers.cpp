// A greedy search in the order of the layers' harm, then a look back at what was needed.
#include "tools/cli/keep_layers.h"

#include <algorithm>

namespace godwit::tools {
namespace {

// Quantised nodes with weights, and joins, that read the layer's result, directly or through nodes that only
// hand u8 numbers on.
void add_readers(const engine::Graph& graph, const engine::QuantizationScheme& scheme, engine::ValueId id,
                 std::vector<std::string>& names) {
  for (std::size_t n = 0; n < graph.nodes.size(); ++n) {
    const engine::Node& node = graph.nodes[n];
    if (!scheme.quantized[n] || std::ranges::find(node.inputs, id) == node.inputs.end()) continue;
    if (std::ranges::find(names, node.name) == names.end()) names.push_back(node.name);
    const auto result = static_cast<std::size_t>(node.outputs[0]);
    const engine::ValueId scale = scheme.rounded_as[result];
    if (scale != engine::kNoValue && scale != node.outputs[0])
      add_readers(graph, scheme, node.outputs[0], names);
  }
}

std::vector<std::string> readers_of(const engine::Graph& graph, const engine::QuantizationScheme& scheme,
                                    engine::NodeId layer) {
  std::vector<std::string> names;
  if (layer == engine::kNoNode) {
    for (const engine::ValueId id : graph.inputs) add_readers(graph, scheme, id, names);
  } else {
    add_readers(graph, scheme, engine::result_of(graph, scheme, layer), names);
  }
  return names;
}

}  // namespace

KeepResult keep_layers(const engine::Graph& prepared, const engine::QuantizationScheme& scheme,
                       const std::vector<engine::LayerNoise>& layers, std::set<std::string> kept,
                       double max_drop, const MeasureDrop& measure, const TellStep& tell) {
  KeepResult result{std::move(kept), 0};
  result.drop = measure(result.kept);
  std::vector<std::string> added;
  const auto keep = [&](const std::string& name) {
    if (result.kept.insert(name).second) added.push_back(name);
  };
  for (const engine::LayerNoise& layer : layers) {
    if (result.drop <= max_drop) break;
    const double before = result.drop;
    if (layer.node != engine::kNoNode) {
      keep(prepared.nodes[static_cast<std::size_t>(layer.node)].name);
      result.drop = measure(result.kept);
    }
    if (result.drop >= before) {
      const std::size_t known = added.size();
      for (const std::string& name : readers_of(prepared, scheme, layer.node)) keep(name);
      if (added.size() > known) result.drop = measure(result.kept);
    }
    tell(layer.name, result.drop);
  }
  if (added.size() < 2) return result;
  for (auto name = added.rbegin(); name != added.rend(); ++name) {
    std::set<std::string> fewer = result.kept;
    fewer.erase(*name);
    const double drop = measure(fewer);
    if (drop > max_drop) continue;
    result = {std::move(fewer), drop};
  }
  return result;
}

}  // namespace godwit::tools
