// godwit classify: the likeliest labels of each image.
#include <CLI/CLI.hpp>
#include <exception>
#include <fmt/format.h>
#include <memory>
#include <nlohmann/json.hpp>

#include "tools/bench/energy_account.h"
#include "tools/bench/energy_options.h"
#include "tools/cli/commands/commands.h"
#include "tools/cli/energy_options.h"
#include "tools/cli/image_options.h"
#include "tools/cli/interruptible.h"
#include "tools/cli/options.h"
#include "tools/report/console.h"
#include "tools/report/interrupt.h"
#include "tools/report/json.h"
#include "tools/report/text.h"
#include "tools/vision/failure_text.h"
#include "tools/vision/fast_difference.h"
#include "tools/vision/image_model.h"
#include "tools/vision/image_source.h"
#include "tools/vision/labels.h"

namespace godwit::tools {
namespace {

struct Options {
  ImageModelArguments model_options;
  std::string model;
  vision::ImageArguments images;
  std::string labels;
  std::int64_t label_offset = 0;
  std::size_t top = 5;
  EnergyOptions energy;
  EstimateOptions estimate;
  bool json = false, json_lines = false;
};

// Prints one image after the other: as text, as the elements of the one JSON object, or as objects of their
// own. Keeps none of them.
class Report {
 public:
  Report(const Options& options, std::vector<std::string> labels, std::size_t total)
      : options_(options),
        labels_(std::move(labels)),
        progress_("images", total),
        log_(progress_, options.model_options.images.strict) {}

  // Before the first image: the numbers are probabilities or scores.
  void set_scores(const vision::ScoreFacts& facts) {
    number_ = facts.probabilities ? "probability" : "score";
  }

  void add(const vision::ImageModel::Result& result) {
    if (!log_.good(result.path, result.error, result.warnings)) {
      add_failure({{"file", result.path}, {"error", result.error}});
      nonfinite_ += result.nonfinite ? 1 : 0;
    } else {
      if (!result.warnings.empty() && !options_.json_lines) {
        warnings_.push_back({{"file", result.path}, {"warnings", result.warnings}});
      }
      Json labels = Json::array();
      std::string text = result.path + "\n";
      for (const std::int64_t index : vision::largest(result.probabilities, options_.top)) {
        const float probability = result.probabilities[static_cast<std::size_t>(index)];
        const std::string label = vision::label_of(labels_, index, options_.label_offset);
        text += fmt::format("  {:.4f}  {}\n", probability, label);
        if (options_.json || options_.json_lines) {
          labels.push_back({{"class", index}, {"label", label}, {number_, probability}});
        }
      }
      progress_.clear();
      if (options_.json) {
        print((images_ > 0 ? "," : "") + json_text({{"file", result.path}, {"labels", std::move(labels)}}));
      } else if (options_.json_lines) {
        Json line = {{"file", result.path}, {"labels", std::move(labels)}};
        if (!result.warnings.empty()) line["warnings"] = result.warnings;
        print_json(line);
      } else {
        print(text);
      }
      ++images_;
    }
    progress_.advance();
  }

  // The object up to the list of images, and what follows it.
  void begin_json(const vision::ImageModel& model) {
    Json json = {{"schema", "godwit.classify/1"},
                 {"model", options_.model},
                 {"precision", name_of(model.plan().precision())}};
    add_score_facts(model.scores(), json);
    add_without(options_.model_options.engine, json);
    json["images"] = Json::array();
    const std::string head = json_text(json);
    print(head.substr(0, head.size() - 2));  // without the closing ]}
  }
  void end_json(const vision::ImageTimes& times, const EnergyAccount& energy, const RunFacts& facts,
                bool partial) {
    Json json = {{"failed", failed_},
                 {"nonfinite", nonfinite_},
                 {"warned", warnings_},
                 {"seconds", times.total},
                 {"preprocess_seconds", times.preprocess},
                 {"inference_seconds", times.inference},
                 {"images_per_second", rate(times)}};
    energy.add_json(facts, json);
    if (partial) json["partial"] = true;
    close_json(json);
  }
  // Makes a whole object of what has been printed when an error ends the work, and tells so.
  void end_json_early(const std::string& error) {
    progress_.clear();
    close_json({{"failed", failed_}, {"warned", warnings_}, {"error", one_line(error)}});
  }

