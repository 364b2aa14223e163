// godwit compare: a quantised model against f32, layer by layer.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <cmath>
#include <fmt/format.h>
#include <memory>
#include <nlohmann/json.hpp>

#include "engine/compare_layers.h"
#include "engine/dequantized.h"
#include "engine/nonfinite.h"
#include "engine/quantization_scheme.h"
#include "runtime/error.h"
#include "tools/cli/commands/commands.h"
#include "tools/cli/image_options.h"
#include "tools/cli/layer_report.h"
#include "tools/cli/model.h"
#include "tools/cli/options.h"
#include "tools/report/console.h"
#include "tools/report/interrupt.h"
#include "tools/report/json.h"
#include "tools/report/text.h"
#include "tools/vision/calibration_images.h"
#include "tools/vision/files.h"
#include "tools/vision/image_input.h"

namespace godwit::tools {
namespace {

struct Options {
  EngineOptions engine;
  ImageOptions images;
  image::PreprocessChoice preprocess;
  std::string model, with, precision = "int8", reference = "f32";
  std::vector<std::string> data;
  std::size_t image_count = 16;
  double threshold = 20;
  bool recursive = false, json = false;
};

// The same model twice where its arithmetic is all that differs.
struct Models {
  engine::Graph reference, other;
};

// A model of real numbers, compared with itself stored in 16 bits.
Models load_twice(const Options& options, engine::Graph model) {
  if (!options.with.empty())
    throw Error(
        fmt::format("--with goes with --precision int8; {} is made of the model itself", options.precision));
  if (engine::is_quantized(model)) {
    throw Error(fmt::format("'{}' is quantised; to compare {} with f32 pass the f32 model", options.model,
                            options.precision));
  }
  return {model, model};
}

Models load(const Options& options) {
  engine::Graph model = engine::in_f32(load_graph(options.model));
  if (options.precision != "int8") return load_twice(options, std::move(model));
  if (options.with.empty()) {
    if (!engine::is_quantized(model)) {
      throw Error(
          fmt::format("'{}' is an f32 model; pass --with Q.onnx, the model that 'godwit quantize' made of "
                      "it (or pass that model, to be compared with itself without rounding; or --precision "
                      "bf16 or f16)",
                      options.model));
    }
    return {with_context([&] { return fmt::format("'{}'", options.model); },
                         [&] { return engine::without_quantization(model); }),
            std::move(model)};
  }
  if (engine::is_quantized(model))
    throw Error(fmt::format("'{}' is quantised; with --with it has to be the f32 model", options.model));
  engine::Graph quantized = engine::in_f32(load_graph(options.with));
  if (!engine::is_quantized(quantized)) {
    throw Error(fmt::format("'{}' has no QuantizeLinear nodes; expected a quantised model", options.with));
  }
  return {std::move(model), std::move(quantized)};
}

// The first layer, in the order of computation, whose ratio is below the threshold; as many as there are
// where none is.
std::size_t first_diverging(const std::vector<engine::Difference>& differences, double threshold) {
  const auto found = std::ranges::find_if(differences, [&](const engine::Difference& difference) {
    return !(difference.sqnr_db() >= threshold);
  });
  return static_cast<std::size_t>(found - differences.begin());
}

// The first layer with numbers that are not finite in either model; as many as there are where none has.
std::size_t first_nonfinite(const std::vector<engine::Difference>& differences) {
  const auto found = std::ranges::find_if_not(differences, &engine::Difference::finite);
  return static_cast<std::size_t>(found - differences.begin());
}

std::string finite_text(double value, int digits, bool fixed) {
  if (!std::isfinite(value)) return "not finite";
  return fixed ? fmt::format("{:.{}f}", value, digits) : fmt::format("{:.{}g}", value, digits);
}

// Names elements that are not finite, their place, and what helps against them.
std::string nonfinite_text(const Options& options, const engine::LayerPair& pair,
                           const engine::Difference& difference) {
  const bool both = difference.nonfinite_reference() > 0;
  const std::string where =
      both ? fmt::format("in {} already", options.reference) : fmt::format("in {}", options.precision);
  const std::size_t count = both ? difference.nonfinite_reference() : difference.nonfinite_other();
  return fmt::format("{} of {} {} not finite {}; {}", counted(count, "element"), one_line(pair.layers),
                     count == 1 ? "is" : "are", where,
                     engine::explain_nonfinite(
                         std::nullopt, *parse_precision(both ? options.reference : options.precision)));
}

void report(const Options& options, const std::vector<engine::LayerPair>& pairs,
            const std::vector<engine::Difference>& differences, const vision::CalibrationReader& reader,
            std::size_t images, bool partial) {
  const std::size_t first = first_diverging(differences, options.threshold);
  if (options.json) {
    Json layers = Json::array();
    for (std::size_t i = 0; i < pairs.size(); ++i) {
      layers.push_back({{"layer", pairs[i].layers},
                        {"op", pairs[i].op},
                        {"sqnr_db", differences[i].sqnr_db()},
                        {"channel_sqnr_db", differences[i].channel_sqnr_db()},
                        {"cosine", differences[i].cosine()},
                        {"largest_error", differences[i].largest()},
                        {"nonfinite", differences[i].nonfinite_other()},
                        {"nonfinite_reference", differences[i].nonfinite_reference()}});
    }
    Json json = {
        {"schema", "godwit.compare/1"},   {"model", options.model},     {"precision", options.precision},
        {"reference", options.reference}, {"images", images},           {"threshold_db", options.threshold},
        {"first_diverging", nullptr},     {"first_nonfinite", nullptr}, {"layers", layers}};
    if (!options.with.empty()) json["with"] = options.with;
    json["warned"] = warned_json(reader);
    if (partial) json["partial"] = true;
    if (first < pairs.size()) json["first_diverging"] = pairs[first].layers;
    if (const std::size_t bad = first_nonfinite(differences); bad < pairs.size())
      json["first_nonfinite"] = pairs[bad].layers;
    add_without(options.engine, json);
    return print_json(json);
  }
  Table table({{"layer", Table::Align::left},
               {"operator", Table::Align::left},
               {"SQNR dB"},
               {"by channel dB"},
               {"cosine"},
               {"largest error"}});
  for (std::size_t i = 0; i < pairs.size(); ++i) {
    table.add({one_line(pairs[i].layers), pairs[i].op, decibels(differences[i].sqnr_db()),
               decibels(differences[i].channel_sqnr_db()), finite_text(differences[i].cosine(), 6, true),
               finite_text(differences[i].largest(), 4, false)});
  }
  const std::string verdict =
      first < pairs.size()
          ? fmt::format("first layer below {} dB: {}", options.threshold, one_line(pairs[first].layers))
          : fmt::format("no layer is below {} dB", options.threshold);
  print(fmt::format("{}\n{}; over {}{}\n", table.to_string(), verdict, counted(images, "image"),
                    partial ? " (partial: interrupted)" : ""));
}

int compare(const Options& options) {
  const Models models = load(options);
  const std::vector<engine::LayerPair> pairs = engine::pair_layers(models.reference, models.other);
  if (pairs.empty()) throw Error("the two models have no layer of the same name");
  const bool by_other = !options.with.empty() && models.other.metadata.contains("godwit.preprocess");
  const image::Pipeline pipeline =
      vision::pipeline_for(by_other ? models.other : models.reference, options.preprocess);
  const vision::CalibrationReader reader = read_calibration_images(
      vision::spread(vision::find_images(options.data, options.recursive), options.image_count), pipeline,
      options.images, options.engine.thread_count());
  engine::CompileOptions compile = options.engine.compile_options();
  compile.precision = engine::Precision::f32;
  Progress progress("images", reader.paths().size());
  std::size_t done = 0;
  engine::CalibrationImages images = reader.images(models.reference, compile, [&] {
    ++done;
    progress.advance();
    if (done < reader.paths().size()) stop_if_interrupted();
  });
  // The images so far are compared all the same.
  images.batches = [batches = images.batches](const auto& each) {
    try {
      batches(each);
    } catch (const Interrupted&) {
    }
  };
  engine::CompileOptions other = reader.images(models.other, compile).compile;
  other.precision = *parse_precision(options.precision);
  const std::vector<engine::Difference> differences =
      engine::compare_layers(models.reference, images, models.other, other, pairs);
  progress.clear();
  const bool partial = done < reader.paths().size();
  report(options, pairs, differences, reader, done, partial);
  const std::size_t bad = first_nonfinite(differences);
  if (bad < pairs.size()) warning(nonfinite_text(options, pairs[bad], differences[bad]));
  if (partial) {
    warning(fmt::format("{} ended the work after {} of {}; the figures are of these alone", interrupt_name(),
                        done, counted(reader.paths().size(), "image")));
    return interrupt_exit_code();
  }
  return reader.failed() == 0 && bad == pairs.size() ? kDone : kFailed;
}

std::function<int()> prepare(CLI::App& app) {
  auto options = std::make_shared<Options>();
  app.add_option(
         "MODEL", options->model,
         "A quantised model, compared with itself without rounding; or, where --with names that or with "
         "--precision bf16 or f16, the f32 model. A model in 16 bits is taken as f32 of the same numbers.")
      ->required();
  app.add_option("--with", options->with, "The quantised model, made of MODEL.")->type_name("Q.onnx");
  app.add_option("--data", options->data, "Images, or folders of them, to compare on.")
      ->required()
      ->type_name("DIR|IMAGE...");
  app.add_option("--images", options->image_count,
                 "Compare on so many of the images, at even distances in sorted order.")
      ->check(in_range(1, 1'000'000))
      ->type_name("N")
      ->default_str("16");
  app.add_flag("--recursive", options->recursive, "Also take the images in folders below --data.");
  app.add_option("--precision", options->precision,
                 "What is compared: int8, a quantised model; bf16 or f16, MODEL itself stored in 16 bits.")
      ->check(one_of({"int8", "bf16", "f16"}))
      ->type_name("P")
      ->default_str("int8");
  app.add_option("--reference", options->reference, "What it is compared with: f32.")
      ->check(one_of({"f32"}))
      ->type_name("P")
      ->default_str("f32");
  app.add_option("--threshold", options->threshold,
                 "The first layer whose signal-to-noise ratio is below so many dB is named.")
      ->check(finite_real())
      ->type_name("DB")
      ->default_str("20");
  add_preprocess_option(app, options->preprocess);
  add_json_option(app, options->json);
  add_image_options(app, options->images);
  add_threads_option(app, options->engine.threads);
  app.add_option("--isa", options->engine.isa, "Instruction set of the kernels, at most.")
      ->type_name("NAME")
      ->group("Engine options");
  add_without_option(app, options->engine);
  return [options] { return compare(*options); };
}

}  // namespace

const Command compare_command = {
    "compare",
    "Measure",
    "a precision against f32, layer by layer",
    "MODEL [--with Q.onnx] --data DIR [options]",
    "Runs the same images through both models and compares every tensor that both have, told by its name. "
    "Layers are told in the model's own names; a Relu or Clip is told with the layer in front of it, and a "
    "rounded result is seen as its readers see it. SQNR is the power of the f32 tensor over the power of the "
    "difference, in decibels (exact: no difference; none: the f32 tensor is 0); by channel is the same from "
    "the mean over channels, which "
    "shows small channels lost beside a large one. Errors add up from layer to layer: 'godwit quantize "
    "--explain' tells what each layer adds by itself. The exit status is 1 where a tensor is not finite in "
    "either model; the first such layer is named.\n\n"
    "The JSON fields are schema, model, with, precision, reference, images, warned (file, warnings of the "
    "decoder), threshold_db, first_diverging, "
    "first_nonfinite (the first layer with NaN or infinities), layers (layer, op, sqnr_db, channel_sqnr_db, "
    "cosine, largest_error, nonfinite, nonfinite_reference: elements that are NaN or infinite); what is not "
    "finite is null. Where a signal ends the work early, partial is true and the figures are of the images "
    "that "
    "were done.",
    "godwit compare q.onnx --data photographs\n"
    "godwit compare models/resnet50.onnx --precision bf16 --data photographs\n"
    "godwit compare models/resnet50.onnx --with q.onnx --precision int8 --reference f32 --data photographs",
    prepare,
    {},
    "--precision --with --preprocess --images --json",
};

}  // namespace godwit::tools
