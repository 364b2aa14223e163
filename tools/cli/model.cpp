// From a model's path to a compiled plan.
#include "tools/cli/model.h"

#include <fmt/format.h>

#include "importers/importer.h"
#include "runtime/error.h"
#include "runtime/image/pipeline.h"
#include "runtime/stopwatch.h"
#include "tools/cli/tuning.h"
#include "tools/report/console.h"

namespace godwit::tools {
namespace {

// Height and width of an image input left open become the crop of the model's own preprocessing.
void set_image_size(const engine::Graph& graph, Shape& shape) {
  const auto entry = graph.metadata.find("godwit.preprocess");
  if (entry == graph.metadata.end() || shape.rank() != 4) return;
  const image::Pipeline pipeline =
      image::pipeline_from_text(entry->second, "metadata entry godwit.preprocess");
  // A network of one channel gets gray.
  const auto holds_channels = [&](int axis) { return shape[axis] == pipeline.channels || shape[axis] == 1; };
  if (pipeline.crop.empty() || !(holds_channels(1) || holds_channels(3))) return;
  const int height = holds_channels(1) ? 2 : 1;
  if (!is_known(shape[height])) shape[height] = pipeline.crop.height;
  if (!is_known(shape[height + 1])) shape[height + 1] = pipeline.crop.width;
}

}  // namespace

engine::Graph load_graph(const std::string& path) {
  engine::Graph graph = importers::load(path);
  tell_warnings(graph, path);
  return graph;
}

void tell_warnings(const engine::Graph& graph, const std::string& path) {
  for (const std::string& warning : graph.warnings) message(fmt::format("'{}': {}", path, warning));
}

std::map<std::string, Shape> input_shapes(const engine::Graph& graph, const EngineOptions& options,
                                          std::int64_t batch) {
  std::map<std::string, Shape> shapes = options.compile_options().shapes;
  for (const engine::ValueId input : graph.inputs) {
    const engine::Value& value = graph.value(input);
    if (shapes.contains(value.name)) continue;
    Shape shape = value.desc.shape;
    if (shape.rank() >= 1 && !is_known(shape[0])) shape[0] = batch;
    set_image_size(graph, shape);
    if (!shape.known()) {
      throw Error(fmt::format("input '{}' is {}; pass its size, such as --shape {}=1x3x224x224", value.name,
                              graph.to_string(value.desc.shape), value.name));
    }
    shapes.emplace(value.name, shape);
  }
  return shapes;
}

bool has_open_batch(const engine::Graph& graph, const EngineOptions& options) {
  const std::map<std::string, Shape> given = options.compile_options().shapes;
  for (const engine::ValueId input : graph.inputs) {
    const engine::Value& value = graph.value(input);
    if (value.desc.shape.rank() >= 1 && !is_known(value.desc.shape[0]) && !given.contains(value.name))
      return true;
  }
  return false;
}

LoadedModel load_model(const std::string& path, const EngineOptions& options, std::int64_t batch) {
  engine::CompileOptions compile_options = options.compile_options();
  LoadedModel model;
  const Stopwatch load_watch;
  model.graph = importers::load(path);
  model.load_seconds = load_watch.seconds();
  with_context([&] { return fmt::format("'{}'", path); },
               [&] {
                 compile_options.shapes = input_shapes(model.graph, options, batch);
                 vision::Compiled compiled = compile_model(model.graph, path, options, compile_options);
                 model.plan = std::move(compiled.plan);
                 model.compile_seconds = compiled.seconds;
               });
  return model;
}

}  // namespace godwit::tools
