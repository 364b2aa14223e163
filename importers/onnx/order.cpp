// ONNX asks for nodes in topological order; files that do not comply are sorted as long as an order exists.
#include "importers/onnx/order.h"

#include <fmt/format.h>
#include <functional>
#include <queue>

#include "runtime/error.h"

namespace godwit::importers {
namespace {

using Producers = std::unordered_map<std::string, std::size_t>;

Producers find_producers(const onnx::Graph& graph, const std::unordered_map<std::string, int>& known) {
  Producers producers;
  for (std::size_t i = 0; i < static_cast<std::size_t>(graph.node_size()); ++i) {
    const onnx::Node& node = graph.node(static_cast<int>(i));
    for (const std::string& name : node.output()) {
      if (name.empty()) continue;
      if (known.contains(name)) {
        throw Error(fmt::format("{}: output '{}' is also a graph input or an initializer",
                                describe_node(node, i), name));
      }
      const auto [first, added] = producers.emplace(name, i);
      if (!added) {
        const std::size_t j = first->second;
        throw Error(fmt::format("{}: output '{}' is also made by {}", describe_node(node, i), name,
                                describe_node(graph.node(static_cast<int>(j)), j)));
      }
    }
  }
  return producers;
}

// Among nodes that all wait for another one of them, following the waits must come round.
std::size_t node_on_cycle(const std::vector<std::vector<std::size_t>>& sources,
                          const std::vector<std::size_t>& waiting) {
  std::vector<bool> seen(sources.size(), false);
  std::size_t i = 0;
  while (waiting[i] == 0) ++i;
  while (!seen[i]) {
    seen[i] = true;
    for (const std::size_t source : sources[i]) {
      if (waiting[source] > 0) {
        i = source;
        break;
      }
    }
  }
  return i;
}

}  // namespace

std::string node_name(const onnx::Node& node, std::size_t index) {
  return node.name().empty() ? fmt::format("{}_{}", node.op_type(), index) : node.name();
}

std::string describe_node(const onnx::Node& node, std::size_t index) {
  return fmt::format("node '{}' ({})", node_name(node, index), node.op_type());
}

std::unordered_set<std::string> names_read_by(const onnx::Node& node) {
  std::unordered_set<std::string> names;
  for (const std::string& name : node.input()) {
    if (!name.empty()) names.insert(name);
  }
  for (const onnx::Attribute& attribute : node.attribute()) {
    if (!attribute.has_g()) continue;
    const onnx::Graph& body = attribute.g();
    std::unordered_set<std::string> inside;
    for (const onnx::Node& inner : body.node()) {
      for (const std::string& name : names_read_by(inner)) inside.insert(name);
    }
    for (const onnx::ValueInfo& output : body.output()) inside.insert(output.name());
    for (const onnx::ValueInfo& input : body.input()) inside.erase(input.name());
    for (const onnx::Tensor& tensor : body.initializer()) inside.erase(tensor.name());
    for (const onnx::Node& inner : body.node()) {
      for (const std::string& name : inner.output()) inside.erase(name);
    }
    names.insert(inside.begin(), inside.end());
  }
  return names;
}

std::vector<std::size_t> order_nodes(const onnx::Graph& graph,
                                     const std::unordered_map<std::string, int>& known,
                                     const std::function<bool(const std::string&)>& is_around) {
  const Producers producers = find_producers(graph, known);
  const auto count = static_cast<std::size_t>(graph.node_size());
  std::vector<std::vector<std::size_t>> sources(count), sinks(count);
  std::vector<std::size_t> waiting(count, 0);
  for (std::size_t i = 0; i < count; ++i) {
    const onnx::Node& node = graph.node(static_cast<int>(i));
    for (const std::string& name : names_read_by(node)) {
      if (known.contains(name)) continue;
      const auto producer = producers.find(name);
      if (producer == producers.end()) {
        if (is_around(name)) continue;
        throw Error(fmt::format("{}: input '{}' is no graph input, no initializer and no node's output",
                                describe_node(node, i), name));
      }
      sources[i].push_back(producer->second);
      sinks[producer->second].push_back(i);
      ++waiting[i];
    }
  }

  std::priority_queue<std::size_t, std::vector<std::size_t>, std::greater<>> ready;
  for (std::size_t i = 0; i < count; ++i) {
    if (waiting[i] == 0) ready.push(i);
  }
  std::vector<std::size_t> order;
  while (!ready.empty()) {
    const std::size_t i = ready.top();
    ready.pop();
    order.push_back(i);
    for (const std::size_t sink : sinks[i]) {
      if (--waiting[sink] == 0) ready.push(sink);
    }
  }
  if (order.size() < count) {
    const std::size_t i = node_on_cycle(sources, waiting);
    throw Error(fmt::format("{} is part of a cycle: it needs its own result",
                            describe_node(graph.node(static_cast<int>(i)), i)));
  }
  return order;
}

}  // namespace godwit::importers
