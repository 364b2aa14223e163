// Builds an engine graph from an ONNX one; what the opset adapters need of it while they rewrite nodes.
#pragma once

#include <cstdint>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "engine/graph.h"
#include "importers/onnx/tensors.h"

namespace godwit::importers {

class GraphBuilder {
 public:
  // `opset` is the version of ONNX's own operators that the model uses.
  explicit GraphBuilder(int opset) : opset_(opset) {}
  // Builds a graph inside of a node: names that it lacks are those around it.
  explicit GraphBuilder(GraphBuilder& outer) : opset_(outer.opset_), outer_(&outer) {}

  int opset() const { return opset_; }
  bool is_body() const { return outer_ != nullptr; }
  engine::Graph& graph() { return graph_; }

  // In this order: inputs, constants, the results of all nodes, outputs, nodes. Those come in an order in
  // which they can run, each with its results' names known.
  void add_input(const onnx::ValueInfo& info);
  // Marks a name as declared an input; a constant of that name then is a default that may be replaced. Call
  // for every input, in the file's order, once all inputs and constants are there.
  void declare_input(const onnx::ValueInfo& info);
  void add_constant(const std::string& name, Tensor tensor);
  // Optional results that are not in `read` are not wanted.
  void add_results(const onnx::Node& node, const std::unordered_set<std::string>& read);
  // Outputs of a body: one may be an input, a constant or a value around it, one may be named twice.
  void add_output(const onnx::ValueInfo& info);
  void add_node(const onnx::Node& node, std::size_t index, TensorReader& tensors);
  // After shape inference: what the model says of its output against what it is. A wrong type is an Error, a
  // wrong shape a warning.
  void check_output(const onnx::ValueInfo& info);

  // Makes a new value or constant for adapters; its name starts with `hint`.
  engine::ValueId new_value(const std::string& hint);
  engine::ValueId new_constant(const std::string& hint, Tensor tensor);
  // Makes the result of a node known, so that the node need not be appended.
  void set_constant(engine::ValueId id, Tensor tensor);
  void append(engine::Node node);
  // A value as far as it is known already: its type, mostly its rank, maybe its shape.
  TensorDesc describe(engine::ValueId id);

  // The value of this name here or around; kNoValue where there is none. What lies around becomes a constant
  // or an input of this graph.
  engine::ValueId value_of(const std::string& name);
  bool knows(const std::string& name) const {
    return ids_.contains(name) || (outer_ != nullptr && outer_->knows(name));
  }
  // The values around it that it reads, in the order of its last inputs.
  const std::vector<engine::ValueId>& captured() const { return captured_; }
  // Sets the types of the operands that a body's inputs stand for, where the model does not say them.
  void set_operand_types(std::vector<DType> types) { operand_types_ = std::move(types); }
  // Takes also these, in their order: the graphs of one node read the same.
  void capture_all(const std::vector<engine::ValueId>& values);

 private:
  TensorDesc desc_around(engine::ValueId outside);
  engine::ValueId capture(const std::string& name, engine::ValueId outside);
  void read_bodies(const onnx::Node& source, engine::Node& node, TensorReader& tensors);
  std::string unique_name(const std::string& hint) const;
  TensorDesc desc_of(const onnx::Type& type);
  TensorDesc input_desc(const onnx::Type& type);

  int opset_;
  GraphBuilder* outer_ = nullptr;
  engine::Graph graph_;
  std::vector<engine::ValueId> captured_;
  std::vector<DType> operand_types_;
  std::unordered_map<std::string, engine::ValueId> ids_;
  std::size_t described_ = 0;  // nodes whose results describe() has inferred
};

}  // namespace godwit::importers
