// Builds an engine graph from an ONNX one; what the opset adapters need of it while they rewrite nodes.
#pragma once

#include <cstdint>
#include <string>
#include <unordered_map>
#include <unordered_set>

#include "engine/graph.h"
#include "importers/onnx/tensors.h"

namespace godwit::importers {

class GraphBuilder {
 public:
  // `opset` is the version of ONNX's own operators that the model uses.
  explicit GraphBuilder(int opset) : opset_(opset) {}

  int opset() const { return opset_; }
  engine::Graph& graph() { return graph_; }

  // In this order: inputs, constants, the results of all nodes, outputs, nodes. Those come in an order in
  // which they can run, each with its results' names known.
  void add_input(const onnx::ValueInfo& info);
  void add_constant(const std::string& name, Tensor tensor);
  // Optional results that are not in `read` are not wanted.
  void add_results(const onnx::Node& node, const std::unordered_set<std::string>& read);
  void add_output(const onnx::ValueInfo& info);
  void add_node(const onnx::Node& node, std::size_t index, TensorReader& tensors);
  // After shape inference: what the model says of its output must not contradict what it is.
  void check_output(const onnx::ValueInfo& info) const;

  // Makes a new value or constant for adapters; its name starts with `hint`.
  engine::ValueId new_value(const std::string& hint);
  engine::ValueId new_constant(const std::string& hint, Tensor tensor);
  // Makes the result of a node known, so that the node need not be appended.
  void set_constant(engine::ValueId id, Tensor tensor);
  void append(engine::Node node);
  // A value as far as it is known already: its type, mostly its rank, maybe its shape.
  TensorDesc describe(engine::ValueId id);

 private:
  engine::ValueId value_of(const std::string& name) const;
  std::string unique_name(const std::string& hint) const;
  TensorDesc desc_of(const onnx::Type& type);

  int opset_;
  engine::Graph graph_;
  std::unordered_map<std::string, engine::ValueId> ids_;
  std::size_t described_ = 0;  // nodes whose results describe() has inferred
};

}  // namespace godwit::importers
