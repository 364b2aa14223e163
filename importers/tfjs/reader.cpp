// model.json taken apart and checked, then the layers, then what the image has to look like.
#include "importers/tfjs/reader.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <optional>
#include <string_view>

#include "importers/tfjs/layers.h"
#include "runtime/error.h"
#include "runtime/memory.h"

namespace godwit::importers {
namespace {

using nlohmann::json;
namespace fs = std::filesystem;

json read_json(const std::string& path) {
  const MappedFile file(path);
  const auto* text = reinterpret_cast<const char*>(file.data());
  json parsed = json::parse(text, text + file.size(), nullptr, false);
  if (parsed.is_discarded())
    throw Error(fmt::format("'{}' is not valid JSON", fs::path(path).filename().string()));
  return parsed;
}

// Each layer is called once: one inbound node, [[source, node index, tensor index, arguments], …].
TfjsLayer read_layer(const json& entry) {
  TfjsLayer layer;
  layer.name = entry.at("config").at("name").get<std::string>();
  layer.kind = entry.at("class_name").get<std::string>();
  layer.config = &entry.at("config");
  const json& calls = entry.at("inbound_nodes");
  if (calls.size() > 1)
    throw Error(fmt::format("layer '{}' is called {} times, expected once", layer.name, calls.size()));
  for (const json& call : calls) {
    for (const json& source : call) {
      if (source.at(1) != 0 || source.at(2) != 0) {
        throw Error(fmt::format(
            "layer '{}' reads a further call or output of a layer, which is not supported", layer.name));
      }
      layer.sources.push_back(source.at(0).get<std::string>());
    }
  }
  return layer;
}

const json& read_topology(const json& root) {
  const std::string format = root.value("format", "layers-model");
  if (format != "layers-model")
    throw Error(fmt::format("the model is a '{}', expected a 'layers-model'", format));
  if (!root.contains("modelTopology") || !root.contains("weightsManifest")) {
    throw Error(
        "the file has no 'modelTopology' or no 'weightsManifest'; is it a TensorFlow.js layers-model?");
  }
  const json& topology = root.at("modelTopology");
  const json& model = topology.contains("model_config") ? topology.at("model_config") : topology;
  const auto kind = model.at("class_name").get<std::string>();
  if (kind != "Model" && kind != "Functional") {
    throw Error(
        fmt::format("the model is of class '{}', expected a functional one ('Model' or 'Functional')", kind));
  }
  return model.at("config");
}

std::vector<std::string> labels_from(const json& source) {
  std::vector<std::string> labels;
  for (std::size_t i = 0; i < source.size(); ++i) {
    const json& label = source.is_array() ? source.at(i) : source.at(fmt::format("{}", i));
    std::string text = label.get<std::string>();
    // Keras writes ImageNet's names with underscores.
    std::ranges::replace(text, '_', ' ');
    labels.push_back(std::move(text));
  }
  return labels;
}

std::optional<std::vector<std::string>> find_labels(const fs::path& folder) {
  for (const fs::path& path : {folder / "labels.json", folder / "assets" / "labels.json",
                               folder / ".." / "assets" / "labels.json"}) {
    std::error_code failure;
    if (!fs::exists(path, failure)) continue;
    return with_context([&] { return path.string(); }, [&] { return labels_from(read_json(path.string())); });
  }
  return std::nullopt;
}

void add_labels(engine::Graph& graph, const fs::path& folder) {
  const std::optional<std::vector<std::string>> labels = find_labels(folder);
  if (!labels) return;
  const Shape& shape = graph.value(graph.outputs.front()).desc.shape;
  const std::int64_t classes = shape.rank() == 2 ? shape[1] : kAnyDim;
  if (classes != static_cast<std::int64_t>(labels->size())) {
    throw Error(
        fmt::format("labels.json has {} labels, the model's output has {} classes", labels->size(), classes));
  }
  graph.metadata["godwit.labels"] = json(*labels).dump();
}

engine::Graph build(const json& root, const fs::path& folder) {
  const json& config = read_topology(root);
  std::vector<TfjsLayer> layers;
  for (const json& entry : config.at("layers")) layers.push_back(read_layer(entry));
  const json& outputs = config.at("output_layers");
  if (outputs.size() != 1) throw Error(fmt::format("the model has {} outputs, expected one", outputs.size()));

  const std::string name = config.value("name", "");
  const bool caffe = caffe_preprocessing(name);
  const TfjsWeights weights(root.at("weightsManifest"), folder);
  engine::Graph graph =
      TfjsBuilder(std::move(layers), weights, caffe).build(outputs.at(0).at(0).get<std::string>());
  graph.name = name;
  graph.format = "TensorFlow.js layers-model";
  graph.data_files.assign(weights.files().begin(), weights.files().end());
  engine::infer_shapes(graph);
  if (caffe) graph.metadata["godwit.preprocess"] = "caffe";
  add_labels(graph, folder);
  return graph;
}

}  // namespace

bool caffe_preprocessing(const std::string& model_name) {
  constexpr std::array<std::string_view, 5> kNames = {"resnet50", "resnet101", "resnet152", "vgg16", "vgg19"};
  return std::ranges::find(kNames, model_name) != kNames.end();
}

engine::Graph load_tfjs(const std::string& path) {
  try {
    const json root = read_json(path);
    return build(root, fs::path(path).parent_path());
  } catch (const json::exception& failure) {
    // The library's text says which key is missing or of which type a value is.
    throw Error(fmt::format("the JSON is not of the form of a layers-model: {}", failure.what()));
  }
}

}  // namespace godwit::importers
