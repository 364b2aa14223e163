// godwit segment: the class of every pixel of each image.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <fmt/format.h>
#include <memory>
#include <nlohmann/json.hpp>

#include "runtime/error.h"
#include "tools/cli/commands/commands.h"
#include "tools/cli/image_results.h"
#include "tools/cli/interruptible.h"
#include "tools/cli/options.h"
#include "tools/cli/single_image_options.h"
#include "tools/report/console.h"
#include "tools/vision/image_input.h"
#include "tools/vision/image_source.h"
#include "tools/vision/labels.h"
#include "tools/vision/output_image.h"
#include "tools/vision/paint.h"
#include "tools/vision/single_image_model.h"

namespace godwit::tools {
namespace {

struct Options {
  SingleImageArguments common;
  std::string output, map_dir, overlay_dir;
};

// A class and its share of the map's pixels.
struct Share {
  std::int64_t label = 0;
  std::size_t pixels = 0;
};

std::vector<Share> shares_of(const image::PngPixels& map) {
  std::array<std::size_t, 256> counts{};
  for (const std::uint8_t value : map.values) ++counts[value];
  std::vector<Share> shares;
  for (std::size_t i = 0; i < counts.size(); ++i) {
    if (counts[i] > 0) shares.push_back({static_cast<std::int64_t>(i), counts[i]});
  }
  std::ranges::stable_sort(shares, [](const Share& a, const Share& b) { return a.pixels > b.pixels; });
  return shares;
}

// Part of the image that the input's pixels cover, all of the map lying over it.
vision::MapArea area_of(const image::Placement& placement, image::Size input) {
  return {placement.source_x(0), placement.source_y(0), placement.source_x(input.width),
          placement.source_y(input.height)};
}

class Segmenter {
 public:
  explicit Segmenter(const Options& options)
      : options_(options),
        model_(options.common.model, model_options(options)),
        maps_(options.map_dir),
        overlays_(options.overlay_dir) {
    if (!model_.has_pipeline()) vision::find_pipeline(options.common.preprocess, model_.metadata());
    const auto& outputs = model_.plan().outputs();
    labels_ = vision::find_labels(options.common.labels, model_.metadata(), 0, options.common.label_offset);
    if (outputs.empty()) throw Error(fmt::format("'{}' has no outputs", options.common.model));
  }

  void run(const std::string& path, ImageResults& results) {
    const vision::SingleImageModel::Results result = model_.run(path);
    results.spend(result.preprocess, result.inference);
    model_.require_numbers(path, result, std::array{0});
    const vision::OutputImage image =
        with_context([&] { return fmt::format("'{}': output '{}'", path, model_.plan().outputs()[0].name); },
                     [&] { return vision::output_image(result.outputs[0], {vision::OutputKind::classes}); });
    const image::PngPixels& map = image.pixels;
    Json fields = {{"width", map.width}, {"height", map.height}, {"classes", Json::array()}};
    std::string text = path + "\n";
    for (const Share& share : shares_of(map)) {
      const double part = static_cast<double>(share.pixels) / static_cast<double>(map.values.size());
      const std::string label = vision::label_of(labels_, share.label, options_.common.label_offset);
      text += fmt::format("  {:6.2f} %  {}\n", 100 * part, label);
      fields["classes"].push_back(
          {{"class", share.label}, {"label", label}, {"pixels", share.pixels}, {"share", part}});
    }
    if (maps_.wanted()) fields["map"] = maps_.write(path, map);
    if (overlays_.wanted()) {
      image::Image photograph = model_.read(path, result.placement.image);
      vision::draw_classes(photograph, map, area_of(result.placement, model_.size()));
      fields["overlay"] = overlays_.write(path, vision::png_pixels(photograph));
    }
    results.add(path, fields, text, result.warnings);
  }

  const vision::SingleImageModel& model() const { return model_; }

 private:
  static vision::SingleImageOptions model_options(const Options& options) {
    vision::SingleImageOptions model = options.common.options();
    if (!options.output.empty()) model.compile.outputs = {options.output};
    return model;
  }

  const Options& options_;
  vision::SingleImageModel model_;
  PictureFolder maps_, overlays_;
  std::vector<std::string> labels_;
};

int segment(const Options& options) {
  vision::ImageSource source(options.common.images, interruptible_stdin());
  Segmenter segmenter(options);
  const vision::SingleImageModel& model = segmenter.model();
  ImageResults results(options.common.form(), source.total(), options.common.reading.strict);
  Json head = {{"schema", "godwit.segment/1"},
               {"model", options.common.model},
               {"precision", name_of(model.plan().precision())},
               {"output", model.plan().outputs()[0].name}};
  add_without(options.common.engine, head);
  results.begin(head);
  return results.run(source, model.plan(), model.threads(),
                     [&](const std::string& path) { segmenter.run(path, results); });
}

std::function<int()> prepare(CLI::App& app) {
  auto options = std::make_shared<Options>();
  add_model_argument(app, options->common.model);
  add_image_arguments(app, options->common.images);
  app.add_option(
         "--output", options->output,
         "The output with a class, or scores of all classes, for each pixel. Default: the model's first.")
      ->type_name("NAME");
  app.add_option("--map-dir", options->map_dir,
                 "Folder for the maps, NAME.png each: class numbers in the colours of PASCAL VOC, of the "
                 "output's size.")
      ->type_name("DIR");
  app.add_option(
         "--overlay-dir", options->overlay_dir,
         "Folder for the photographs with the colours of their classes over them, NAME.png each; class "
         "0 is left clear.")
      ->type_name("DIR");
  add_single_image_options(app, options->common, "metadata entry godwit.labels", "classes");
  return [options] { return segment(*options); };
}

}  // namespace

const Command segment_command = {
    "segment",
    "Use a model",
    "tell the class of every pixel",
    "MODEL IMAGE|DIR... [options]",
    "Runs a segmentation network on each image and prints the share that each class has of the output's "
    "pixels; class maps and photographs with the classes over them are written on demand. The output holds a "
    "class for each pixel, or scores of all classes, of which the largest counts; at most 256 classes. An "
    "image that cannot be read, and one whose output holds NaN, is named on stderr; the others are done, and "
    "the exit status is 1.\n\n"
    "The JSON fields are schema, model, precision, output, images (file, width and height of the map, "
    "classes "
    "with class, label, pixels, share; with --map-dir map, with --overlay-dir overlay), failed (file, "
    "error), "
    "warned (file, warnings), seconds, preprocess_seconds, inference_seconds; where a signal ends the work, "
    "partial (true).",
    "godwit segment deeplab.onnx street.jpg --preprocess torch --resize 512x512 --overlay-dir seen\n"
    "godwit segment unet.onnx slides/ --labels tissue.txt --map-dir maps --json",
    prepare,
    {},
    "--labels --map-dir --overlay-dir --preprocess --json",
};

}  // namespace godwit::tools
