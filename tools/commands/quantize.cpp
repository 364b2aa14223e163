// godwit quantize: an f32 model becomes a QDQ model in 8 bits.
#include "engine/quantize.h"

#include <filesystem>
#include <fmt/format.h>
#include <memory>

#include "engine/correct_bias.h"
#include "importers/importer.h"
#include "runtime/error.h"
#include "tools/commands/commands.h"
#include "tools/support/calibration_pictures.h"
#include "tools/support/files.h"
#include "tools/support/image_model.h"

namespace godwit::tools {
namespace {

struct Options {
  EngineOptions engine;
  ImageOptions images;
  std::string model, output, preprocess, method = "mse";
  std::vector<std::string> calibration, keep;
  double percentile = 99.99;
  std::size_t pictures = 0;
  bool json = false;
  bool no_correction = false;
};

int quantize(const Options& options) {
  const engine::Graph graph = importers::load(options.model);
  const image::Pipeline pipeline = find_pipeline(options.preprocess, graph.metadata);
  const engine::CompileOptions compile = options.engine.compile_options();
  const engine::Graph prepared = engine::prepare_for_quantization(graph, compile.target);
  const engine::QuantizationScheme scheme = engine::plan_quantization(prepared, options.keep);
  std::vector<std::string> paths = find_images(options.calibration, false);
  if (options.pictures > 0) paths = spread(paths, options.pictures);
  const CalibrationPictures pictures(paths, pipeline, options.images, options.engine.thread_count());
  Progress progress("pictures", pictures.paths().size() * 3);
  const engine::CalibrationMethod method{engine::clip_method(options.method), options.percentile};
  engine::Quantization quantization;
  quantization.activations =
      engine::calibrate(prepared, scheme.scales(), pictures.images(prepared, compile, &progress), method);
  if (!options.no_correction) {
    quantization.bias_shifts =
        engine::correct_bias(prepared, scheme, quantization, pictures.images(prepared, compile, &progress));
  }
  progress.clear();
  engine::Graph quantized = engine::quantize(prepared, scheme, quantization);
  importers::save_onnx(quantized, options.output);
  return kDone;
}

std::function<int()> prepare(CLI::App& app) {
  auto options = std::make_shared<Options>();
  add_model_argument(app, options->model);
  app.add_option("--calibration", options->calibration, "x")->required();
  app.add_option("--output", options->output, "x")->required();
  app.add_option("--method", options->method, "x");
  app.add_option("--percentile", options->percentile, "x");
  app.add_option("--images", options->pictures, "x");
  add_list_option(app, "--keep", options->keep, "x");
  app.add_flag("--no-bias-correction", options->no_correction, "x");
  add_preprocess_option(app, options->preprocess);
  add_image_options(app, options->images);
  add_engine_options(app, options->engine, true, false);
  return [options] { return quantize(*options); };
}

}  // namespace

const Command quantize_command = {
    "quantize",
    "Use a model",
    "turn an f32 model into an 8-bit one",
    "MODEL --calibration DIR --output Q.onnx [options]",
    "x",
    "godwit quantize models/resnet50.onnx --calibration photographs --output q.onnx",
    prepare,
};

}  // namespace godwit::tools
