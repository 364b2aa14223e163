// godwit quantize: an f32 model becomes a QDQ model in 8 bits.

#include "engine/quantize.h"

#include <CLI/CLI.hpp>
#include <array>
#include <cmath>
#include <filesystem>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>

#include "engine/correct_bias.h"
#include "engine/layer_noise.h"
#include "importers/importer.h"
#include "runtime/error.h"
#include "runtime/stopwatch.h"
#include "tools/cli/calibration_facts.h"
#include "tools/cli/commands/commands.h"
#include "tools/cli/image_options.h"
#include "tools/cli/keep_layers.h"
#include "tools/cli/layer_report.h"
#include "tools/cli/model.h"
#include "tools/cli/options.h"
#include "tools/cli/output_files.h"
#include "tools/report/console.h"
#include "tools/report/interrupt.h"
#include "tools/report/json.h"
#include "tools/report/text.h"
#include "tools/vision/calibration_images.h"
#include "tools/vision/examples.h"
#include "tools/vision/files.h"
#include "tools/vision/image_input.h"
#include "tools/vision/image_model.h"
#include "tools/vision/image_source.h"
#include "tools/vision/labels.h"

namespace godwit::tools {
namespace {

// Layers are ranked on no more images than this: each layer goes through the network once for each of them.
constexpr std::size_t kExplainImages = 16;
constexpr std::int64_t kAccuracyBatch = 8;

struct Options {
  EngineOptions engine;
  ImageOptions images;
  std::string model, output, method = "mse", scores_output;
  image::PreprocessChoice preprocess;
  std::vector<std::string> calibration, keep;
  double percentile = 99.99;
  std::size_t image_count = 0;
  bool recursive = false, no_bias_correction = false, full_range = false, explain = false, json = false;
  std::optional<double> max_drop;
  vision::ExampleArguments examples;
  std::int64_t label_offset = 0;

  engine::CalibrationMethod calibration_method() const { return {engine::clip_method(method), percentile}; }
};

// A model on its way: what calibration found, and the QDQ graph for any set of nodes kept in f32.
class Quantizer {
 public:
  Quantizer(const Options& options, engine::Graph graph)
      : options_(options),
        graph_(std::move(graph)),
        compile_(options.engine.compile_options()),
        prepared_(engine::prepare_for_quantization(graph_, compile_.target)),
        images_(read_calibration_images(chosen_images(options),
                                        vision::pipeline_for(graph_, options.preprocess), options.images,
                                        options.engine.thread_count())),
        kept_(options.keep.begin(), options.keep.end()) {
    set_preprocessing();
    quantization_.full_range = options.full_range;
  }

  void calibrate() {
    const engine::QuantizationScheme scheme = this->scheme(kept_);
    const engine::CalibrationMethod method = options_.calibration_method();
    const std::size_t runs = (method.clip == engine::ClipMethod::minmax ? 1 : 2) + (corrects() ? 1 : 0);
    Progress progress("images", images_.paths().size() * runs);
    const engine::CalibrationImages images = images_.images(prepared_, compile_, [&] {
      progress.advance();
      stop_if_interrupted();
    });
    quantization_.activations = engine::calibrate(prepared_, scheme.scales(), images, method);
    if (corrects()) {
      quantization_.bias_shifts = engine::correct_bias(prepared_, scheme, quantization_, images);
    }
  }

  engine::QuantizationScheme scheme(const std::set<std::string>& kept) const {
    return engine::plan_quantization(prepared_, {kept.begin(), kept.end()});
  }

