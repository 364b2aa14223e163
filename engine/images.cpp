// Following dimension 0 from a graph's inputs to its outputs.
#include "engine/images.h"

#include <algorithm>

namespace godwit::engine {
namespace {

bool counts(const Shape& shape, std::int64_t images) { return shape.rank() > 0 && shape[0] == images; }

bool keeps_apart(const Graph& graph, const Node& node, std::int64_t images) {
  if (node.op->batch_separable == nullptr) return false;
  const auto fits = [&](ValueId id) {
    return id == kNoValue || graph.value(id).constant || counts(graph.value(id).desc.shape, images);
  };
  if (!std::ranges::all_of(node.inputs, fits) || !std::ranges::all_of(node.outputs, fits)) return false;
  return node.op->batch_separable(NodeContext(graph, node).view());
}

}  // namespace

std::int64_t separable_images(const Graph& graph) {
  if (graph.inputs.empty()) return 0;
  const Shape& first = graph.value(graph.inputs[0]).desc.shape;
  const std::int64_t images = first.rank() > 0 ? first[0] : 0;
  const auto computed = [&](ValueId id) {
    return !graph.value(id).constant && counts(graph.value(id).desc.shape, images);
  };
  const bool apart =
      images > 0 && std::ranges::all_of(graph.inputs, computed) &&
      std::ranges::all_of(graph.outputs, computed) &&
      std::ranges::all_of(graph.nodes, [&](const Node& node) { return keeps_apart(graph, node, images); });
  return apart ? images : 0;
}

}  // namespace godwit::engine
