// A cut through the graph: what depends on a node that only run time can size lies behind it.
#include "engine/tail.h"

#include <algorithm>
#include <map>

#include "engine/body.h"

namespace godwit::engine {
namespace {

class Splitter {
 public:
  explicit Splitter(Graph& graph) : graph_(graph), behind_(graph.values.size(), false) {}

  std::optional<DynamicTail> split() {
    std::vector<Node> planned, rest;
    for (Node& node : graph_.nodes) {
      const bool is_behind = is_dynamic(node) || reads_behind(node);
      for (const ValueId id : node.outputs) {
        if (id != kNoValue && is_behind) behind_[static_cast<std::size_t>(id)] = true;
      }
      (is_behind ? rest : planned).push_back(node);
    }
    if (rest.empty()) return std::nullopt;
    DynamicTail tail;
    tail.graph = graph_;
    tail.graph.nodes = std::move(rest);
    tail.graph.inputs.clear();
    tail.graph.outputs.clear();
    graph_.nodes = std::move(planned);
    const std::vector<ValueId> outputs = std::move(graph_.outputs);
    graph_.outputs.clear();
    for (const ValueId id : outputs) {
      if (!behind(id)) {
        tail.outputs.push_back({false, step_output(id)});
        continue;
      }
      tail.outputs.push_back({true, tail.graph.outputs.size()});
      tail.graph.outputs.push_back(id);
    }
    for (const Node& node : tail.graph.nodes) {
      for (const ValueId id : node.inputs) {
        if (id == kNoValue || behind(id) || graph_.value(id).constant) continue;
        if (std::ranges::find(tail.graph.inputs, id) != tail.graph.inputs.end()) continue;
        tail.graph.inputs.push_back(id);
        tail.inputs.push_back(step_output(id));
      }
    }
    tail.graph.compact();
    return tail;
  }

 private:
  bool behind(ValueId id) const { return behind_[static_cast<std::size_t>(id)]; }

  bool reads_behind(const Node& node) const {
    return std::ranges::any_of(node.inputs, [&](ValueId id) { return id != kNoValue && behind(id); });
  }
  bool is_dynamic(const Node& node) const {
    const auto unsized = [&](ValueId id) {
      return id != kNoValue && !graph_.value(id).desc.shape.at_bounds().known();
    };
    const auto bounded = [&](ValueId id) { return id != kNoValue && graph_.value(id).desc.shape.bounded(); };
    return is_interpreted(*node.op) || std::ranges::any_of(node.outputs, unsized) ||
           (ops::extents_of(*node.op) == nullptr && std::ranges::any_of(node.inputs, bounded));
  }
  std::size_t step_output(ValueId id) {
    const auto found = std::ranges::find(graph_.outputs, id);
    const auto index = static_cast<std::size_t>(found - graph_.outputs.begin());
    if (found == graph_.outputs.end()) graph_.outputs.push_back(id);
    return index;
  }

  Graph& graph_;
  std::vector<bool> behind_;  // by value
};

}  // namespace

std::optional<DynamicTail> split_tail(Graph& graph) { return Splitter(graph).split(); }

}  // namespace godwit::engine
