// From a model's path to a compiled plan.
#include "tools/cli/model.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <set>

#include "importers/importer.h"
#include "runtime/error.h"
#include "runtime/image/preprocess.h"
#include "tools/bench/measure.h"
#include "tools/cli/output.h"
#include "tools/cli/tuning.h"

namespace godwit::tools {
namespace {

// Height and width of an N, 3, H, W input left open become the crop of the model's own preprocessing.
void set_image_size(const engine::Graph& graph, Shape& shape) {
  const auto entry = graph.metadata.find("godwit.preprocess");
  if (entry == graph.metadata.end() || shape.rank() != 4 || shape[1] != 3) return;
  const int crop = image::pipeline_from_text(entry->second, "metadata entry godwit.preprocess").crop;
  if (crop <= 0) return;
  for (int axis = 2; axis < 4; ++axis) {
    if (!is_known(shape[axis])) shape[axis] = crop;
  }
}

}  // namespace

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
                 Compiled compiled = compile_model(model.graph, path, options, compile_options);
                 model.plan = std::move(compiled.plan);
                 model.compile_seconds = compiled.seconds;
               });
  return model;
}

std::int64_t batch_of(const engine::Plan& plan) {
  if (plan.inputs().empty() || plan.inputs().front().desc.shape.rank() < 1) return 1;
  return std::max<std::int64_t>(1, plan.inputs().front().desc.shape[0]);
}

std::size_t weight_bytes(const engine::Plan& plan) {
  std::size_t bytes = plan.memory().packed_weight_bytes;
  std::set<const void*> counted;
  for (const engine::Step& step : plan.steps()) {
    for (std::size_t i = 0; i < step.src.size() && i < step.src_descs.size(); ++i) {
      const engine::Slot& slot = step.src[i];
      if (slot.kind != engine::Slot::Kind::constant || !counted.insert(slot.constant).second) continue;
      if (step.executable != nullptr && !step.executable->reads_constant(i)) continue;
      bytes += step.src_descs[i].bytes();
    }
  }
  return bytes;
}

std::vector<Tensor> random_inputs(const engine::Plan& plan) {
  constexpr std::uint64_t kSeed = 20260101;
  std::vector<Tensor> inputs;
  for (const engine::PlanInput& input : plan.inputs())
    inputs.push_back(random_tensor(input.desc, kSeed + inputs.size()));
  return inputs;
}

std::string layers_of(const engine::Step& step) {
  return step.origins.empty() ? step.name : fmt::format("{}", fmt::join(step.origins, " + "));
}

}  // namespace godwit::tools
