// Operators asked with the node as they see it.
#include "engine/node_properties.h"

namespace godwit::engine {

bool has_operand(const Node& node, std::size_t i) {
  return i < node.inputs.size() && node.inputs[i] != kNoValue;
}

const Tensor* constant_of(const Graph& graph, const Node& node, std::size_t i) {
  if (!has_operand(node, i)) return nullptr;
  const std::optional<Tensor>& constant = graph.value(node.inputs[i]).constant;
  return constant ? &*constant : nullptr;
}

const Tensor* f32_constant_of(const Graph& graph, const Node& node, std::size_t i) {
  const Tensor* constant = constant_of(graph, node, i);
  return constant != nullptr && constant->dtype() == DType::f32 ? constant : nullptr;
}

std::vector<std::size_t> moved_operands(const Graph& graph, const Node& node) {
  std::vector<std::size_t> moved;
  if (node.op->moves == nullptr) return moved;
  const NodeContext context(graph, node);
  for (std::size_t i = 0; i < context.view().own_inputs(); ++i) {
    if (context.view().has_input(i) && node.op->moves(context.view(), i)) moved.push_back(i);
  }
  return moved;
}

ValueId moved_value(const Graph& graph, const Node& node) {
  const std::vector<std::size_t> moved = moved_operands(graph, node);
  return moved.size() == 1 ? node.inputs[moved.front()] : kNoValue;
}

bool is_view(const Graph& graph, const Node& node) {
  return node.op->is_view != nullptr && node.op->is_view(NodeContext(graph, node).view());
}

std::optional<ops::Clamp> clamp_of(const Graph& graph, const Node& node) {
  if (node.op->clamp == nullptr) return std::nullopt;
  return node.op->clamp(NodeContext(graph, node).view());
}

std::optional<ops::Product> product_of(const Graph& graph, const Node& node) {
  if (node.op->product == nullptr) return std::nullopt;
  return node.op->product(NodeContext(graph, node).view());
}

}  // namespace godwit::engine
