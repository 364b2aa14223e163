// godwit inspect: what a model is made of and what it takes to run it.
#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>

#include "runtime/error.h"
#include "runtime/image/pipeline.h"
#include "tools/bench/plan_facts.h"
#include "tools/cli/commands/commands.h"
#include "tools/cli/model.h"
#include "tools/cli/options.h"
#include "tools/report/console.h"
#include "tools/report/json.h"
#include "tools/report/text.h"
#include "tools/vision/output_use.h"

namespace godwit::tools {
namespace {

struct Options {
  EngineOptions engine;
  std::string model;
  bool layers = false, json = false;
};

struct Weights {
  std::int64_t parameters = 0;
  std::size_t bytes = 0;
};

// Floating-point constants and quantised weights and biases; shapes, axes, scales and zero points are none.
bool is_parameter(const engine::Node& node, std::size_t i, DType dtype) {
  const ops::OpDef& op = *node.op;
  if (op.kind == ops::OpKind::quantize || op.kind == ops::OpKind::dequantize) return i == 0;
  if (op.kind == ops::OpKind::integer) return i == op.weights || i == op.bias;
  return is_float(dtype);
}

Weights weights_of(const engine::Graph& graph) {
  Weights weights;
  std::set<engine::ValueId> counted;
  for (const engine::Node& node : graph.nodes) {
    for (std::size_t i = 0; i < node.inputs.size(); ++i) {
      const engine::ValueId id = node.inputs[i];
      if (id == engine::kNoValue) continue;
      const engine::Value& value = graph.value(id);
      if (!value.constant || !is_parameter(node, i, value.constant->dtype())) continue;
      if (!counted.insert(id).second) continue;
      weights.parameters += value.constant->shape().elements();
      weights.bytes += value.constant->bytes();
    }
  }
  return weights;
}

std::map<std::string, int> operators_of(const engine::Graph& graph) {
  std::map<std::string, int> operators;
  for (const engine::Node& node : graph.nodes) ++operators[std::string(node.op->name)];
  return operators;
}

Json tensors_json(const engine::Graph& graph, const std::vector<engine::ValueId>& ids) {
  Json tensors = Json::array();
  for (const engine::ValueId id : ids) {
    const engine::Value& value = graph.value(id);
    Json dims = Json::array();
    for (const std::int64_t dim : value.desc.shape.dims()) {
      dims.push_back(is_known(dim) ? Json(dim) : Json(graph.to_string(Shape{dim})));
    }
    tensors.push_back({{"name", value.name},
                       {"dtype", name_of(value.desc.dtype)},
                       {"shape", value.desc.shape.ranked() ? std::move(dims) : Json(nullptr)}});
  }
  return tensors;
}

std::string tensors_text(std::string_view title, const engine::Graph& graph,
                         const std::vector<engine::ValueId>& ids) {
  std::string text;
  for (const engine::ValueId id : ids) {
    const engine::Value& value = graph.value(id);
    text += fmt::format("{:<11}{}: {} {}\n", text.empty() ? title : "", value.name, name_of(value.desc.dtype),
                        graph.to_string(value.desc.shape));
  }
  return text;
}

std::string uses_text(const engine::Plan& plan) {
  const std::vector<std::string> uses = vision::output_uses(plan);
  std::string text;
  for (std::size_t i = 0; i < uses.size(); ++i) {
    if (uses[i].empty()) continue;
    text += fmt::format("{:<11}{} looks like {}\n", "", plan.outputs()[i].name, uses[i]);
  }
  return text;
}

Json layers_json(const engine::Plan& plan) {
  Json layers = Json::array();
  for (const engine::Step& step : plan.steps()) {
    layers.push_back({{"name", step.name},
                      {"origins", step.origins},
                      {"op", step.op->name},
                      {"output", step.dst_descs.empty() ? "" : step.dst_descs.front().to_string()},
                      {"macs", step.cost.macs},
                      {"flops", step.cost.flops},
                      {"weight_bytes", step.cost.weight_bytes},
                      {"activation_bytes", step.cost.activation_bytes}});
  }
  return layers;
}

std::string layers_text(const engine::Plan& plan) {
  using enum Table::Align;
  Table table({{"MACs"},
               {"FLOPs"},
               {"weights MiB"},
               {"activations MiB"},
               {"op", left},
               {"output", left},
               {"layer", left}});
  for (const engine::Step& step : plan.steps()) {
    table.add({with_prefix(static_cast<double>(step.cost.macs)),
               with_prefix(static_cast<double>(step.cost.flops)),
               fmt::format("{:.3f}", to_mib(static_cast<std::size_t>(step.cost.weight_bytes))),
               fmt::format("{:.3f}", to_mib(static_cast<std::size_t>(step.cost.activation_bytes))),
               std::string(step.op->name), step.dst_descs.empty() ? "" : step.dst_descs.front().to_string(),
               layers_of(step)});
  }
  return "\n" + table.to_string();
}

// The preprocessing that the model carries; nullopt for none, or for one that commands refuse.
std::optional<image::Pipeline> preprocessing_of(const engine::Graph& graph) {
  const auto entry = graph.metadata.find("godwit.preprocess");
  if (entry == graph.metadata.end()) return std::nullopt;
  try {
    return image::pipeline_from_text(entry->second, "metadata entry godwit.preprocess");
  } catch (const Error& error) {
    message(error.what());
    return std::nullopt;
  }
}

struct Compiled {
  std::shared_ptr<const engine::Plan> plan;  // null: refused
  std::string refused;
};

Compiled try_compile(const engine::Graph& graph, const EngineOptions& options) {
  try {
    engine::CompileOptions compile_options = options.compile_options();
    compile_options.shapes = input_shapes(graph, options, 1);
    return {engine::compile(graph, compile_options), ""};
  } catch (const Error& error) {
    return {nullptr, error.what()};
  }
}

Json inspect_json(const Options& options, const engine::Graph& graph, const engine::Plan* plan) {
  const Weights weights = weights_of(graph);
  Json metadata = Json::object();
  for (const auto& [key, value] : graph.metadata) metadata[key] = value;
  Json json = {{"schema", "godwit.inspect/1"},
               {"model", options.model},
               {"format", graph.format},
               {"inputs", tensors_json(graph, graph.inputs)},
               {"outputs", tensors_json(graph, graph.outputs)},
               {"operators", operators_of(graph)},
               {"parameters", weights.parameters},
               {"weights_mib", to_mib(weights.bytes)},
               {"metadata", std::move(metadata)},
               {"preprocess", nullptr},
               {"warnings", graph.warnings}};
  if (const auto pipeline = preprocessing_of(graph))
    json["preprocess"] = Json::parse(image::text_of(*pipeline));
  if (plan == nullptr) return json;
  const engine::MemoryReport& memory = plan->memory();
  const std::vector<std::string> uses = vision::output_uses(*plan);
  for (std::size_t i = 0; i < uses.size(); ++i)
    json["outputs"][i]["looks_like"] = uses[i].empty() ? Json(nullptr) : Json(uses[i]);
  json["batch"] = batch_of(*plan);
  json["macs"] = plan->cost().macs / batch_of(*plan);
  json["flops"] = plan->cost().flops / batch_of(*plan);
  json["memory"] = {{"arena_bytes", memory.arena_bytes},
                    {"lower_bound_bytes", memory.lower_bound_bytes},
                    {"sum_bytes", memory.sum_bytes},
                    {"packed_weight_bytes", memory.packed_weight_bytes},
                    {"shared_scratch_bytes", memory.shared_scratch_bytes},
                    {"worker_scratch_bytes", memory.worker_scratch_bytes}};
  if (options.layers) json["layers"] = layers_json(*plan);
  return json;
}

std::string inspect_text(const Options& options, const engine::Graph& graph, const engine::Plan* plan) {
  const Weights weights = weights_of(graph);
  std::vector<std::string> operators;
  for (const auto& [name, count] : operators_of(graph))
    operators.push_back(fmt::format("{} {}", count, name));
  std::vector<std::string> keys;
  for (const auto& [key, value] : graph.metadata) {
    keys.push_back(value.size() <= 40 ? fmt::format("{} = {}", key, value)
                                      : fmt::format("{} ({})", key, counted(value.size(), "byte")));
  }
  std::string text = fmt::format("{:<11}{}\n{:<11}{}\n", "model", options.model, "format", graph.format);
  text += tensors_text("inputs", graph, graph.inputs) + tensors_text("outputs", graph, graph.outputs);
  if (plan != nullptr) text += uses_text(*plan);
  text += fmt::format("{:<11}{}\n", "operators", fmt::join(operators, ", "));
  text +=
      fmt::format("{:<11}{}, {}\n", "weights",
                  with_unit(static_cast<double>(weights.parameters), " parameter"), mib_text(weights.bytes));
  if (plan != nullptr) {
    const engine::MemoryReport& memory = plan->memory();
    const auto batch = static_cast<double>(batch_of(*plan));
    const ops::Cost cost = plan->cost();
    text += fmt::format("{:<11}{}; {} (1 MAC = 2 FLOPs), of one image\n", "work",
                        with_unit(static_cast<double>(cost.macs) / batch, "MAC"),
                        with_unit(static_cast<double>(cost.flops) / batch, "FLOP"));
    text += fmt::format(
        "{:<11}arena {} at batch {} (least possible {}, without sharing {}), packed weights {}, scratch {} "
        "and {} per thread\n",
        "memory", mib_text(memory.arena_bytes), batch_of(*plan), mib_text(memory.lower_bound_bytes),
        mib_text(memory.sum_bytes), mib_text(memory.packed_weight_bytes),
        mib_text(memory.shared_scratch_bytes), mib_text(memory.worker_scratch_bytes));
  }
  if (const auto pipeline = preprocessing_of(graph)) {
    text += fmt::format("{:<11}{}; {}\n", "images", image::size_sentence(*pipeline),
                        image::value_sentence(*pipeline));
  }
  text +=
      fmt::format("{:<11}{}\n", "metadata", keys.empty() ? "none" : fmt::format("{}", fmt::join(keys, ", ")));
  if (plan != nullptr && options.layers) text += layers_text(*plan);
  return text;
}

int inspect(const Options& options) {
  (void)options.engine.compile_options();  // a wrong option is an error of its own, not of the model
  const engine::Graph graph = load_graph(options.model);
  const Compiled compiled = try_compile(graph, options.engine);
  if (options.json) {
    print_json(inspect_json(options, graph, compiled.plan.get()));
  } else {
    print(inspect_text(options, graph, compiled.plan.get()));
  }
  if (compiled.plan != nullptr) return kDone;
  throw Error(fmt::format("work and memory are not known: {}", compiled.refused));
}

std::function<int()> prepare(CLI::App& app) {
  auto options = std::make_shared<Options>();
  add_model_argument(app, options->model);
  app.add_flag("--layers", options->layers,
               "Add a table of layers as they are run: MACs, FLOPs, bytes, output.");
  add_json_option(app, options->json);
  add_engine_options(app, options->engine, false);
  return [options] { return inspect(*options); };
}

}  // namespace

const Command inspect_command = {
    "inspect",
    "Look inside",
    "inputs, outputs, operators, parameters, work and memory of a model",
    "MODEL [options]",
    "Inputs and outputs come with the names of dimensions that the model leaves open. Operators, parameters "
    "and weights are the model's own. Work (MACs and FLOPs of one image) and memory are those of the model "
    "as it is compiled here: the arena holds all activations of one run; beside it stand the least that any "
    "plan needs and what it would be if no two tensors shared memory. A model that carries preprocessing is "
    "told with what becomes of an image (JSON: preprocess), one that says something false of itself with a "
    "message (JSON: warnings). What the outputs look like, by shapes and names, is a guess (JSON: "
    "looks_like).",
    "godwit inspect models/resnet50.onnx --layers\n"
    "godwit inspect detector.onnx --shape images=1x3x640x640 --json",
    prepare,
};

}  // namespace godwit::tools
