// Options of every command that reads images.
#include "tools/cli/image_options.h"

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include "runtime/error.h"
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
  if (!depth.empty()) options.depth = image::parse_depth(depth);
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
  app.add_option(
         "--depth", options.depth,
         "How samples of 16 bits become 0 to 255. pillow: gray is cut off at 255, others keep their high "
         "byte. scale: by the smallest number of bits that holds the image's largest sample. 8 to 16: by "
         "so many bits. Default: what the preprocessing says, else pillow.")
      ->check(CLI::Validator(
          [](std::string& text) -> std::string {
            if (image::parse_depth(text)) return "";
            return fmt::format("'{}' is not pillow, scale or a number of bits from {} to {}", text,
                               image::kLeastDepth, image::kLargestDepth);
          },
          ""))
      ->type_name("pillow|scale|BITS")
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
                 "Table with a header line and a column 'file': images, relative to the folder of the table.")
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
      ->check(one_of({"softmax", "sigmoid", "raw"}))
      ->type_name("softmax|sigmoid|raw");
}

void add_scores_output_option(CLI::App& app, std::string& output) {
  app.add_option("--output", output,
                 "The output, or any other tensor of the model, that holds one row of scores for each image. "
                 "Default: the model's first output.")
      ->type_name("NAME");
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

CLI::Option* add_example_options(CLI::App& app, vision::ExampleArguments& arguments) {
  CLI::Option* data = app.add_option("--data", arguments.data,
                                     "Folder that the file names in the CSV are relative to; without "
                                     "--labels, a folder of folders, one for each class (ImageNet, "
                                     "Imagenette). Hidden files and folders do not count.")
                          ->type_name("DIR");
  app.add_option(
         "--labels", arguments.labels,
         "Table with a header line and the columns 'file' and 'class' (others are ignored), separated "
         "by comma, semicolon or tab; fields may be quoted. Default: the folders in --data are the "
         "classes, as many as the model has, numbered as they sort.")
      ->type_name("FILE.csv");
  app.add_option(
         "--classes", arguments.classes,
         "Names of the folders in the order of all the model's classes, in any form of labels (one a line); "
         "--data may have some of them. Default: class 0 is the first folder, and so on.")
      ->type_name("FILE");
  app.add_option("--class-order", arguments.class_order,
                 "text: class 0 is the first folder as text sorts (torchvision), of a model that may have "
                 "more classes. number: a folder's name is its class. Needed where these differ.")
      ->check(one_of({"text", "number"}))
      ->type_name("text|number");
  return data;
}

void check_example_options(const vision::ExampleArguments& arguments) {
  if (!arguments.labels.empty() && !arguments.classes.empty())
    throw Error("--labels FILE.csv names classes already; --classes goes with folders of classes");
  if (!arguments.class_order.empty() && !(arguments.labels.empty() && arguments.classes.empty()))
    throw Error("--class-order goes with folders of classes alone; --labels and --classes say the order");
}

void tell_hidden_folders(const vision::Examples& examples) {
  if (examples.hidden.empty()) return;
  message(fmt::format("hidden folders are passed over: {}", fmt::join(examples.hidden, ", ")));
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
  if (!output.empty()) result.compile.outputs = {output};
  if (path.empty()) return result;
  result.make_plan = [engine = engine, path](const engine::Graph& graph,
                                             const engine::CompileOptions& options) {
    return compile_model(graph, path, engine, options);
  };
  return result;
}

Json warned_json(const vision::CalibrationReader& reader) {
  Json list = Json::array();
  for (const auto& [path, warnings] : reader.warned())
    list.push_back({{"file", path}, {"warnings", warnings}});
  return list;
}

vision::CalibrationReader read_calibration_images(std::vector<std::string> paths,
                                                  const image::Pipeline& pipeline,
                                                  const ImageOptions& reading, int threads) {
  Progress progress("images read", paths.size());
  ImageLog log(progress, reading.strict);
  vision::CalibrationReader reader(std::move(paths), pipeline, reading.preprocess_options(), threads,
                                   [&](const std::string& path, const std::string& error) {
                                     log.good(path, error, {});
                                     progress.advance();
                                     stop_if_interrupted();
                                   });
  for (const auto& [path, warnings] : reader.warned()) log.good(path, "", warnings);
  return reader;
}

}  // namespace godwit::tools
