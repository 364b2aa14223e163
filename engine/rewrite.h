// The tools that passes are written with: who computes and reads what, kept true while nodes are joined and
// removed.
#pragma once

#include <string>
#include <vector>

#include "engine/graph.h"
#include "engine/pass.h"

namespace godwit::engine {

// "node 'conv1' (Conv)", for messages.
std::string describe(const Node& node);

// True when every dimension of both is known or a symbol, and they are the same: kAnyDim and bounds prove
// nothing.
bool provably_equal(const Shape& a, const Shape& b);

// True when the node's results can be computed now: all operands are constant, or only their descriptions
// matter.
bool is_foldable(const Graph& graph, const Node& node);
// Computes a foldable node by its op's reference; an output that is not wanted stays empty. Results have
// their true shapes, also where the node's have bounds.
std::vector<Tensor> evaluate(const Graph& graph, const Node& node);

// Edits a graph node by node. Node ids stay valid until finish(), since removed nodes keep their place till
// then.
class Rewriter {
 public:
  explicit Rewriter(Graph& graph);

  const Graph& graph() const { return graph_; }
  Node& node(NodeId id) { return graph_.nodes[static_cast<std::size_t>(id)]; }
  const Node& node(NodeId id) const { return graph_.nodes[static_cast<std::size_t>(id)]; }
  const Value& value(ValueId id) const { return graph_.value(id); }
  NodeId size() const { return static_cast<NodeId>(graph_.nodes.size()); }

  bool alive(NodeId id) const { return alive_[static_cast<std::size_t>(id)]; }
  bool is_output(ValueId id) const { return outputs_[static_cast<std::size_t>(id)]; }
  bool is_constant(ValueId id) const { return id != kNoValue && value(id).constant.has_value(); }
  // kNoNode for graph inputs, constants and kNoValue.
  NodeId producer(ValueId id) const;
  // Once for each operand that reads it.
  const std::vector<NodeId>& readers(ValueId id) const { return readers_[static_cast<std::size_t>(id)]; }
  // The node that alone reads this value; kNoNode when there are none or several or it is a graph output.
  NodeId only_reader(ValueId id) const;

  ValueId add_constant(std::string name, Tensor tensor);
  // The element type of a value that a node computes and that is no output of the graph. verify() finds it
  // out where the node does not give that type.
  void set_dtype(ValueId id, DType dtype);
  // The node's results are these constants from now on, empty for an output that is not wanted; the node is
  // removed. Throws Error (ErrorKind::failed) where one differs in description from what the node gives.
  void replace_by_constants(NodeId id, std::vector<Tensor> results);
  // Operand i of the node becomes `id` (i may be one past the last).
  void set_input(NodeId node_id, std::size_t i, ValueId id);
  // Readers of `from` read `to` instead. Throws Error (ErrorKind::failed) when their descriptions differ.
  // Graph outputs keep their values.
  void replace_reads(ValueId from, ValueId to);
  // Takes out a node whose output 0 equals its input 0. False, and nothing is done, when only a copy can
  // provide that output: one of the graph, of an input that is a constant or an edge of the graph.
  bool bypass(NodeId id);
  // `survivor`, whose output only `absorbed` reads, computes what `absorbed` did; origins are joined in
  // order. Throws Error (ErrorKind::failed) when the two results differ in description.
  void absorb(NodeId survivor, NodeId absorbed);
  // Does as absorb, and the survivor takes the absorbed node's place in the order, where that node's operands
  // are ready.
  NodeId absorb_in_place(NodeId survivor, NodeId absorbed);
  // `survivor` gives the absorbed node's result 0 in place of its own, which nobody else reads; the two may
  // be of different types. With `in_place` it also takes the absorbed node's place in the order; its id is
  // returned.
  NodeId take_over(NodeId survivor, NodeId absorbed, bool in_place);
  // The same for the survivor's result i, without moving it.
  void take_over_result(NodeId survivor, std::size_t i, NodeId absorbed);
  void erase(NodeId id);
  // The node becomes `op` of these operands and computes all that `parts` did, whose results nothing else
  // reads; it may be among them. Origins are joined in order.
  void become(NodeId id, const ops::OpDef& op, std::vector<ValueId> inputs, ops::Attributes attributes,
              std::vector<NodeId> parts);

  // Drops removed nodes and the values nobody refers to.
  void finish();

 private:
  // The node takes the place of one that was erased.
  NodeId move(NodeId from, NodeId to);
  void forget_reader(ValueId id, NodeId reader);
  void track(ValueId id);

  Graph& graph_;
  std::vector<bool> alive_, outputs_;
  std::vector<NodeId> producers_;
  std::vector<std::vector<NodeId>> readers_;
};

// One line of a pass's report: something done, or a near miss with its reason.
void log_rewrite(PassContext& context, std::string line);
void log_skipped(PassContext& context, std::string line);

}  // namespace godwit::engine
