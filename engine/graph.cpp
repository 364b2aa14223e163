// Looking things up in a graph, and keeping its values tidy.
#include "engine/graph.h"

#include <algorithm>
#include <fmt/format.h>

namespace godwit::engine {

ValueId Graph::add_value(std::string value_name, TensorDesc desc) {
  values.push_back({std::move(value_name), desc, std::nullopt});
  return static_cast<ValueId>(values.size() - 1);
}

ValueId Graph::add_constant(std::string value_name, Tensor tensor) {
  const TensorDesc desc = tensor.desc();
  values.push_back({std::move(value_name), desc, std::move(tensor)});
  return static_cast<ValueId>(values.size() - 1);
}

std::int64_t Graph::symbol(std::string_view symbol_name) {
  const auto found = std::ranges::find(symbols, symbol_name);
  const std::int64_t index = found - symbols.begin();
  if (found == symbols.end()) symbols.emplace_back(symbol_name);
  return kAnyDim - 1 - index;
}

ValueId Graph::find_value(std::string_view value_name) const {
  const auto found = std::ranges::find(values, value_name, &Value::name);
  return found == values.end() ? kNoValue : static_cast<ValueId>(found - values.begin());
}

std::string Graph::to_string(const Shape& shape) const {
  if (!shape.ranked() || shape.rank() == 0) return shape.to_string();
  const auto symbol_of = [&](std::int64_t dim) {
    const std::int64_t index = kAnyDim - 1 - dim;
    const bool named = index >= 0 && index < static_cast<std::int64_t>(symbols.size());
    return named && !is_bounded(dim) ? std::string_view(symbols[static_cast<std::size_t>(index)])
                                     : std::string_view();
  };
  // A word would run into the numbers beside it.
  const bool has_words =
      std::ranges::any_of(shape.dims(), [&](std::int64_t dim) { return symbol_of(dim).size() > 1; });
  std::string text;
  for (const std::int64_t dim : shape.dims()) {
    if (!text.empty()) text += has_words ? " x " : "x";
    if (is_known(dim) || is_bounded(dim)) {
      text += Shape{dim}.to_string();
    } else if (const std::string_view symbol_name = symbol_of(dim); !symbol_name.empty()) {
      text += symbol_name;
    } else {
      text += '?';
    }
  }
  return text;
}

std::vector<NodeId> Graph::producers() const {
  std::vector<NodeId> result(values.size(), kNoNode);
  for (std::size_t n = 0; n < nodes.size(); ++n) {
    for (const ValueId id : nodes[n].outputs) {
      if (id != kNoValue) result[static_cast<std::size_t>(id)] = static_cast<NodeId>(n);
    }
  }
  return result;
}

std::vector<std::vector<NodeId>> Graph::consumers() const {
  std::vector<std::vector<NodeId>> result(values.size());
  for (std::size_t n = 0; n < nodes.size(); ++n) {
    for (const ValueId id : nodes[n].inputs) {
      if (id != kNoValue) result[static_cast<std::size_t>(id)].push_back(static_cast<NodeId>(n));
    }
  }
  return result;
}

bool Graph::is_output(ValueId id) const { return std::ranges::find(outputs, id) != outputs.end(); }

void Graph::compact() {
  std::vector<ValueId> renamed(values.size(), kNoValue);
  const auto mark = [&](const std::vector<ValueId>& ids) {
    for (const ValueId id : ids) {
      if (id != kNoValue) renamed[static_cast<std::size_t>(id)] = 0;
    }
  };
  mark(inputs);
  mark(outputs);
  mark(declared_inputs);
  for (const Node& node : nodes) {
    mark(node.inputs);
    mark(node.outputs);
  }

  std::vector<Value> kept;
  for (std::size_t v = 0; v < values.size(); ++v) {
    if (renamed[v] == kNoValue) continue;
    renamed[v] = static_cast<ValueId>(kept.size());
    kept.push_back(std::move(values[v]));
  }
  values = std::move(kept);

  const auto rename = [&](std::vector<ValueId>& ids) {
    for (ValueId& id : ids) {
      if (id != kNoValue) id = renamed[static_cast<std::size_t>(id)];
    }
  };
  rename(inputs);
  rename(outputs);
  rename(declared_inputs);
  for (Node& node : nodes) {
    rename(node.inputs);
    rename(node.outputs);
  }
}

NodeContext::NodeContext(const Graph& graph, const Node& node)
    : view_{node.name, node.attributes, {}, node.outputs.size(), {}, node.epilogue, node.hints} {
  operands_.reserve(node.inputs.size());
  for (const ValueId id : node.inputs) {
    if (id == kNoValue) {
      operands_.emplace_back();
      continue;
    }
    const Value& value = graph.value(id);
    operands_.push_back({&value.desc, value.constant ? &*value.constant : nullptr});
  }
  outputs_.reserve(node.outputs.size());
  for (const ValueId id : node.outputs)
    outputs_.push_back(id == kNoValue ? TensorDesc{} : graph.value(id).desc);
  view_.inputs = operands_;
  view_.outputs = outputs_;
}

}  // namespace godwit::engine
