// The order of the import: file, versions, operators, names, values, nodes, shapes; the first fault ends it.
#include "importers/onnx/reader.h"

#include <filesystem>
#include <fmt/format.h>
#include <optional>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "importers/onnx/graph_builder.h"
#include "importers/onnx/order.h"
#include "importers/onnx/wire.h"
#include "runtime/error.h"

namespace godwit::importers {
namespace {

constexpr std::int64_t kOldestOpset = 1;
constexpr std::int64_t kNewestOpset = 27;

std::string full_domain(const std::string& domain) { return domain.empty() ? "ai.onnx" : domain; }

// Versions by full domain.
std::unordered_map<std::string, std::int64_t> read_opsets(const onnx::Model& model) {
  std::unordered_map<std::string, std::int64_t> opsets;
  for (const onnx::OpsetId& opset : model.opset_import()) {
    check_name(opset.domain(), "the name of an operator domain");
    const auto [first, added] = opsets.emplace(full_domain(opset.domain()), opset.version());
    if (!added && first->second != opset.version()) {
      throw Error(fmt::format("opset {} and opset {} of domain '{}' are both imported, expected one",
                              first->second, opset.version(), first->first));
    }
  }
  // A model that imports nothing is of the time before there were versions.
  const std::int64_t version = opsets.try_emplace("ai.onnx", 1).first->second;
  if (version < kOldestOpset || version > kNewestOpset) {
    throw Error(
        fmt::format("the model uses opset {}; {} to {} are supported", version, kOldestOpset, kNewestOpset));
  }
  return opsets;
}

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
                 });
  }
}

// Domain "godwit" is for operators that only passes insert.
bool is_supported(const onnx::Node& node) {
  const std::string domain = node.domain() == "ai.onnx" ? "" : node.domain();
  return domain != "godwit" && ops::find_op(node.op_type(), domain) != nullptr;
}

void check_operators(const onnx::Graph& graph, const std::unordered_map<std::string, std::int64_t>& opsets) {
  std::string list;
  int count = 0;
  for (std::size_t i = 0; i < static_cast<std::size_t>(graph.node_size()); ++i) {
    const onnx::Node& node = graph.node(static_cast<int>(i));
    if (is_supported(node)) continue;
    ++count;
    const auto opset = opsets.find(full_domain(node.domain()));
    list += fmt::format("\n  node '{}': operator {}, domain {}, {}", node_name(node, i), node.op_type(),
                        full_domain(node.domain()),
                        opset == opsets.end() ? "no opset imported" : fmt::format("opset {}", opset->second));
  }
  if (count > 0) {
    throw Error(fmt::format("{} {} an operator that is not supported:{}", count,
                            count == 1 ? "node has" : "nodes have", list));
  }
}

void check_features(const onnx::Model& model) {
  if (!model.has_graph()) throw Error("the file has no graph; is it an ONNX model?");
  if (model.functions_size() > 0) {
    throw Error(
        fmt::format("the model defines {} functions of its own, which is not supported; inline them first",
                    model.functions_size()));
  }
  if (model.graph().sparse_initializer_size() > 0)
    throw Error("the model has sparse initializers, which are not supported");
}

std::unordered_set<std::string> names_read(const onnx::Graph& graph) {
  std::unordered_set<std::string> names;
  for (const onnx::Node& node : graph.node()) names.insert(node.input().begin(), node.input().end());
  for (const onnx::ValueInfo& output : graph.output()) names.insert(output.name());
  return names;
}

void add_initializers(const ModelFile& file, TensorReader& tensors, GraphBuilder& builder) {
  for (const Initializer& initializer : file.initializers) {
    const std::string& name = initializer.proto.name();
    with_context([&] { return fmt::format("initializer '{}'", name); },
                 [&] {
                   check_name(name, "its name");
                   builder.add_constant(name, tensors.read(initializer));
                 });
  }
}

}  // namespace

engine::Graph load_onnx(const std::string& path) {
  const ModelFile file = read_model_file(path);
  check_features(file.model);
  const auto opsets = read_opsets(file.model);
  const onnx::Graph& source = file.model.graph();
  check_names(source);
  check_operators(source, opsets);

  GraphBuilder builder(static_cast<int>(opsets.at("ai.onnx")));
  TensorReader tensors(file.file, std::filesystem::path(path).parent_path());
  std::unordered_map<std::string, int> known;
  for (const Initializer& initializer : file.initializers) known.emplace(initializer.proto.name(), 0);
  for (const onnx::ValueInfo& input : source.input()) {
    // Before IR version 4 every initialiser was also listed as an input. Its value is taken as fixed.
    if (known.emplace(input.name(), 1).second) {
      builder.add_input(input);
    } else if (known.at(input.name()) == 1) {
      throw Error(fmt::format("input '{}' is declared twice", input.name()));
    }
  }
  add_initializers(file, tensors, builder);
  const std::vector<std::size_t> order = order_nodes(source, known);
  const std::unordered_set<std::string> read = names_read(source);
  for (const onnx::Node& node : source.node()) builder.add_results(node, read);
  for (const onnx::ValueInfo& output : source.output()) builder.add_output(output);
  if (source.output_size() == 0) throw Error("the graph has no outputs");
  for (const std::size_t i : order) builder.add_node(source.node(static_cast<int>(i)), i, tensors);

  engine::Graph& graph = builder.graph();
  check_name(source.name(), "the name of the graph");
  graph.name = source.name();
  graph.format = fmt::format("ONNX, opset {}", builder.opset());
  graph.data_files = tensors.files();
  for (const onnx::KeyValue& entry : file.model.metadata_props()) {
    check_name(entry.key(), "a key of metadata_props");
    check_text(entry.value(), fmt::format("the value of '{}' in metadata_props", entry.key()));
    graph.metadata.insert_or_assign(entry.key(), entry.value());
  }
  engine::infer_shapes(graph);
  for (const onnx::ValueInfo& output : source.output()) builder.check_output(output);
  graph.compact();
  return std::move(graph);
}

}  // namespace godwit::importers
