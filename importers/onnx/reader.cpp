// The order of the import: file, versions, operators, names, values, nodes, shapes; the first fault ends it.
#include "importers/onnx/reader.h"

#include <filesystem>
#include <fmt/format.h>
#include <unordered_map>
#include <utility>
#include <vector>

#include "importers/grouped.h"
#include "importers/onnx/functions.h"
#include "importers/onnx/graph_builder.h"
#include "importers/onnx/opset_adapters.h"
#include "importers/onnx/order.h"
#include "importers/onnx/read_graph.h"
#include "importers/onnx/wire.h"
#include "runtime/error.h"
#include "runtime/nearest_name.h"

namespace godwit::importers {
namespace {

constexpr std::int64_t kOldestOpset = 1;
constexpr std::int64_t kNewestOpset = 27;
constexpr std::int64_t kFirstIrWithDefaults = 4;

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

// "; did you mean 'Conv'?" where an operator's name is nearly one that is known.
std::string misspelled(const std::vector<std::string>& kinds) {
  std::vector<std::string_view> known;
  for (const ops::OpDef* op : ops::all_ops()) {
    if (op->domain != "godwit") known.push_back(op->name);
  }
  for (const std::string& kind : kinds) {
    if (ops::find_op(kind, "") != nullptr) continue;
    if (std::string question = did_you_mean(kind, known); !question.empty()) return question;
  }
  return "";
}

// All nodes that have no operator, one line each, those of graphs inside of nodes included.
void list_unsupported(const onnx::Graph& graph, const std::unordered_map<std::string, std::int64_t>& opsets,
                      std::string& list, std::vector<std::string>& kinds) {
  for (std::size_t i = 0; i < static_cast<std::size_t>(graph.node_size()); ++i) {
    const onnx::Node& node = graph.node(static_cast<int>(i));
    for (const onnx::Attribute& attribute : node.attribute()) {
      if (attribute.has_g()) list_unsupported(attribute.g(), opsets, list, kinds);
    }
    if (is_supported(node)) continue;
    kinds.push_back(node.op_type());
    const auto opset = opsets.find(full_domain(node.domain()));
    list += fmt::format("\n  node '{}': operator {}, domain {}, {}", node_name(node, i), node.op_type(),
                        full_domain(node.domain()),
                        opset == opsets.end() ? "no opset imported" : fmt::format("opset {}", opset->second));
  }
}

void check_operators(const onnx::Graph& graph, const std::unordered_map<std::string, std::int64_t>& opsets) {
  std::string list;
  std::vector<std::string> kinds;
  list_unsupported(graph, opsets, list, kinds);
  if (!kinds.empty()) {
    throw Error(fmt::format("{} {} an operator that is not supported: {}{}{}", kinds.size(),
                            kinds.size() == 1 ? "node has" : "nodes have", grouped(kinds), misspelled(kinds),
                            list));
  }
}

void check_features(const onnx::Model& model) {
  if (!model.has_graph()) throw Error("the file has no graph; is it an ONNX model?");
}

}  // namespace

engine::Graph load_onnx(const std::string& path) {
  ModelFile file = read_model_file(path);
  check_features(file.model);
  const auto opsets = read_opsets(file.model);
  inline_functions(file.model);
  const onnx::Graph& source = file.model.graph();
  check_names(source);
  check_operators(source, opsets);

  GraphBuilder builder(static_cast<int>(opsets.at("ai.onnx")));
  TensorReader tensors(file.file, std::filesystem::path(path).parent_path());
  if (source.output_size() == 0) throw Error("the graph has no outputs");
  read_graph(source, file.initializers, builder, tensors);
  // Before IR version 4 every initialiser was also listed as an input, and its value is fixed.
  if (file.model.ir_version() >= kFirstIrWithDefaults) {
    for (const onnx::ValueInfo& input : source.input()) builder.declare_input(input);
  }

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
  if (graph.declared_inputs.size() == graph.inputs.size()) graph.declared_inputs.clear();
  graph.compact();
  return std::move(graph);
}

}  // namespace godwit::importers
