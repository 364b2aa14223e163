// A model as a graph: values (tensors known or computed) and nodes in an order in which they can run.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "ops/op.h"
#include "runtime/tensor.h"

namespace godwit::engine {

using ValueId = std::int32_t;
using NodeId = std::int32_t;
inline constexpr ValueId kNoValue = -1;  // an optional operand that was left out
inline constexpr NodeId kNoNode = -1;    // the producer of graph inputs and constants

struct Value {
  std::string name;
  TensorDesc desc;                 // dimensions may be unknown or symbolic until shapes are bound
  std::optional<Tensor> constant;  // set: the value is known
};

struct Node {
  std::string name;
  const ops::OpDef* op = nullptr;
  ops::Attributes attributes;
  std::vector<ValueId> inputs;  // kNoValue where an optional operand was left out; the residual, if any, last
  std::vector<ValueId> outputs;  // kNoValue where an optional result is not wanted
  ops::Epilogue epilogue;
  ops::Hints hints;
  // Names of the model's own nodes whose work this node does, in order; time and joules are told in these
  // names.
  std::vector<std::string> origins;
};

// Nodes are kept in topological order. Erasing leaves unused values behind until compact() is called.
struct Graph {
  std::string name;
  std::vector<Value> values;
  std::vector<Node> nodes;
  std::vector<ValueId> inputs;
  std::vector<ValueId> outputs;
  // Inputs in the file's order, also those that are constants by default and that run() may replace; empty
  // where there are none of these.
  std::vector<ValueId> declared_inputs;
  // False statements of the model about itself, in sentences for people.
  std::vector<std::string> warnings;
  // The file's format, for people: "ONNX, opset 13". Empty for a graph made in memory.
  std::string format;
  // Paths of the files beside the model's own that hold weights, each once.
  std::vector<std::string> data_files;
  // The 16-bit float that the model stored its numbers in before raise_precision; f32 for all others.
  DType storage = DType::f32;
  // ONNX metadata_props (such as godwit.preprocess and godwit.labels).
  std::map<std::string, std::string> metadata;
  // Names of symbolic dimensions; a dimension kAnyDim - 1 - i is symbols[i].
  std::vector<std::string> symbols;

  Value& value(ValueId id) { return values[static_cast<std::size_t>(id)]; }
  const Value& value(ValueId id) const { return values[static_cast<std::size_t>(id)]; }

  ValueId add_value(std::string value_name, TensorDesc desc);
  ValueId add_constant(std::string value_name, Tensor tensor);
  // The dimension that stands for this symbol, added when new.
  std::int64_t symbol(std::string_view symbol_name);
  // kNoValue when there is none.
  ValueId find_value(std::string_view value_name) const;
  // "Nx3x224x224", with symbols by name.
  std::string to_string(const Shape& shape) const;

  // Nodes that compute and that read each value, valid until the graph changes. Outputs count as no consumer.
  std::vector<NodeId> producers() const;
  std::vector<std::vector<NodeId>> consumers() const;
  bool is_output(ValueId id) const;

  // Drops values that nothing refers to; ids change.
  void compact();
};

// The operands of a node in the form that ops take. Points into the graph and into this object.
class NodeContext {
 public:
  NodeContext(const Graph& graph, const Node& node);
  NodeContext(const NodeContext&) = delete;
  NodeContext& operator=(const NodeContext&) = delete;
  const ops::NodeView& view() const { return view_; }

 private:
  std::vector<ops::Operand> operands_;
  std::vector<TensorDesc> outputs_;
  ops::NodeView view_;
};

// Infers every value's dtype and shape in node order. Nodes whose value is known (all operands constant, or
// only descriptions matter) are evaluated on the way, up to `fold_limit` elements: later shapes may depend on
// them. Throws Error with "node 'name' (Op)" as context.
void infer_shapes(Graph& graph, std::int64_t fold_limit = 4096);

// Gives the named input a shape (all dimensions known), replaces the symbols bound thereby everywhere among
// the inputs, and forgets all inferred shapes. Throws Error when the shape contradicts the model's or a
// symbol is bound twice differently.
void bind_input(Graph& graph, std::string_view input, const Shape& shape);

// Makes an input, or a constant among declared_inputs, known as `tensor`; inferred shapes are forgotten.
// Throws Error where there is no such input or the tensor is of another type.
void make_known(Graph& graph, std::string_view input, const Tensor& tensor);

// Forgets that dimensions of one name are equal, which not every exporter means.
void forget_symbols(Graph& graph);

// Checks what every pass must leave true: ids in range, topological order, one producer per value, operand
// counts, graph outputs computed, descriptions equal to what inference gives. Throws Error
// (ErrorKind::failed) naming the node.
void verify(const Graph& graph);

// The graph as text, one node a line, for --print and for tests.
std::string print(const Graph& graph);

}  // namespace godwit::engine