  void finish(const vision::ImageModel& model, const vision::ImageTimes& times, const EnergyAccount& energy,
              const RunFacts& facts, bool partial) {
    progress_.clear();
    if (options_.json) return end_json(times, energy, facts, partial);
    options_.json_lines ? print_aside(energy.text(facts)) : print(energy.text(facts));
    message(
        fmt::format("{} in {:.3f} s, {:.1f} images/s: decode and preprocess {:.3f} s, inference "
                    "{:.3f} s (summed over "
                    "{}), {}",
                    counted(images_, "image"), times.total, rate(times), times.preprocess, times.inference,
                    counted(model.threads(), "thread"), name_of(model.plan().target().isa)));
    const std::size_t unreadable = log_.failed() - nonfinite_;
    if (unreadable > 0) message(fmt::format("{} could not be read", counted(unreadable, "image")));
    if (nonfinite_ > 0) warning(fmt::format("the scores of {} are not finite", counted(nonfinite_, "image")));
  }

  bool any_failed() const { return log_.failed() > 0; }
  std::size_t images() const { return images_; }

 private:
  void add_failure(const Json& failure) {
    if (options_.json_lines) return print_json(failure);
    failed_.push_back(failure);
  }
  void close_json(const Json& tail) { print("]," + json_text(tail).substr(1) + "\n"); }

  double rate(const vision::ImageTimes& times) const {
    return times.total > 0 ? static_cast<double>(images_) / times.total : 0;
  }