  // Rounded tensors may differ with what is kept; scales not known yet are found now.
  engine::Graph quantized(const std::set<std::string>& kept) {
    const engine::QuantizationScheme scheme = this->scheme(kept);
    std::vector<engine::ValueId> missing;
    for (const engine::ValueId id : scheme.scales()) {
      if (!quantization_.activations.contains(id)) missing.push_back(id);
    }
    if (!missing.empty()) {
      quantization_.activations.merge(
          engine::calibrate(prepared_, missing, images_.images(prepared_, compile_, stop_if_interrupted),
                            options_.calibration_method()));
    }
    engine::Graph result = engine::quantize(prepared_, scheme, quantization_);
    const bool has_percentile = options_.calibration_method().clip == engine::ClipMethod::percentile;
    result.metadata["godwit.quantization"] =
        facts_text({.method = options_.method,
                    .percentile = has_percentile ? options_.percentile : 0,
                    .bias_correction = corrects(),
                    .full_range = options_.full_range,
                    .kept = {kept.begin(), kept.end()}},
                   images_);
    return result;
  }

  std::vector<engine::LayerNoise> ranked_layers() {
    const engine::QuantizationScheme scheme = this->scheme(kept_);
    const vision::CalibrationReader few = read_calibration_images(
        vision::spread(images_.paths(), kExplainImages), vision::pipeline_for(graph_, options_.preprocess),
        options_.images, options_.engine.thread_count());
    Progress progress("layers", engine::layers_to_measure(prepared_, scheme));
    return engine::measure_layers(prepared_, scheme, quantization_,
                                  engine::kept_in_memory(few.images(prepared_, compile_)), [&] {
                                    progress.advance();
                                    stop_if_interrupted();
                                  });
  }

  bool corrects() const { return !options_.no_bias_correction; }
  const engine::Graph& graph() const { return graph_; }
  const engine::Graph& prepared() const { return prepared_; }
  const vision::CalibrationReader& images() const { return images_; }
  const std::set<std::string>& kept() const { return kept_; }
  void set_kept(std::set<std::string> kept) { kept_ = std::move(kept); }

 private:
  static std::vector<std::string> chosen_images(const Options& options) {
    std::vector<std::string> paths = vision::find_images(options.calibration, options.recursive);
    return options.image_count > 0 ? vision::spread(paths, options.image_count) : paths;
  }

  // The scales hold for images made so, and for no others.
  void set_preprocessing() { vision::put_pipeline(options_.preprocess, prepared_.metadata); }

  const Options& options_;
  engine::Graph graph_;
  engine::CompileOptions compile_;
  engine::Graph prepared_;
  vision::CalibrationReader images_;
  std::set<std::string> kept_;
  engine::Quantization quantization_;
};

// Top-1 on images that calibrated nothing.
class AccuracyCheck {
 public:
  AccuracyCheck(const Options& options, const Quantizer& quantizer)
      : options_(options), examples_(vision::read_examples(options.examples)) {
    tell_hidden_folders(examples_);
    left_out_ = vision::leave_out(examples_, quantizer.images().digests());
    if (left_out_ > 0) {
      message(fmt::format("{} of '{}' calibrate{} and {} left out of all accuracy",
                          counted(left_out_, "image"), options.examples.data, left_out_ == 1 ? "s" : "",
                          left_out_ == 1 ? "is" : "are"));
    }
    f32_ = top1(quantizer.graph(), "f32");
  }

  // Top-1 as a fraction of the images that can be read. `name` stands for the model in errors.
  double top1(const engine::Graph& graph, const std::string& name) const {
    ImageModelArguments model_options{.engine = options_.engine,
                                      .images = options_.images,
                                      .preprocess = options_.preprocess,
                                      .default_batch = kAccuracyBatch,
                                      .output = options_.scores_output};
    vision::ImageModel model(graph, fmt::format("{}, {}", options_.model, name), model_options.options(""));
    vision::require_classes(examples_, options_.label_offset, model.classes());
    Progress progress(fmt::format("images for top-1 of {}", name), examples_.paths.size());
    std::int64_t images = 0, right = 0;
    vision::ImageSource source(examples_.paths);
    model.run(source, [&](const vision::ImageModel::Result& result) {
      progress.advance();
      stop_if_interrupted();
      if (result.nonfinite) throw Error(result.error, ErrorKind::failed);
      if (!result.error.empty()) return;
      ++images;
      const std::int64_t wanted = examples_.classes[result.index] + options_.label_offset;
      right += vision::largest(result.probabilities, 1).front() == wanted ? 1 : 0;
    });
    if (images == 0)
      throw Error(fmt::format("no image of '{}' can be read to measure accuracy", examples_.source));
    return static_cast<double>(right) / static_cast<double>(images);
  }

