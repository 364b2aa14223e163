// The graph as text for people and for tests: values by name, constants by shape.
#include <fmt/format.h>

#include "engine/graph.h"

namespace godwit::engine {
namespace {

constexpr std::size_t kShownValues = 8;

template <class T>
std::string list_of(const std::vector<T>& values) {
  std::string text = "[";
  for (std::size_t i = 0; i < values.size() && i < kShownValues; ++i) {
    text += fmt::format("{}{}", i == 0 ? "" : ", ", values[i]);
  }
  if (values.size() > kShownValues) text += fmt::format(", … {} in all", values.size());
  return text + "]";
}

struct AttributeText {
  std::string operator()(std::int64_t value) const { return fmt::format("{}", value); }
  std::string operator()(float value) const { return fmt::format("{}", value); }
  std::string operator()(const std::string& value) const { return fmt::format("\"{}\"", value); }
  std::string operator()(const std::shared_ptr<const ops::Body>&) const { return "graph"; }
  std::string operator()(const Tensor& value) const { return value.desc().to_string(); }
  template <class T>
  std::string operator()(const std::vector<T>& values) const {
    return list_of(values);
  }
};

std::string describe(const Graph& graph, ValueId id) {
  const Value& value = graph.value(id);
  std::string text =
      fmt::format("{} {} {}", value.name, name_of(value.desc.dtype), graph.to_string(value.desc.shape));
  if (value.desc.layout == Layout::nhwc) text += " nhwc";
  return text;
}

std::string operand(const Graph& graph, ValueId id) {
  if (id == kNoValue) return "_";
  const Value& value = graph.value(id);
  return value.constant ? fmt::format("{}: constant {}", value.name, value.desc.to_string()) : value.name;
}

std::string epilogue_text(const Graph& graph, const Node& node) {
  std::string text;
  if (node.epilogue.residual) text += fmt::format(" + {}", operand(graph, node.inputs.back()));
  if (node.epilogue.clamps())
    text += fmt::format(" clamp [{}, {}]", node.epilogue.minimum, node.epilogue.maximum);
  if (node.epilogue.dst_f32) text += " widened to f32";
  return text;
}

std::string node_text(const Graph& graph, const Node& node) {
  std::string text;
  for (const ValueId id : node.outputs) {
    text += fmt::format("{}{}", text.empty() ? "" : ", ", id == kNoValue ? "_" : describe(graph, id));
  }
  text += fmt::format(" = {}(", node.op->name);
  const std::size_t own = node.inputs.size() - (node.epilogue.residual ? 1 : 0);
  for (std::size_t i = 0; i < own; ++i) text += (i == 0 ? "" : ", ") + operand(graph, node.inputs[i]);
  for (const auto& [name, value] : node.attributes.all()) {
    text += fmt::format("; {}={}", name, std::visit(AttributeText{}, value));
  }
  text += ')';
  text += epilogue_text(graph, node);
  for (const ops::HintInfo& hint : ops::kHints) {
    if (node.hints.*hint.flag) text += fmt::format(" {}", hint.phrase);
  }
  std::string origins;
  for (const std::string& origin : node.origins) origins += (origins.empty() ? "" : ", ") + origin;
  return fmt::format("{}  # {}\n", text, origins.empty() ? "(added)" : origins);
}

}  // namespace

std::string print(const Graph& graph) {
  std::string text = fmt::format("graph {}\n", graph.name);
  for (const ValueId id : graph.inputs) text += fmt::format("input {}\n", describe(graph, id));
  for (const Node& node : graph.nodes) text += node_text(graph, node);
  for (const ValueId id : graph.outputs) text += fmt::format("output {}\n", describe(graph, id));
  return text;
}

}  // namespace godwit::engine
