// godwit convert: a model in any format that is read, written as ONNX.
#include <CLI/CLI.hpp>
#include <array>
#include <filesystem>
#include <fmt/format.h>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "importers/importer.h"
#include "runtime/error.h"
#include "tools/cli/commands/commands.h"
#include "tools/cli/model.h"
#include "tools/cli/options.h"
#include "tools/cli/output_files.h"
#include "tools/report/console.h"
#include "tools/report/interrupt.h"
#include "tools/report/json.h"
#include "tools/report/text.h"
#include "tools/vision/files.h"
#include "tools/vision/image_input.h"
#include "tools/vision/labels.h"

namespace godwit::tools {
namespace {

struct Options {
  std::string model, output, labels;
  image::PreprocessChoice preprocess;
  std::int64_t label_offset = 0;
};

// Scores that the model gives for an image; nullopt where that is left open.
std::optional<std::int64_t> class_count(const engine::Graph& graph) {
  const Shape& shape = graph.value(graph.outputs.front()).desc.shape;
  if (shape.rank() < 2) return std::nullopt;
  std::int64_t count = 1;
  for (int axis = 1; axis < shape.rank(); ++axis) {
    if (!is_known(shape[axis])) return std::nullopt;
    count *= shape[axis];
  }
  return count;
}

// The file's names as the model carries them, one for each class.
std::vector<std::string> read_labels(const Options& options, const engine::Graph& graph) {
  std::vector<std::string> labels = vision::parse_labels(vision::read_text(options.labels), options.labels);
  if (const auto classes = class_count(graph)) {
    vision::require_label_count(labels.size(), *classes, options.label_offset,
                                fmt::format("'{}'", options.labels));
  } else {
    message(fmt::format("'{}' names {} classes; how many the model has is not known before it is compiled",
                        options.labels, labels.size()));
  }
  labels.insert(labels.begin(), static_cast<std::size_t>(options.label_offset), "");
  return labels;
}

int convert(const Options& options) {
  if (std::filesystem::path(options.output).extension() != ".onnx") {
    throw Error(fmt::format("cannot write '{}': expected a name that ends in .onnx", options.output));
  }
  check_output(options.output, std::array{options.model, options.labels, options.preprocess.preset_or_file});
  engine::Graph graph = load_graph(options.model);
  if (!options.labels.empty()) {
    graph.metadata["godwit.labels"] = Json(read_labels(options, graph)).dump();
  }
  vision::put_pipeline(options.preprocess, graph.metadata);
  stop_if_interrupted();
  importers::save_onnx(graph, options.output);
  message(fmt::format("'{}': {}", options.output, counted(graph.nodes.size(), "node")));
  return kDone;
}

std::function<int()> prepare(CLI::App& app) {
  auto options = std::make_shared<Options>();
  app.add_option("IN", options->model, "The model: .onnx, or model.json of a TensorFlow.js layers-model.")
      ->required();
  app.add_option("OUT.onnx", options->output, "The file to write; it appears only when it is complete.")
      ->required();
  app.add_option("--labels", options->labels,
                 "Put these names of all classes into the model (metadata entry godwit.labels): one a line, "
                 "JSON, or a table with a column 'name' (and 'class').")
      ->type_name("FILE");
  add_label_offset_option(app, options->label_offset);
  app.add_option("--preprocess", options->preprocess.preset_or_file,
                 "Put this into the model as its own preprocessing (metadata entry godwit.preprocess): "
                 "torch, torch-v2, caffe, tf, or a JSON file.")
      ->type_name("PRESET|FILE");
  add_preprocess_changes(app, options->preprocess.changes);
  return [options] {
    if (options->label_offset > 0 && options->labels.empty())
      throw Error("--label-offset says where the names of --labels FILE begin");
    return convert(*options);
  };
}

}  // namespace

const Command convert_command = {
    "convert",
    "Look inside",
    "write a model as ONNX",
    "IN OUT.onnx [options]",
    "Reads a model with the importer of its extension and writes it as an ONNX model, unoptimised, with the "
    "same names. Weights of more than 2 GB altogether go into OUT.onnx.data beside it.",
    "godwit convert ResNet50/model.json models/resnet50.onnx\n"
    "godwit convert plain.onnx labelled.onnx --labels classes.txt --preprocess torch",
    prepare,
};

}  // namespace godwit::tools