  // In points, as a whole number of millionths, so that 0.5 points of 400 images are exactly 0.5.
  double drop(double quantized) const { return std::round((f32_ - quantized) * 1e8) / 1e6; }
  double f32() const { return f32_; }
  std::size_t images() const { return examples_.paths.size(); }
  std::size_t left_out() const { return left_out_; }

 private:
  const Options& options_;
  vision::Examples examples_;
  std::size_t left_out_ = 0;
  double f32_ = 0;
};

struct Outcome {
  engine::Graph graph;
  std::optional<double> f32_top1, top1;  // measured where examples are given
  std::size_t accuracy_images = 0;
};

Outcome find_model(const Options& options, Quantizer& quantizer,
                   const std::vector<engine::LayerNoise>& layers) {
  if (options.examples.data.empty()) return {quantizer.quantized(quantizer.kept()), {}, {}, 0};
  const AccuracyCheck check(options, quantizer);
  const auto measure = [&](const std::set<std::string>& kept) {
    return check.drop(check.top1(quantizer.quantized(kept), fmt::format("int8 with {} in f32", kept.size())));
  };
  if (options.max_drop) {
    const KeepResult result = keep_layers(
        quantizer.prepared(), quantizer.scheme(quantizer.kept()), layers, quantizer.kept(), *options.max_drop,
        measure, [&](const std::string& layer, double drop) {
          message(fmt::format("'{}' back in f32: top-1 is {:.2f} points below f32's", layer, drop));
        });
    quantizer.set_kept(result.kept);
  }
  Outcome outcome{quantizer.quantized(quantizer.kept()), check.f32(), {}, check.images()};
  outcome.top1 = check.top1(outcome.graph, "int8");
  return outcome;
}

struct Counts {
  std::size_t with_weights = 0, quantized = 0, tensors = 0;
};

Counts count(const Quantizer& quantizer) {
  const engine::QuantizationScheme scheme = quantizer.scheme(quantizer.kept());
  const engine::Graph& graph = quantizer.prepared();
  Counts counts;
  for (std::size_t n = 0; n < graph.nodes.size(); ++n) {
    if (!engine::weight_axis(graph, graph.nodes[n])) continue;
    ++counts.with_weights;
    counts.quantized += scheme.quantized[n] ? 1 : 0;
  }
  for (std::size_t v = 0; v < graph.values.size(); ++v)
    counts.tensors += scheme.rounds(static_cast<engine::ValueId>(v)) ? 1 : 0;
  return counts;
}

void report(const Options& options, const Quantizer& quantizer, const Outcome& outcome,
            const std::vector<engine::LayerNoise>& layers, double seconds) {
  const Counts counts = count(quantizer);
  const std::size_t images = quantizer.images().paths().size();
  const auto bytes = static_cast<std::size_t>(std::filesystem::file_size(options.output));
  if (options.json) {
    Json json = {{"schema", "godwit.quantize/1"},
                 {"model", options.model},
                 {"output", options.output},
                 {"method", options.method},
                 {"bias_correction", quantizer.corrects()},
                 {"full_range", options.full_range},
                 {"images", images},
                 {"images_failed", quantizer.images().failed()},
                 {"warned", warned_json(quantizer.images())},
                 {"model_warnings", quantizer.graph().warnings},
                 {"files", quantizer.images().paths()},
                 {"layers_with_weights", counts.with_weights},
                 {"layers_quantized", counts.quantized},
                 {"tensors_quantized", counts.tensors},
                 {"kept", quantizer.kept()},
                 {"bytes", bytes},
                 {"seconds", seconds}};
    if (outcome.top1) {
      json["accuracy"] = {
          {"images", outcome.accuracy_images}, {"f32_top1", *outcome.f32_top1}, {"top1", *outcome.top1}};
    }
    if (options.explain) json["layers"] = layer_json(layers);
    return print_json(json);
  }
  std::string text;
  if (options.explain) text += layer_table(layers) + "\n";
  text +=
      fmt::format("layers      {} of {} with weights in 8 bits, {} rounded\ncalibrated  on {}, {}{}\n",
                  counts.quantized, counts.with_weights, counted(counts.tensors, "tensor"),
                  counted(images, "image"), options.method, quantizer.corrects() ? ", bias corrected" : "");
  if (!quantizer.kept().empty()) text += fmt::format("in f32      {}\n", fmt::join(quantizer.kept(), ", "));
  if (outcome.top1) {
    text += fmt::format("top-1       {:.4f}, f32 {:.4f}: {:.2f} points less, on {}\n", *outcome.top1,
                        *outcome.f32_top1, 100 * (*outcome.f32_top1 - *outcome.top1),
                        counted(outcome.accuracy_images, "other image"));
  }
  print(text + fmt::format("written     '{}', {}, in {:.1f} s\n", options.output, mib_text(bytes), seconds));
}

int quantize(const Options& options) {
  const Stopwatch watch;
  if (std::filesystem::path(options.output).extension() != ".onnx") {
    throw Error(fmt::format("cannot write '{}': expected a name that ends in .onnx", options.output));
  }
  check_output(options.output, std::array{options.model, options.preprocess.preset_or_file,
                                          options.examples.labels, options.examples.classes});
  engine::Graph graph = load_graph(options.model);
  Quantizer quantizer = with_context([&] { return fmt::format("'{}'", options.model); },
                                     [&] { return Quantizer(options, std::move(graph)); });
  quantizer.calibrate();
  std::vector<engine::LayerNoise> layers;
  if (options.explain || options.max_drop) layers = quantizer.ranked_layers();
  const Outcome outcome = find_model(options, quantizer, layers);
  stop_if_interrupted();
  importers::save_onnx(outcome.graph, options.output);
  report(options, quantizer, outcome, layers, watch.seconds());
  const std::size_t failed = quantizer.images().failed();
  if (failed == 0) return kDone;
  message(
      fmt::format("{} could not be read; the model is calibrated on the others", counted(failed, "image")));
  return kFailed;
}

void check(const Options& options) {
  const bool has_data = !options.examples.data.empty();
  if (options.max_drop && !has_data)
    throw Error("--max-drop needs --data DIR (and --labels FILE.csv) to measure accuracy on");
  if (!has_data && !options.scores_output.empty())
    throw Error("--scores-output names the scores that top-1 on --data DIR is measured by");
  if (!has_data && !(options.examples.labels.empty() && options.examples.classes.empty() &&
                     options.examples.class_order.empty()))
    throw Error("--labels, --classes and --class-order belong to --data DIR");
  check_example_options(options.examples);
}

std::function<int()> prepare(CLI::App& app) {
  auto options = std::make_shared<Options>();
  const auto between = [](double low, double high) {
    return CLI::Validator(
        [low, high](std::string& text) -> std::string {
          double value = 0;
          if (CLI::detail::lexical_cast(text, value) && value >= low && value <= high) return "";
          return fmt::format("'{}' is not a number from {} to {}", text, low, high);
        },
        "");
  };
  add_model_argument(app, options->model);
  app.add_option("--calibration", options->calibration,
                 "Images, or folders of them, whose activations set the scales. Labels are not needed.")
      ->required()
      ->type_name("DIR|IMAGE...");
  app.add_option("--output", options->output, "The QDQ model to write; it appears only when it is complete.")
      ->required()
      ->type_name("Q.onnx");
  app.add_option("--images", options->image_count,
                 "Calibrate on so many of the images, at even distances in sorted order. Default: all.")
      ->check(in_range(1, 1'000'000))
      ->type_name("N");
  app.add_flag("--recursive", options->recursive, "Also take the images in folders below --calibration.");
  app.add_option("--method", options->method,
                 "How a tensor's range is chosen. mse: least squared error of rounding. minmax: all values "
                 "seen. percentile: all but the outermost.")
      ->check(one_of({"mse", "minmax", "percentile"}))
      ->type_name("mse|minmax|percentile")
      ->default_str("mse");
  app.add_option("--percentile", options->percentile,
                 "For --method percentile: how many of 100 values lie within the range, at either end.")
      ->check(between(50, 100))
      ->type_name("P")
      ->default_str("99.99");
  app.add_flag("--no-bias-correction", options->no_bias_correction,
               "Leave biases as they are, with the mean error that rounding brings into each channel.");
  app.add_flag(
      "--full-range", options->full_range,
      "Let the weights of each channel take all numbers from -127 to 127. Otherwise no two products that "
      "CPUs without VNNI add up first can exceed 16 bits: steps of weights are up to twice as wide, layers "
      "faster there, and runtimes that saturate such sums are exact.");
  add_list_option(app, "--keep", options->keep, "Leave this node in f32; may be given several times.")
      ->type_name("NODE");
  app.add_flag("--explain", options->explain,
               "Rank the layers by what quantising each alone does to the scores and to its own result.");
  add_example_options(app, options->examples)
      ->description(
          "Labelled images, as for 'godwit accuracy': measure top-1 of both models. Images that calibrate "
          "are "
          "left out, told by their content.");
  app.add_option("--max-drop", options->max_drop,
                 "Put layers back to f32, the worst first, until top-1 on --data is at most so many points "
                 "below f32's.")
      ->check(between(0, 100))
      ->type_name("POINTS");
  app.add_option(
         "--scores-output", options->scores_output,
         "The output, or any other tensor of the model, that holds the scores for top-1. Default: the "
         "model's first output.")
      ->type_name("NAME");
  add_label_offset_option(app, options->label_offset);
  add_preprocess_option(app, options->preprocess);
  add_json_option(app, options->json);
  add_image_options(app, options->images);
  add_threads_option(app, options->engine.threads);
  return [options] {
    check(*options);
    return quantize(*options);
  };
}

}  // namespace

const Command quantize_command = {
    "quantize",
    "Use a model",
    "turn an f32 model into an 8-bit one",
    "MODEL --calibration DIR --output Q.onnx [options]",
    "Folds batch normalisation, runs the calibration images through the network, and writes a standard "
    "ONNX model (opset 13) with QuantizeLinear and DequantizeLinear around every convolution, fully "
    "connected "
    "layer, addition, concatenation and pooling: activations u8 per tensor, weights s8 per output channel, "
    "biases s32. Any ONNX runtime computes it; godwit and others do so in integers. Scores stay f32. The "
    "metadata entry godwit.quantization says how it was calibrated.\n\n"
    "--explain ranks layers, each quantised alone: by the signal-to-noise ratio of the network's scores (in "
    "front of Softmax), then that of the layer's own result, over all its values and as the mean over its "
    "channels. A small number is bad: at 20 dB the noise has a hundredth of the signal's power. A layer that "
    "--max-drop puts back to f32 is followed by those that read its result where that alone does not "
    "help.\n\n"
    "An image that cannot be read is named on stderr and left out, and the exit status is 1. Where a signal "
    "ends "
    "the work early, nothing is written. The JSON "
    "fields "
    "are schema, model, output, method, bias_correction, full_range, images, images_failed, warned (file, "
    "warnings of the decoder), model_warnings (what the model says falsely of itself), files, "
    "layers_with_weights, "
    "layers_quantized, tensors_quantized, kept, bytes, seconds, with --data accuracy (images, f32_top1, "
    "top1) "
    "and with --explain layers.",
    "godwit quantize models/resnet50.onnx --calibration photographs --images 100 --output q.onnx\n"
    "godwit quantize mobilenet.onnx --preprocess tf --calibration photographs --output q.onnx --explain\n"
    "godwit quantize m.onnx --calibration photographs --output q.onnx --data val --labels val.csv --max-drop "
    "0.5",
    prepare,
    {},
    "--preprocess --images --data --max-drop --json",
};

}  // namespace godwit::tools
