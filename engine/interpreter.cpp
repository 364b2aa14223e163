// One node after the other: operands looked up, shapes inferred from them, an executable found or made, run.
#include "engine/interpreter.h"

#include <algorithm>
#include <fmt/format.h>
#include <optional>

#include "engine/body.h"
#include "engine/rewrite.h"
#include "ops/known_ops.h"
#include "runtime/error.h"
#include "runtime/threads.h"

namespace godwit::engine {
namespace {

// Executables kept for each node, the one used last in front.
constexpr std::size_t kKept = 4;

// The operands' tensors as ops see them while shapes are inferred: all are known. Points into `descs`.
std::vector<ops::Operand> known_operands(std::span<const RunValue* const> operands,
                                         const std::vector<TensorDesc>& descs) {
  std::vector<ops::Operand> known;
  for (std::size_t i = 0; i < operands.size(); ++i) {
    if (operands[i] == nullptr || operands[i]->kind == RunValue::Kind::none)
      known.emplace_back();
    else
      known.push_back({&descs[i], &operands[i]->tensor});
  }
  return known;
}

}  // namespace

// One node for operands and results of these descriptions.
struct Interpreter::Prepared {
  std::vector<TensorDesc> src, dst;
  std::unique_ptr<ops::Executable> executable;
  bool is_reference = false;
};

Interpreter::Interpreter(const ops::Target& target, ops::WeightCache& weights, int threads)
    : target_(target), weights_(weights), threads_(threads) {}
Interpreter::~Interpreter() = default;

const std::vector<NodeId>& Interpreter::last_reads(const Graph& graph) {
  const auto [found, added] = last_reads_.try_emplace(&graph);
  if (added) {
    found->second.assign(graph.values.size(), kNoNode);
    for (std::size_t n = 0; n < graph.nodes.size(); ++n) {
      for (const ValueId id : graph.nodes[n].inputs) {
        if (id != kNoValue) found->second[static_cast<std::size_t>(id)] = static_cast<NodeId>(n);
      }
    }
    for (const ValueId id : graph.outputs)
      found->second[static_cast<std::size_t>(id)] = static_cast<NodeId>(graph.nodes.size());
  }
  return found->second;
}

std::vector<RunValue> Interpreter::run(const Graph& graph, std::span<const RunValue> inputs) {
  const std::vector<NodeId>& last = last_reads(graph);
  std::vector<RunValue> values(graph.values.size());
  const auto at = [&](ValueId id) -> RunValue& { return values[static_cast<std::size_t>(id)]; };
  for (std::size_t v = 0; v < graph.values.size(); ++v) {
    if (graph.values[v].constant) values[v] = RunValue::of(*graph.values[v].constant);
  }
  for (std::size_t i = 0; i < graph.inputs.size(); ++i) {
    if (last[static_cast<std::size_t>(graph.inputs[i])] != kNoNode) at(graph.inputs[i]) = inputs[i];
  }
  for (std::size_t n = 0; n < graph.nodes.size(); ++n) {
    const Node& node = graph.nodes[n];
    std::vector<const RunValue*> operands;
    for (const ValueId id : node.inputs) operands.push_back(id == kNoValue ? nullptr : &at(id));
    std::vector<RunValue> results =
        with_context([&] { return engine::describe(node); }, [&] { return run_node(graph, node, operands); });
    for (const ValueId id : node.inputs) {
      if (id != kNoValue && last[static_cast<std::size_t>(id)] == static_cast<NodeId>(n)) at(id) = {};
    }
    for (std::size_t i = 0; i < node.outputs.size(); ++i) {
      const ValueId id = node.outputs[i];
      if (id != kNoValue && last[static_cast<std::size_t>(id)] != kNoNode) at(id) = std::move(results[i]);
    }
  }
  std::vector<RunValue> outputs;
  for (const ValueId id : graph.outputs) outputs.push_back(at(id));
  return outputs;
}

std::vector<RunValue> Interpreter::run_node(const Graph& graph, const Node& node, Operands operands) {
  if (node.op->kind == ops::OpKind::sequence) return run_sequence_op(node, operands);
  if (node.op->kind != ops::OpKind::control) return run_tensors(graph, node, operands);
  if (node.op == &ops::op_if()) return run_if(node, operands);
  return node.op == &ops::op_scan() ? run_scan(node, operands) : run_loop(node, operands);
}

std::vector<RunValue> Interpreter::run_tensors(const Graph& graph, const Node& node, Operands operands) {
  std::vector<TensorDesc> descs(operands.size());
  for (std::size_t i = 0; i < operands.size(); ++i) {
    if (operands[i] == nullptr) continue;
    if (operands[i]->kind == RunValue::Kind::list)
      throw Error(fmt::format("input {} is a list of tensors, expected one", i));
    if (operands[i]->kind == RunValue::Kind::tensor) descs[i] = operands[i]->tensor.desc();
  }
  std::vector<ops::Operand> known = known_operands(operands, descs);
  ops::NodeView view{node.name, node.attributes, known, node.outputs.size(), {}, node.epilogue, node.hints};
  const std::vector<TensorDesc> dst = ops::infer(*node.op, view);
  view.outputs = dst;
  for (const TensorDesc& desc : dst) {
    if (desc.shape.at_bounds().known()) continue;
    throw Error(fmt::format("its result is {} although all operands are known", desc.to_string()));
  }
  if (node.op->is_view != nullptr && dst.size() == 1 && node.epilogue.empty() && view.has_input(0) &&
      !ops::has_bounds(view) && node.op->is_view(view) && descs[0].bytes() == dst[0].bytes() &&
      descs[0].dtype == dst[0].dtype) {
    return {RunValue::of(operands[0]->tensor.reshaped(dst[0].shape))};
  }
  // Packed forms are kept for as long as the model, so that only its own constants may have them.
  for (std::size_t i = 0; i < known.size(); ++i) {
    if (node.inputs[i] == kNoValue || !graph.value(node.inputs[i]).constant) known[i].constant = nullptr;
  }
  const Prepared& prepared = prepare(node, view);

  std::vector<const void*> src;
  for (std::size_t i = 0; i < known.size(); ++i)
    src.push_back(known[i].present() ? operands[i]->tensor.data() : nullptr);
  std::vector<RunValue> results;
  std::vector<void*> data;
  std::vector<Shape> shapes(dst.size());
  std::vector<Shape*> decided;
  for (std::size_t i = 0; i < dst.size(); ++i) {
    results.push_back(RunValue::of(Tensor(dst[i])));
    data.push_back(results.back().tensor.mutable_data());
    decided.push_back(dst[i].shape.bounded() ? &shapes[i] : nullptr);
  }
  ops::RunArgs args{src.data(), data.data(), nullptr, nullptr};
  if (ops::has_bounds(view)) args.dst_shapes = decided.data();
  run_team(prepared, args);
  for (std::size_t i = 0; i < dst.size(); ++i) {
    if (decided[i] != nullptr) results[i].tensor.set_shape(shapes[i]);
  }
  return results;
}

const Interpreter::Prepared& Interpreter::prepare(const Node& node, const ops::NodeView& view) {
  std::vector<TensorDesc> src;
  for (const ops::Operand& operand : view.inputs)
    src.push_back(operand.present() ? *operand.desc : TensorDesc{});
  std::vector<std::unique_ptr<Prepared>>& kept = prepared_[&node];
  const auto found = std::ranges::find_if(kept, [&](const std::unique_ptr<Prepared>& each) {
    return each->src == src && std::ranges::equal(each->dst, view.outputs);
  });
  if (found != kept.end()) {
    std::rotate(kept.begin(), found, found + 1);
    return *kept.front();
  }
  auto made = std::make_unique<Prepared>();
  made->src = std::move(src);
  made->dst.assign(view.outputs.begin(), view.outputs.end());
  std::string_view chosen;
  made->executable = ops::prepare(*node.op, view, {.target = target_, .weights = weights_}, &chosen);
  made->is_reference = chosen == "reference";
  if (kept.size() == kKept) kept.pop_back();
  kept.insert(kept.begin(), std::move(made));
  return *kept.front();
}

void Interpreter::run_team(const Prepared& prepared, ops::RunArgs args) {
  const ops::Executable& executable = *prepared.executable;
  const ops::Scratch scratch = executable.scratch();
  const int threads = prepared.is_reference ? 1 : threads_;
  worker_stride_ = std::max(worker_stride_, align_up(scratch.per_worker));
  const std::size_t needed = worker_stride_ * static_cast<std::size_t>(threads_);
  if (worker_scratch_.bytes() < needed) worker_scratch_ = Arena(needed);
  if (shared_scratch_.bytes() < scratch.shared) shared_scratch_ = Arena(scratch.shared);
  args.shared_scratch = scratch.shared == 0 ? nullptr : shared_scratch_.at(0);
  godwit::run_team(threads, [&](const Worker& worker) {
    ops::RunArgs own = args;
    if (scratch.per_worker != 0)
      own.worker_scratch = worker_scratch_.at(worker_stride_ * static_cast<std::size_t>(worker.index));
    executable.run(own, worker);
  });
}

}  // namespace godwit::engine
