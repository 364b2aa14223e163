// Names first, then values, then nodes in an order in which they can run.
#include "importers/onnx/read_graph.h"

#include <fmt/format.h>
#include <string>
#include <unordered_map>
#include <unordered_set>

#include "importers/onnx/order.h"
#include "runtime/error.h"

namespace godwit::importers {
namespace {

std::unordered_set<std::string> names_read(const onnx::Graph& graph) {
  std::unordered_set<std::string> names;
  for (const onnx::Node& node : graph.node()) {
    for (const std::string& name : names_read_by(node)) names.insert(name);
  }
  for (const onnx::ValueInfo& output : graph.output()) names.insert(output.name());
  return names;
}

}  // namespace

void check_names(const onnx::Graph& graph) {
  for (std::size_t i = 0; i < static_cast<std::size_t>(graph.node_size()); ++i) {
    const onnx::Node& node = graph.node(static_cast<int>(i));
    with_context([&] { return fmt::format("node {}", i); },
                 [&] {
                   check_name(node.name(), "its name");
                   check_name(node.op_type(), "its operator");
                   check_name(node.domain(), "its domain");
                   for (const std::string& name : node.input()) check_name(name, "the name of an input");
                   for (const std::string& name : node.output()) check_name(name, "the name of an output");
                   for (const onnx::Attribute& attribute : node.attribute()) {
                     if (attribute.has_g()) check_names(attribute.g());
                   }
                 });
  }
}

void read_graph(const onnx::Graph& source, std::span<const Initializer> initializers, GraphBuilder& builder,
                TensorReader& tensors) {
  if (source.sparse_initializer_size() > 0)
    throw Error("the model has sparse initializers, which are not supported");
  std::unordered_map<std::string, int> known;
  for (const Initializer& initializer : initializers) known.emplace(initializer.proto.name(), 0);
  for (const onnx::Tensor& tensor : source.initializer()) known.emplace(tensor.name(), 0);
  for (const onnx::ValueInfo& input : source.input()) {
    // Before IR version 4 every initialiser was also listed as an input. Its value is taken as fixed.
    if (known.emplace(input.name(), 1).second) {
      builder.add_input(input);
    } else if (known.at(input.name()) == 1) {
      throw Error(fmt::format("input '{}' is declared twice", input.name()));
    }
  }
  const auto add = [&](const onnx::Tensor& proto, const auto& initializer) {
    with_context([&] { return fmt::format("initializer '{}'", proto.name()); },
                 [&] {
                   check_name(proto.name(), "its name");
                   builder.add_constant(proto.name(), tensors.read(initializer));
                 });
  };
  for (const Initializer& initializer : initializers) add(initializer.proto, initializer);
  for (const onnx::Tensor& tensor : source.initializer()) add(tensor, tensor);
  const std::vector<std::size_t> order =
      order_nodes(source, known, [&](const std::string& name) { return builder.knows(name); });
  const std::unordered_set<std::string> read = names_read(source);
  for (const onnx::Node& node : source.node()) builder.add_results(node, read);
  if (!builder.is_body()) {
    for (const onnx::ValueInfo& output : source.output()) builder.add_output(output);
  }
  for (const std::size_t i : order) builder.add_node(source.node(static_cast<int>(i)), i, tensors);
  if (builder.is_body()) {
    for (const onnx::ValueInfo& output : source.output()) builder.add_output(output);
  }
}

}  // namespace godwit::importers