  const Options& options_;
  std::vector<std::string> labels_;
  Progress progress_;
  ImageLog log_;
  const char* number_ = "probability";
  std::size_t images_ = 0, nonfinite_ = 0;
  Json failed_ = Json::array(), warnings_ = Json::array();
};

// Tells the difference for the first images, before the others are labelled.
void tell_fast_difference(const vision::ImageArguments& images, const vision::ImageModel& model,
                          const ImageOptions& options) {
  constexpr std::size_t kImages = 16;
  const vision::ImageSource source(images, interruptible_stdin());
  if (source.total() == 0) {
    message("--decode fast changes pixels; by how much is not told for paths from stdin");
    return;
  }
  message("--decode fast: " + vision::compare_fast(source.paths(), kImages, model.pipeline(),
                                                   options.preprocess_options(), stop_if_interrupted)
                                  .to_string());
}

int classify(const Options& options) {
  EnergyAccount energy(options.energy, fmt::format("classify {} IMAGE", options.model));
  vision::ImageSource source(options.images, interruptible_stdin());
  vision::ImageModel model(options.model, options.model_options.options(options.model));
  std::vector<std::string> labels =
      vision::find_labels(options.labels, model.metadata(), model.classes(), options.label_offset);
  if (labels.empty())
    message("the model carries no labels, so classes are numbers; --labels FILE names them");
  const bool applies = model.scores().applied != vision::ScoreFunction::none;
  if (applies) message(model.scores().to_string());
  if (options.model_options.images.fast()) {
    tell_fast_difference(options.images, model, options.model_options.images);
  }
  Report report(options, std::move(labels), source.total());
  report.set_scores(model.scores());
  if (options.json) report.begin_json(model);
  RunFacts facts{options.model, &model.plan(), model.batch(), model.threads()};
  vision::ImageTimes times;
  InterruptibleSource images(source);
  const auto take = [&](std::string& path) { return images.next(path); };
  const auto job = [&](const std::function<void()>& done) {
    times = model.run(take, source.total(), [&](const vision::ImageModel::Result& result) {
      report.add(result);
      if (!result.error.empty()) return;
      done();
      if (energy.asked()) facts.latency_ms.push_back(result.seconds * 1e3);
    });
  };
  try {
    energy.run_job({job, random_load(model.shared_plan(), model.threads())}, model.threads());
  } catch (const std::exception& error) {
    if (options.json) report.end_json_early(vision::failure_text(error));
    throw;
  }
  energy.estimate(options.estimate);
  const bool partial = images.cut_short() || energy.cut_short();
  if (!partial) energy.write_ledger(facts);
  report.finish(model, times, energy, facts, partial);
  if (!applies) message(model.scores().to_string());
  images.tell(report.images());
  tell_resemblance(model);
  if (partial) return interrupt_exit_code();
  return report.any_failed() ? kFailed : kDone;
}

std::function<int()> prepare(CLI::App& app) {
  auto options = std::make_shared<Options>();
  add_model_argument(app, options->model);
  add_image_arguments(app, options->images);
  app.add_option("--top", options->top, "How many labels to print for each image.")
      ->check(in_range(1, 1'000'000))
      ->type_name("N")
      ->default_str("5");
  app.add_option("--labels", options->labels,
                 "Names of all classes: one a line, JSON, or a table with a column 'name' (and 'class'). "
                 "Default: the model's own (metadata entry godwit.labels).")
      ->type_name("FILE");
  add_label_offset_option(app, options->label_offset);
  add_scores_option(app, options->model_options.scores);
  add_preprocess_option(app, options->model_options.preprocess);
  add_scores_output_option(app, options->model_options.output);
  app.add_option("--batch", options->model_options.batch, "Images that go through the network together.")
      ->check(in_range(1, 4096))
      ->type_name("N")
      ->default_str("1, or what the model fixes");
  add_json_option(app, options->json);
  add_json_lines_option(app, options->json_lines,
                        "one for each image as soon as it is labelled (file, labels, or file, error)");
  add_image_options(app, options->model_options.images);
  add_energy_options(app, options->energy, EnergyUse::job);
  add_estimate_options(app, options->estimate);
  add_engine_options(app, options->model_options.engine);
  add_plan_options(app, options->model_options.engine);
  return [options] { return classify(*options); };
}

}  // namespace

const Command classify_command = {
    "classify",
    "Use a model",
    "label images",
    "MODEL IMAGE|DIR... [options]",
    "Decodes, resizes and crops each image exactly as Pillow and torchvision do, runs the network, and "
    "prints its likeliest labels with their probabilities (0 to 1). Softmax is applied where the model ends "
    "in "
    "neither Softmax nor Sigmoid, exp where it ends in LogSoftmax; a message says what was found, and "
    "--scores "
    "decides. An image that cannot be read, and one whose scores are NaN or infinite, is named on stderr "
    "(the "
    "latter with the first layer that made such numbers); the others are still labelled, and the exit status "
    "is "
    "1. What a decoder had to mend, or gives otherwise than it is stored, is named likewise and labelled. "
    "Images are decoded while others go "
    "through the network, each core doing what "
    "is "
    "due; however many there are, no more than a few batches are in memory.\n\n"
    "The JSON fields are schema, model, precision, softmax_added, scores (what the numbers are: softmax, "
    "sigmoid, raw), applied (to what the model gives: none, softmax, sigmoid, exp), last_layer, images "
    "(file, "
    "labels with class, label and probability, or score where it is none), failed (file, error), nonfinite "
    "(how "
    "many of them were read), warned (file, warnings), seconds, preprocess_seconds and inference_seconds "
    "(both summed over "
    "threads) and images_per_second; with --energy also energy (its measured_j is null where nothing was "
    "measured). Where --strict or an error ends the work early, the object is closed with failed, warned and "
    "error; where a signal does, it has partial (true) behind the images that were done.\n\n"
    "--energy measures the job from the first image on, cold caches and all, between two stretches of idle "
    "power; loading the model lies before it. A job of less than 10 s is told as suspect.",
    "godwit classify models/resnet50.onnx cat.jpg photographs/ --top 3\n"
    "godwit classify models/resnet50.onnx photographs/ --plan resnet50.plan\n"
    "godwit classify models/resnet50.onnx photographs/ --energy --ledger runs.jsonl\n"
    "find /data -name '*.jpg' | godwit classify models/resnet50.onnx - --batch 8 --json",
    prepare,
    {},
    "--labels --preprocess --top --batch --json",
};

}  // namespace godwit::tools
