// Running a graph node by node, for what cannot be planned: control flow, lists of tensors, and sizes that
// only the data decides and that have no bound.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <vector>

#include "engine/graph.h"
#include "ops/implementation.h"
#include "runtime/memory.h"
#include "runtime/tensor.h"

namespace godwit::engine {

// A value at run time: nothing (an optional one), a tensor, or a list of tensors.
struct RunValue {
  enum class Kind : std::uint8_t { none, tensor, list };
  Kind kind = Kind::none;
  Tensor tensor = {};
  std::vector<Tensor> list = {};

  static RunValue of(Tensor tensor) { return {Kind::tensor, std::move(tensor), {}}; }
  static RunValue of(std::vector<Tensor> list) { return {Kind::list, {}, std::move(list)}; }
};

// The memory of a session for such graphs: executables by node and shapes. Allocates while it runs. Graphs
// must stay where they are for as long as it lives.
class Interpreter {
 public:
  // `weights` outlives it.
  Interpreter(const ops::Target& target, ops::WeightCache& weights, int threads);
  ~Interpreter();
  Interpreter(const Interpreter&) = delete;
  Interpreter& operator=(const Interpreter&) = delete;

  // The graph's outputs for its inputs. Tensors are row-major. Throws Error naming the node whose operands do
  // not fit, or (ErrorKind::failed) where memory is short.
  std::vector<RunValue> run(const Graph& graph, std::span<const RunValue> inputs);

 private:
  struct Prepared;
  using Operands = std::span<const RunValue* const>;  // null: left out
  // The last reader of each value of a graph.
  const std::vector<NodeId>& last_reads(const Graph& graph);
  std::vector<RunValue> run_node(const Graph& graph, const Node& node, Operands operands);
  std::vector<RunValue> run_tensors(const Graph& graph, const Node& node, Operands operands);
  const Prepared& prepare(const Node& node, const ops::NodeView& view);
  void run_team(const Prepared& prepared, ops::RunArgs args);

  std::vector<RunValue> run_body(const Node& node, std::string_view attribute, Operands operands);
  std::vector<RunValue> run_if(const Node& node, Operands operands);
  std::vector<RunValue> run_loop(const Node& node, Operands operands);
  std::vector<RunValue> run_scan(const Node& node, Operands operands);

  ops::Target target_;
  ops::WeightCache& weights_;
  int threads_;
  std::map<const Node*, std::vector<std::unique_ptr<Prepared>>> prepared_;
  std::map<const Graph*, std::vector<NodeId>> last_reads_;
  Arena shared_scratch_, worker_scratch_;
  std::size_t worker_stride_ = 0;
};

// The results of a node of OpKind::sequence.
std::vector<RunValue> run_sequence_op(const Node& node, std::span<const RunValue* const> operands);

}  // namespace godwit::engine
