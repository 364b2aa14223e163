// godwit run: any tensors in, every output as a file.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <filesystem>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <memory>
#include <nlohmann/json.hpp>
#include <set>

#include "engine/nonfinite.h"
#include "engine/session.h"
#include "importers/importer.h"
#include "runtime/error.h"
#include "runtime/npy.h"
#include "runtime/stopwatch.h"
#include "tools/bench/option_values.h"
#include "tools/cli/commands/commands.h"
#include "tools/cli/input_tensors.h"
#include "tools/cli/known_inputs.h"
#include "tools/cli/options.h"
#include "tools/cli/output_files.h"
#include "tools/cli/run_images.h"
#include "tools/cli/tuning.h"
#include "tools/report/console.h"
#include "tools/report/interrupt.h"
#include "tools/report/json.h"
#include "tools/report/text.h"

namespace godwit::tools {
namespace {

struct Options {
  EngineOptions engine;
  std::string model, output_dir;
  std::vector<std::string> inputs, outputs;
  RunImages images;
  bool json = false;
};

bool fits(const Shape& wanted, const Shape& given) {
  if (!wanted.ranked()) return true;
  if (wanted.rank() != given.rank()) return false;
  for (int axis = 0; axis < wanted.rank(); ++axis) {
    if (is_known(wanted[axis]) && wanted[axis] != given[axis]) return false;
  }
  return true;
}

// The model's inputs by name: `tensors`, and those of --input, checked against what the model says of them.
std::map<std::string, Tensor> load_inputs(const Options& options, const engine::Graph& graph,
                                          std::map<std::string, Tensor> tensors) {
  const std::vector<std::string> names = input_names(graph, true);
  for (const auto& [name, given] : read_input_tensors(options.inputs, [&] { return graph; })) {
    if (std::ranges::find(names, name) == names.end()) refuse_name(name, names);
    const engine::Value& value = graph.value(graph.find_value(name));
    const TensorDesc& wanted = value.desc;
    // A default may give way to a tensor of another shape.
    if (wanted.dtype != given.tensor.dtype() ||
        (!value.constant && !fits(wanted.shape, given.tensor.shape()))) {
      refuse_tensor(given, name, fmt::format("{} {}", name_of(wanted.dtype), graph.to_string(wanted.shape)));
    }
    if (!tensors.emplace(name, given.tensor).second)
      throw Error(fmt::format("input '{}' is given twice", name));
  }
  for (const std::string& name : input_names(graph, false)) {
    if (!tensors.contains(name))
      throw Error(fmt::format("input '{}' is not given; pass --input {}=FILE.npy, or --image {}=FILE", name,
                              name, name));
  }
  return tensors;
}

// A tensor's name as a file name: what might mean a folder or a hidden file becomes '_'.
std::string file_name(const std::string& name) {
  std::string result = name.empty() || name.front() == '.' ? "_" + name : name;
  for (char& c : result) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       c == '.' || c == '_' || c == '-';
    if (!plain) c = '_';
  }
  return result + ".npy";
}

// Files that are read.
std::vector<std::string> input_paths(const Options& options) {
  std::vector<std::string> paths = {options.model};
  for (const auto* list : {&options.inputs, &options.images.inputs}) {
    for (const std::string& text : *list) paths.push_back(split_named(text).value);
  }
  return paths;
}

// The .npy file of each output; empty without a folder for them. Throws Error where one cannot be written or
// is read.
std::vector<std::string> output_paths(const Options& options, const engine::Plan& plan) {
  std::vector<std::string> paths;
  if (options.output_dir.empty()) return std::vector<std::string>(plan.outputs().size());
  const std::vector<std::string> inputs = input_paths(options);
  std::set<std::string> used;
  for (const engine::PlanInput& output : plan.outputs()) {
    std::string file = file_name(output.name);
    // Two names may differ only in what became '_'.
    for (int copy = 2; !used.insert(file).second; ++copy)
      file = file_name(fmt::format("{}-{}", output.name, copy));
    paths.push_back((std::filesystem::path(options.output_dir) / file).string());
    check_output(paths.back(), inputs);
  }
  return paths;
}

// Throws Error where an image cannot be written, is read, or is of an output that is not computed.
void check_images(const std::map<std::string, std::string>& images, const Options& options,
                  const engine::Plan& plan) {
  const std::vector<std::string> inputs = input_paths(options);
  for (const auto& [name, file] : images) {
    check_output(file, inputs);
    const auto is_it = [&, &wanted = name](const engine::PlanInput& output) { return output.name == wanted; };
    if (std::ranges::none_of(plan.outputs(), is_it)) {
      throw Error(
          fmt::format("--output-picture: output '{}' is not computed; pass --output {} as well", name, name));
    }
  }
}

int run(const Options& options) {
  engine::CompileOptions compile_options = options.engine.compile_options();
  const std::map<std::string, std::string> images = options.images.files();
  if (options.output_dir.empty() && images.empty())
    throw Error("nothing would be written: pass --output-dir DIR, --output-picture NAME=FILE.png, or both");
  const engine::Graph graph = importers::load(options.model);
  ReadRunImages read = read_run_images(options.images, graph, options.engine.isa);
  const std::map<std::string, Tensor> inputs = load_inputs(options, graph, std::move(read.tensors));
  if (!options.output_dir.empty()) make_folder(options.output_dir);
  compile_options.outputs = options.outputs;
  if (options.outputs.empty() && options.output_dir.empty()) {
    for (const auto& [name, file] : images) compile_options.outputs.push_back(name);
  }
  const auto compile = [&](const engine::Graph& given, const engine::CompileOptions& with) {
    return compile_model(given, options.model, options.engine, with).plan;
  };
  const PlanForTensors prepared =
      with_context([&] { return fmt::format("'{}'", options.model); },
                   [&] { return compile_for(graph, inputs, compile_options, compile); });
  const std::shared_ptr<const engine::Plan>& plan = prepared.plan;
  for (const engine::PlanInput& input : plan->inputs()) compile_options.shapes[input.name] = input.desc.shape;
  if (!prepared.note.empty()) message(prepared.note);
  const std::vector<std::string> paths = output_paths(options, *plan);
  check_images(images, options, *plan);
  for (const std::string& each : read.told) message(each);
  engine::Session session(plan, {options.engine.thread_count(), false});

  const Stopwatch watch;
  const std::span<const Tensor> results = session.run(prepared.src);
  const double seconds = watch.seconds();
  stop_if_interrupted();

  Table table({{"output", Table::Align::left},
               {"type", Table::Align::left},
               {"shape", Table::Align::left},
               {"file", Table::Align::left}});
  Json outputs = Json::array();
  std::vector<std::string> warnings;
  for (std::size_t i = 0; i < results.size(); ++i) {
    const std::string &name = plan->outputs()[i].name, &path = paths[i];
    if (!path.empty()) write_npy(path, results[i].view());
    const auto image = images.find(name);
    std::string files = path;
    if (image != images.end()) files += (path.empty() ? "" : ", ") + image->second;
    table.add({name, std::string(name_of(results[i].dtype())), results[i].shape().to_string(), files});
    const engine::Nonfinite numbers = engine::count_nonfinite(results[i].view());
    if (numbers.any()) warnings.push_back(fmt::format("output '{}': {}", name, numbers.to_string()));
    outputs.push_back({{"name", name},
                       {"dtype", name_of(results[i].dtype())},
                       {"shape", results[i].shape().dims()},
                       {"file", path.empty() ? Json(nullptr) : Json(path)},
                       {"nan", numbers.nan},
                       {"infinite", numbers.infinite}});
    if (image != images.end())
      outputs.back()["picture"] = write_run_image(options.images, name, results[i], image->second);
  }
  if (!warnings.empty()) {
    for (const std::string& each : warnings) warning("warning: " + each);
    warning("warning: " + engine::explain_nonfinite(
                              engine::first_nonfinite(prepared.graph, compile_options, *plan, prepared.src),
                              plan->precision()));
  }
  if (options.json) {
    Json json = {{"schema", "godwit.run/1"},
                 {"model", options.model},
                 {"precision", name_of(plan->precision())},
                 {"seconds", seconds},
                 {"outputs", std::move(outputs)}};
    add_without(options.engine, json);
    print_json(json);
  } else {
    print(table.to_string());
    message(fmt::format("ran in {:.3f} ms on {}, {}", seconds * 1e3, counted(session.threads(), "thread"),
                        name_of(plan->target().isa)));
  }
  return kDone;
}

std::function<int()> prepare(CLI::App& app) {
  auto options = std::make_shared<Options>();
  add_model_argument(app, options->model);
  add_list_option(
      app, "--input", options->inputs,
      "The tensor for an input, .npy or .pb (an ONNX TensorProto), once for each input; NAME= may be left "
      "out where the model has one input. An input for which the model has a default may be left out.")
      ->type_name("NAME=FILE");
  app.add_option("--output-dir", options->output_dir,
                 "Folder for the results, NAME.npy each; made if it is not there.")
      ->type_name("DIR");
  add_list_option(
      app, "--output", options->outputs,
      "Compute only this output, or any other value inside the model; may be given several times. Default: "
      "the model's outputs.")
      ->type_name("NAME");
  add_run_image_options(app, options->images);
  add_json_option(app, options->json);
  add_engine_options(app, options->engine, true, false);
  add_plan_options(app, options->engine);
  return [options] { return run(*options); };
}

}  // namespace

const Command run_command = {
    "run",
    "Use a model",
    "run a model on tensors or images from files",
    "MODEL --input|--image NAME=FILE... --output-dir DIR [options]",
    "Runs the model once on the given tensors and images, whose shapes settle what the model leaves open, "
    "and writes "
    "every output as a .npy file, and with --output-picture as an image. Characters of a name that do not "
    "suit a file name become '_'. Only what "
    "the outputs asked for need is computed. Outputs with NaN or infinities are written as they are (so may "
    "the "
    "inputs be); a warning counts them for each output and names the first layer that made them, and the "
    "exit "
    "status stays 0. The JSON fields are schema, model, precision, seconds and outputs (name, dtype, shape, "
    "file, nan and infinite: how many; with --output-picture also picture: file, as, and range or classes).",
    "godwit run models/resnet50.onnx --input input=x.npy --output-dir results\n"
    "godwit run model.onnx --input x.npy --output-dir results --output conv1 --output prob\n"
    "godwit run style.onnx --image photo.jpg --crop 0 --output-picture output=painted.png\n"
    "godwit run segment.onnx --image photo.jpg --output-picture out=classes.png",
    prepare,
    {},
    "--input --image --output-dir --output-picture --json",
};

}  // namespace godwit::tools
