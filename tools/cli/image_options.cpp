// Options of every command that reads images.
#include "tools/cli/image_options.h"

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "tools/cli/tuning.h"
#include "tools/report/console.h"
#include "tools/report/interrupt.h"

namespace godwit::tools {
namespace {

constexpr const char* kGroup = "Image options";
constexpr std::int64_t kMaxPixels = 1'000'000'000;

}  // namespace

image::PreprocessOptions ImageOptions::preprocess_options(const std::string& isa) const {
  image::PreprocessOptions options;
  options.limits = limits;
  options.exif = exif;
  options.fast = fast();
  if (!isa.empty()) options.isa = require_isa(isa);
  return options;
}

void add_image_options(CLI::App& app, ImageOptions& options) {
  app.add_option(
         "--decode", options.decode,
         "exact: Pillow's pixels. fast: JPEGs are decoded at 1/2, 1/4 or 1/8 of their size where that is "
         "still large enough, which changes pixels; by how much is printed.")
      ->check(one_of({"exact", "fast"}))
      ->type_name("exact|fast")
      ->default_str("exact")
      ->group(kGroup);
  app.add_flag("--exif", options.exif,
               "Turn images upright as their EXIF metadata say. Networks are trained without, as torchvision "
               "does not do it.")
      ->group(kGroup);
  app.add_flag(
         "--strict", options.strict,
         "Stop at the first image that is bad or that the decoder had to mend, instead of naming it and "
         "going on.")
      ->group(kGroup);
  app.add_option("--max-pixels", options.limits.max_pixels, "Refuse images of more pixels.")
      ->check(in_range(1, kMaxPixels))
      ->type_name("N")
      ->default_str("100000000")
      ->group(kGroup);
  app.add_option("--max-scans", options.limits.max_scans, "Refuse progressive JPEGs of more scans.")
      ->check(in_range(1, 1'000'000))
      ->type_name("N")
      ->default_str("100")
      ->group(kGroup);
  app.add_option("--max-file-bytes", options.limits.max_file_bytes, "Refuse files of more bytes.")
      ->check(in_range(1, std::int64_t{1} << 40))
      ->type_name("N")
      ->default_str("536870912")
      ->group(kGroup);
}

void add_image_arguments(CLI::App& app, vision::ImageArguments& arguments) {
  app.add_option(
      "IMAGE", arguments.images,
      "Images (JPEG or PNG, told by their content) and folders of them; a folder's files are taken in "
      "sorted order. - takes paths from stdin, one a line, as they arrive.");
  app.add_option("--list", arguments.list,
                 "CSV with a header line and a column 'file': images, relative to the folder of the CSV.")
      ->type_name("FILE.csv");
  app.add_flag("--recursive", arguments.recursive, "Also take the images in folders below the ones named.");
}

void add_scores_option(CLI::App& app, std::string& scores) {
  app.add_option(
         "--scores", scores,
         "The meaning of the printed numbers: softmax, probabilities that sum to 1; sigmoid, those of "
         "each class by itself (images with several labels); raw, what the model gives. A function that "
         "the model ends in is not applied again. Default: by the model's last layer, seen through what "
         "only moves or re-encodes its scores; a message says what was found.")
      ->check(CLI::IsMember({"softmax", "sigmoid", "raw"}))
      ->type_name("softmax|sigmoid|raw");
}

void add_score_facts(const vision::ScoreFacts& facts, Json& json) {
  json["softmax_added"] = facts.applied == vision::ScoreFunction::softmax;
  json["scores"] = name_of(facts.are);
  json["applied"] = name_of(facts.applied);
  json["last_layer"] = facts.last_layer;
}

void tell_resemblance(const vision::ImageModel& model) {
  if (!model.resembled_probabilities()) return;
  warning(
      fmt::format("softmax was applied to the scores of {}, but they are from 0 to 1 and sum to 1 as "
                  "probabilities do: --scores raw takes them as they are",
                  model.scores().last_layer));
}

vision::ImageModelOptions ImageModelArguments::options(const std::string& path) const {
  vision::ImageModelOptions result{
      .compile = engine.compile_options(),
      .reading = images.preprocess_options(engine.isa),
      .preprocess = preprocess,
      .threads = engine.threads,
      .batch = batch,
      .default_batch = default_batch,
      .scores = vision::parse_scores(scores).value_or(vision::Scores::automatic)};
  if (path.empty()) return result;
  result.make_plan = [engine = engine, path](const engine::Graph& graph,
                                             const engine::CompileOptions& options) {
    return compile_model(graph, path, engine, options);
  };
  return result;
}

vision::CalibrationReader read_calibration_images(std::vector<std::string> paths,
                                                  const image::Pipeline& pipeline,
                                                  const ImageOptions& reading, int threads) {
  Progress progress("images read", paths.size());
  ImageLog log(progress, reading.strict);
  return {std::move(paths), pipeline, reading.preprocess_options(), threads,
          [&](const std::string& path, const std::string& error) {
            log.good(path, error, {});
            progress.advance();
            stop_if_interrupted();
          }};
}

}  // namespace godwit::tools
