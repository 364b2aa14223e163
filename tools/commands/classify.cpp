// godwit classify: the likeliest labels of each picture.
#include <fmt/format.h>
#include <memory>

#include "tools/commands/commands.h"
#include "tools/support/files.h"
#include "tools/support/image_model.h"
#include "tools/support/labels.h"

namespace godwit::tools {
namespace {

struct Options {
  ImageModelOptions model_options;
  std::string model;
  std::vector<std::string> images;
  std::string labels;
  std::int64_t label_offset = 0;
  std::size_t top = 5;
  bool recursive = false;
  bool json = false;
};

// Prints or collects one picture after the other.
class Report {
 public:
  Report(const Options& options, std::vector<std::string> labels, std::span<const std::string> paths)
      : options_(options), labels_(std::move(labels)), paths_(paths), progress_("pictures", paths.size()) {}

  void add(const ImageModel::Result& result) {
    const std::string& path = paths_[result.index];
    if (!result.error.empty()) {
      progress_.say(result.error);
      failed_.push_back({{"file", path}, {"error", result.error}});
    } else {
      Json labels = Json::array();
      std::string text = path + "\n";
      for (const std::int64_t index : largest(result.probabilities, options_.top)) {
        const float probability = result.probabilities[static_cast<std::size_t>(index)];
        const std::string label = label_of(labels_, index, options_.label_offset);
        text += fmt::format("  {:.4f}  {}\n", probability, label);
        labels.push_back({{"class", index}, {"label", label}, {"probability", probability}});
      }
      if (!options_.json) {
        progress_.clear();
        print(text);
      }
      images_.push_back({{"file", path}, {"labels", std::move(labels)}});
    }
    progress_.advance();
  }

  void finish(const ImageModel& model, const ImageTimes& times) {
    progress_.clear();
    const auto good = static_cast<double>(images_.size());
    const double rate = times.total > 0 ? good / times.total : 0;
    if (options_.json) {
      print_json({{"schema", "godwit.classify/1"},
                  {"model", options_.model},
                  {"precision", options_.model_options.engine.precision},
                  {"softmax_added", model.adds_softmax()},
                  {"images", std::move(images_)},
                  {"failed", failed_},
                  {"seconds", times.total},
                  {"preprocess_seconds", times.preprocess},
                  {"inference_seconds", times.inference},
                  {"images_per_second", rate}});
      return;
    }
    message(fmt::format(
        "{} pictures in {:.3f} s, {:.1f} images/s: decode and preprocess {:.3f} s, inference {:.3f} s, {} "
        "threads, {}",
        images_.size(), times.total, rate, times.preprocess, times.inference, model.session().threads(),
        name_of(model.plan().target().isa)));
  }

  bool any_failed() const { return !failed_.empty(); }

 private:
  const Options& options_;
  std::vector<std::string> labels_;
  std::span<const std::string> paths_;
  Progress progress_;
  Json images_ = Json::array();
  Json failed_ = Json::array();
};

int classify(const Options& options) {
  const std::vector<std::string> paths = find_images(options.images, options.recursive);
  ImageModel model(options.model, options.model_options);
  std::vector<std::string> labels = find_labels(options.labels, model.metadata());
  if (labels.empty())
    message("the model carries no labels, so classes are numbers; --labels FILE names them");
  if (model.adds_softmax())
    message("the model ends without Softmax; probabilities are softmax of its scores");
  Report report(options, std::move(labels), paths);
  const ImageTimes times = model.run(paths, [&](const ImageModel::Result& result) { report.add(result); });
  report.finish(model, times);
  return report.any_failed() ? kFailed : kDone;
}

std::function<int()> prepare(CLI::App& app) {
  auto options = std::make_shared<Options>();
  add_model_argument(app, options->model);
  app.add_option(
         "IMAGE", options->images,
         "Pictures (JPEG or PNG, told by their content) and folders of them; a folder's files are taken in "
         "sorted order.")
      ->required();
  app.add_option("--top", options->top, "How many labels to print for each picture.")
      ->check(in_range(1, 1'000'000))
      ->type_name("N")
      ->default_str("5");
  app.add_option("--labels", options->labels,
                 "Names of the classes: one a line, a JSON array, or CSV with a column 'name' (and 'class'). "
                 "Default: the model's own (metadata entry godwit.labels).")
      ->type_name("FILE");
  add_label_offset_option(app, options->label_offset);
  add_preprocess_option(app, options->model_options.preprocess);
  app.add_option("--batch", options->model_options.batch, "Pictures that go through the network together.")
      ->check(in_range(1, 4096))
      ->type_name("N")
      ->default_str("1, or what the model fixes");
  app.add_flag("--recursive", options->recursive, "Also take the pictures in folders below the ones named.");
  add_json_option(app, options->json);
  add_engine_options(app, options->model_options.engine);
  return [options] { return classify(*options); };
}

}  // namespace

const Command classify_command = {
    "classify",
    "Use a model",
    "label pictures",
    "MODEL IMAGE|DIR... [options]",
    "Decodes, resizes and crops each picture exactly as Pillow and torchvision do, runs the network, and "
    "prints its likeliest labels with their probabilities (0 to 1). Where the model does not end in "
    "Softmax, it is applied for display and a message says so. A picture that cannot be read is named on "
    "stderr; the others are still labelled, and the exit status is 1.",
    "godwit classify models/resnet50.onnx cat.jpg photographs/ --top 3",
    prepare,
};

}  // namespace godwit::tools
