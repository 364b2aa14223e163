// A graph inside of a node.
#pragma once

#include <memory>
#include <vector>

#include "engine/graph.h"

namespace godwit::engine {

// Its inputs are the node's own, then what it reads of the graph around it.
class GraphBody final : public ops::Body {
 public:
  explicit GraphBody(Graph graph) : graph_(std::move(graph)) {}

  const Graph& graph() const { return graph_; }
  std::size_t input_count() const override { return graph_.inputs.size(); }
  std::size_t output_count() const override { return graph_.outputs.size(); }
  std::vector<TensorDesc> infer(std::span<const ops::Operand> inputs) const override;

 private:
  const Graph graph_;
};

// The body of this attribute; requires that the node has it.
const GraphBody& body_of(const Node& node, std::string_view attribute);

// True for operators whose results only run time tells: they run node by node (Interpreter).
inline bool is_interpreted(const ops::OpDef& op) {
  return op.kind == ops::OpKind::control || op.kind == ops::OpKind::sequence;
}

}  // namespace godwit::engine
