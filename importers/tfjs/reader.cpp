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
#include "runtime/counted.h"
#include "runtime/error.h"
#include "runtime/json.h"
#include "runtime/memory.h"

namespace godwit::importers {
namespace {

namespace fs = std::filesystem;

// Objects and lists in each other; a model inside models stays far below.
constexpr int kMaxDepth = 200;

Json read_json(const std::string& path) {
  const MappedFile file(path);
  return require_json({reinterpret_cast<const char*>(file.data()), file.size()}, kMaxDepth,
                      fmt::format("'{}' is ", fs::path(path).filename().string()));
}

std::vector<std::string> labels_from(const Json& source) {
  if (!source.is_array() && !source.is_object())
    throw Error(fmt::format("holds {}, expected a list of names or an object", shown(source)));
  std::vector<std::string> labels;
  for (std::size_t i = 0; i < source.size(); ++i) {
    const Json& label = source.is_array() ? source[i] : field(source, fmt::format("{}", i));
    std::string text = text_of(label, fmt::format("{}", i));
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
    throw Error(fmt::format("labels.json has {}, the model's output has {} classes",
                            counted(labels->size(), "label"), classes));
  }
  graph.metadata["godwit.labels"] = Json(*labels).dump();
}

}  // namespace

bool caffe_preprocessing(const std::string& model_name) {
  constexpr std::array<std::string_view, 5> kNames = {"resnet50", "resnet101", "resnet152", "vgg16", "vgg19"};
  return std::ranges::find(kNames, model_name) != kNames.end();
}

engine::Graph load_tfjs(const std::string& path) {
  const fs::path folder = fs::path(path).parent_path();
  const Json root = read_json(path);
  Topology topology = read_topology(root);
  const std::string name = topology.name;
  const bool caffe = caffe_preprocessing(name);
  const TfjsWeights weights(field(root, "weightsManifest"), folder);
  engine::Graph graph = TfjsBuilder(std::move(topology), weights, caffe).build();
  graph.name = name;
  graph.format = "TensorFlow.js layers-model";
  graph.data_files.assign(weights.files().begin(), weights.files().end());
  engine::infer_shapes(graph);
  if (caffe) graph.metadata["godwit.preprocess"] = "caffe";
  add_labels(graph, folder);
  return graph;
}

}  // namespace godwit::importers
