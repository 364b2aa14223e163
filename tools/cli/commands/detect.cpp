// godwit detect: the objects of each image, and where they are.
#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <memory>
#include <nlohmann/json.hpp>

#include "tools/cli/commands/commands.h"
#include "tools/cli/image_results.h"
#include "tools/cli/interruptible.h"
#include "tools/cli/options.h"
#include "tools/cli/single_image_options.h"
#include "tools/report/console.h"
#include "tools/vision/detector_model.h"
#include "tools/vision/image_source.h"
#include "tools/vision/paint.h"

namespace godwit::tools {
namespace {

struct Options {
  SingleImageArguments common;
  std::string head, output_dir;
  double score = 0.25, overlap = 0.45;
  std::size_t limit = 300;
};

vision::DetectorOptions detector_options(const Options& options) {
  vision::DetectorOptions detector;
  detector.model = options.common.options();
  detector.labels = options.common.labels;
  detector.label_offset = options.common.label_offset;
  detector.head = options.head;
  detector.least = static_cast<float>(options.score);
  detector.overlap = static_cast<float>(options.overlap);
  detector.limit = options.limit;
  return detector;
}

Json boxes_json(const vision::DetectorModel& model, const std::vector<vision::Detection>& boxes) {
  Json list = Json::array();
  for (const vision::Detection& box : boxes) {
    list.push_back({{"class", box.label},
                    {"label", model.label(box.label)},
                    {"score", box.score},
                    {"left", box.left},
                    {"top", box.top},
                    {"right", box.right},
                    {"bottom", box.bottom}});
  }
  return list;
}

std::string boxes_text(const std::string& path, const vision::DetectorModel& model,
                       const std::vector<vision::Detection>& boxes) {
  std::string text = path + "\n";
  for (const vision::Detection& box : boxes) {
    text += fmt::format("  {:.4f}  {}  {:.1f},{:.1f} to {:.1f},{:.1f}\n", box.score, model.label(box.label),
                        box.left, box.top, box.right, box.bottom);
  }
  return boxes.empty() ? text + "  nothing found\n" : text;
}

// The photograph with its boxes, as a file of the folder.
std::string draw(const std::string& path, const vision::DetectorModel& model, const vision::Detections& found,
                 PictureFolder& folder) {
  std::vector<std::string> captions;
  for (const vision::Detection& box : found.boxes)
    captions.push_back(fmt::format("{} {:.2f}", model.label(box.label), box.score));
  image::Image image = model.model().read(path, found.image);
  vision::draw_boxes(image, found.boxes, captions);
  return folder.write(path, vision::png_pixels(image));
}

int detect(const Options& options) {
  vision::ImageSource source(options.common.images, interruptible_stdin());
  PictureFolder folder(options.output_dir);
  vision::DetectorModel model(options.common.model, detector_options(options));
  message(fmt::format("head {}: {}", model.head().name, model.head().sentence));
  if (model.assumed_pipeline()) {
    message(fmt::format(
        "the model does not say how images are preprocessed, so it is as usual for such heads "
        "({}; {}); --preprocess says otherwise",
        image::size_sentence(model.model().pipeline()), image::value_sentence(model.model().pipeline())));
  }
  if (!model.has_labels())
    message("the model carries no labels, so classes are numbers; --labels FILE names them");
  ImageResults results(options.common.form(), source.total(), options.common.reading.strict);
  Json head = {{"schema", "godwit.detect/1"},
               {"model", options.common.model},
               {"precision", name_of(model.model().plan().precision())},
               {"head", model.head().name},
               {"preprocessing_assumed", model.assumed_pipeline()}};
  add_without(options.common.engine, head);
  results.begin(head);
  return results.run(source, model.model().plan(), model.model().threads(), [&](const std::string& path) {
    const vision::Detections found = model.detect(path);
    results.spend(found.preprocess, found.inference);
    Json fields = {{"width", found.image.width},
                   {"height", found.image.height},
                   {"boxes", boxes_json(model, found.boxes)}};
    if (folder.wanted()) fields["picture"] = draw(path, model, found, folder);
    results.add(path, fields, boxes_text(path, model, found.boxes), found.warnings);
  });
}

std::string head_names() {
  std::string names;
  for (const vision::DetectorHead& head : vision::detector_heads())
    names += (names.empty() ? "" : "|") + std::string(head.name);
  return names;
}

CLI::Validator from_0_to_1() {
  return {[](std::string& text) -> std::string {
            double value = -1;
            if (CLI::detail::lexical_cast(text, value) && value >= 0 && value <= 1) return "";
            return fmt::format("'{}' is not a number from 0 to 1", text);
          },
          ""};
}

std::function<int()> prepare(CLI::App& app) {
  auto options = std::make_shared<Options>();
  add_model_argument(app, options->common.model);
  add_image_arguments(app, options->common.images);
  app.add_option("--score", options->score, "Tell boxes of this score and above.")
      ->check(from_0_to_1())
      ->type_name("S")
      ->default_str("0.25");
  app.add_option("--overlap", options->overlap,
                 "Of two boxes of one class that overlap by more than this (intersection over union) the "
                 "better one is told; models that thin out themselves are left as they are.")
      ->check(from_0_to_1())
      ->type_name("IOU")
      ->default_str("0.45");
  app.add_option("--limit", options->limit, "Tell so many boxes of an image at most, the best.")
      ->check(in_range(1, 100'000))
      ->type_name("N")
      ->default_str("300");
  std::vector<std::string> heads;
  for (const vision::DetectorHead& head : vision::detector_heads()) heads.emplace_back(head.name);
  app.add_option(
         "--head", options->head,
         "The form of the model's outputs, where several would do. Default: as shapes and names tell.")
      ->check(one_of(std::move(heads)))
      ->type_name(head_names());
  app.add_option("--output-dir", options->output_dir,
                 "Folder for the photographs with their boxes, NAME.png each; made if it is not there.")
      ->type_name("DIR");
  add_single_image_options(app, options->common, "metadata entries godwit.labels, names", "boxes");
  return [options] { return detect(*options); };
}

}  // namespace

const Command detect_command = {
    "detect",
    "Use a model",
    "find objects in images",
    "MODEL IMAGE|DIR... [options]",
    "Runs a detector on each image and prints its boxes: score (0 to 1), label, and the corners left,top and "
    "right,bottom in pixels of the image itself. What the model's outputs mean is recognised from their "
    "shapes and names: YOLOv5, YOLOv8 and its kin (with masks, whose boxes are read), YOLOv10, YOLOX, SSD, "
    "DETR, RetinaFace, and lists of TensorFlow's and torchvision's exports; a message says which. Boxes of "
    "one class that overlap are thinned out where the model does not do so itself. Where neither the model "
    "nor --preprocess says how images are preprocessed, the way that is usual for the head is taken, and "
    "told. An image that cannot be read, and one whose outputs hold NaN, is named on stderr; the others are "
    "done, and the exit status is 1.\n\n"
    "The JSON fields are schema, model, precision, head, preprocessing_assumed, images (file, width, height, "
    "boxes with class, label, score, left, top, right, bottom; with --output-dir picture), failed (file, "
    "error), warned (file, warnings), seconds, preprocess_seconds, inference_seconds; where a signal ends "
    "the work, partial (true).",
    "godwit detect yolov8n.onnx street.jpg --output-dir found\n"
    "godwit detect yolov5s.onnx photographs/ --score 0.5 --json\n"
    "godwit detect faces.onnx group.jpg --head ssd --resize 480x640",
    prepare,
    {},
    "--score --labels --output-dir --preprocess --json",
};

}  // namespace godwit::tools
