// godwit accuracy: how often the model's first and first five labels are right.
#include <CLI/CLI.hpp>
#include <array>
#include <fmt/format.h>
#include <limits>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>

#include "runtime/error.h"
#include "runtime/npy.h"
#include "runtime/output_file.h"
#include "tools/bench/energy_account.h"
#include "tools/bench/energy_options.h"
#include "tools/cli/calibration_facts.h"
#include "tools/cli/commands/commands.h"
#include "tools/cli/energy_options.h"
#include "tools/cli/image_options.h"
#include "tools/cli/interruptible.h"
#include "tools/cli/options.h"
#include "tools/cli/output_files.h"
#include "tools/report/console.h"
#include "tools/report/interrupt.h"
#include "tools/report/json.h"
#include "tools/report/text.h"
#include "tools/vision/csv.h"
#include "tools/vision/examples.h"
#include "tools/vision/fast_difference.h"
#include "tools/vision/image_model.h"
#include "tools/vision/image_source.h"
#include "tools/vision/labels.h"

namespace godwit::tools {
namespace {

constexpr std::size_t kBest = 5;

struct Options {
  ImageModelArguments model_options;
  vision::ExampleArguments examples;
  std::string model, predictions, probabilities;
  std::int64_t label_offset = 0;
  EnergyOptions energy;
  EstimateOptions estimate;
  bool top5 = false;
  bool json = false, json_lines = false;
};

// Counts hits and writes what was asked for, row by row.
class Score {
 public:
  Score(const Options& options, const vision::Examples& examples, std::int64_t classes)
      : options_(options),
        examples_(examples),
        progress_("images", examples.paths.size()),
        log_(progress_, options.model_options.images.strict) {
    if (!options.predictions.empty()) {
      predictions_.emplace(options.predictions);
      write_line(options.top5 ? "file,class,first,second,third,fourth,fifth,probability\n"
                              : "file,class,prediction,probability\n");
    }
    if (!options.probabilities.empty()) {
      probabilities_.emplace(options.probabilities,
                             Shape{static_cast<std::int64_t>(examples.paths.size()), classes});
    }
    unreadable_row_.assign(static_cast<std::size_t>(classes), std::numeric_limits<float>::quiet_NaN());
  }

  void add(const vision::ImageModel::Result& result) {
    const bool good = log_.good(result.path, result.error, result.warnings);
    nonfinite_ += result.nonfinite ? 1 : 0;
    std::vector<std::int64_t> best;
    if (good && !result.warnings.empty())
      warned.push_back({{"file", result.path}, {"warnings", result.warnings}});
    if (good) {
      best = vision::largest(result.probabilities, kBest);
      const std::int64_t wanted = examples_.classes[result.index] + options_.label_offset;
      ++images;
      top1 += best.front() == wanted ? 1 : 0;
      top5 += std::ranges::find(best, wanted) != best.end() ? 1 : 0;
    }
    if (options_.json_lines) print_line(result, best);
    if (predictions_) write_prediction(result, best);
    if (probabilities_) {
      probabilities_->append(good ? result.probabilities : std::span<const float>(unreadable_row_));
    }
    progress_.advance();
  }

  void commit() {
    progress_.clear();
    if (predictions_) predictions_->commit();
    if (probabilities_) probabilities_->finish();
  }

  double share(std::int64_t hits) const {
    return images > 0 ? static_cast<double>(hits) / static_cast<double>(images) : 0;
  }
  // The share, null where there is nothing to take it of.
  Json share_json(std::int64_t hits) const { return images > 0 ? Json(share(hits)) : Json(); }
  std::string share_text(std::int64_t hits) const {
    return images > 0 ? fmt::format("{:.4f}  ({} right)", share(hits), hits) : "unknown: no image counts";
  }
  std::size_t failed() const { return log_.failed(); }
  std::size_t nonfinite() const { return nonfinite_; }

  std::int64_t images = 0, top1 = 0, top5 = 0;
  Json warned = Json::array();  // {file, warnings}

 private:
  void write_prediction(const vision::ImageModel::Result& result, const std::vector<std::int64_t>& best) {
    std::string line = fmt::format("{},{}", vision::csv_field(examples_.files[result.index]),
                                   examples_.classes[result.index]);
    for (std::size_t i = 0; i < (options_.top5 ? kBest : 1); ++i) {
      line += i < best.size() ? fmt::format(",{}", best[i] - options_.label_offset) : ",";
    }
    const bool known = !best.empty();
    line += known ? fmt::format(",{:.6f}\n", result.probabilities[static_cast<std::size_t>(best.front())])
                  : ",\n";
    write_line(line);
  }

  void print_line(const vision::ImageModel::Result& result, const std::vector<std::int64_t>& best) {
    progress_.clear();
    Json line = {{"file", examples_.files[result.index]}, {"class", examples_.classes[result.index]}};
    if (best.empty()) {
      line["error"] = result.error;
    } else {
      line["best"] = Json::array();
      for (const std::int64_t index : best) line["best"].push_back(index - options_.label_offset);
      line["probability"] = result.probabilities[static_cast<std::size_t>(best.front())];
    }
    print_json(line);
  }

  void write_line(std::string_view line) { predictions_->write(line); }

  const Options& options_;
  const vision::Examples& examples_;
  Progress progress_;
  ImageLog log_;
  std::optional<OutputFile> predictions_;
  std::optional<NpyWriter> probabilities_;
  std::vector<float> unreadable_row_;
  std::size_t nonfinite_ = 0;
};

// With --decode fast: the same images decoded exactly, what that changes in their pixels and in the result.
Json compare_with_exact(const Options& options, const vision::Examples& examples, vision::ImageModel& model,
                        const Score& fast) {
  Options exact_options = options;
  exact_options.predictions.clear();
  exact_options.probabilities.clear();
  exact_options.json_lines = false;
  exact_options.model_options.images.decode = "exact";
  const vision::FastDifference pixels =
      vision::compare_fast(examples.paths, examples.paths.size(), model.pipeline(),
                           options.model_options.images.preprocess_options(), stop_if_interrupted);
  model.set_reading(exact_options.model_options.images.preprocess_options(options.model_options.engine.isa));
  Score exact(exact_options, examples, model.classes());
  vision::ImageSource source(examples.paths);
  const vision::ImageTimes times = model.run(source, [&](const vision::ImageModel::Result& result) {
    exact.add(result);
    stop_if_interrupted();
  });
  exact.commit();
  message("--decode fast: " + pixels.to_string());
  message(
      fmt::format("exact decoding: top-1 {:.4f} ({:+.4f} by fast), top-5 {:.4f} ({:+.4f} by fast), {:.2f} s",
                  exact.share(exact.top1), fast.share(fast.top1) - exact.share(exact.top1),
                  exact.share(exact.top5), fast.share(fast.top5) - exact.share(exact.top5), times.total));
  return {{"top1", exact.share(exact.top1)},
          {"top5", exact.share(exact.top5)},
          {"seconds", times.total},
          {"mean_pixel_difference", pixels.mean},
          {"largest_pixel_difference", pixels.largest}};
}

int accuracy(const Options& options) {
  EnergyAccount energy(options.energy,
                       fmt::format("accuracy {} --data {}", options.model, options.examples.data));
  vision::Examples examples = vision::read_examples(options.examples);
  for (const std::string& output : {options.predictions, options.probabilities}) {
    if (output.empty()) continue;
    check_output(output, std::array{options.model, options.examples.labels, options.examples.classes,
                                    options.model_options.preprocess.preset_or_file});
    check_output(output, examples.paths);
  }
  if (!options.predictions.empty() && options.predictions == options.probabilities) {
    throw Error(fmt::format("--predictions and --probabilities both go to '{}'", options.predictions));
  }
  vision::ImageModel model(options.model, options.model_options.options(options.model));
  vision::require_classes(examples, options.label_offset, model.classes());
  tell_hidden_folders(examples);
  const std::size_t left_out = vision::leave_out(examples, calibration_contents(model.metadata()));
  if (left_out > 0) {
    message(fmt::format("{} of the images calibrated this model and are left out", left_out));
  }
  const bool applies = model.scores().applied != vision::ScoreFunction::none;
  if (applies) message(model.scores().to_string());
  Score score(options, examples, model.classes());
  vision::ImageSource source(examples.paths);
  RunFacts facts{options.model, &model.plan(), model.batch(), model.threads()};
  vision::ImageTimes times;
  InterruptibleSource images(source);
  const auto take = [&](std::string& path) { return images.next(path); };
  const auto job = [&](const std::function<void()>& done) {
    times = model.run(take, source.total(), [&](const vision::ImageModel::Result& result) {
      score.add(result);
      if (!result.error.empty()) return;
      done();
      if (energy.asked()) facts.latency_ms.push_back(result.seconds * 1e3);
    });
  };
  energy.run_job({job, random_load(model.shared_plan(), model.threads())}, model.threads());
  bool partial = images.cut_short() || energy.cut_short();
  if (!images.cut_short()) score.commit();
  energy.estimate(options.estimate);
  if (score.images > 0)
    facts.accuracy = energy::Accuracy{100 * score.share(score.top1), 100 * score.share(score.top5),
                                      std::filesystem::path(examples.source).filename().string()};
  if (!partial) energy.write_ledger(facts);

  const double rate = times.total > 0 ? static_cast<double>(score.images) / times.total : 0;
  Json exact;
  try {
    if (!partial && options.model_options.images.fast())
      exact = compare_with_exact(options, examples, model, score);
  } catch (const Interrupted&) {
    partial = true;
  }
  if (options.json) {
    Json json = {{"schema", "godwit.accuracy/1"},
                 {"model", options.model},
                 {"precision", name_of(model.plan().precision())},
                 {"images", score.images},
                 {"top1", score.share_json(score.top1)},
                 {"top5", score.share_json(score.top5)},
                 {"seconds", times.total},
                 {"images_per_second", rate},
                 {"warned", score.warned}};
    add_score_facts(model.scores(), json);
    add_without(options.model_options.engine, json);
    json["failed"] = score.failed();
    json["nonfinite"] = score.nonfinite();
    energy.add_json(facts, json);
    if (left_out > 0) json["calibration_images_left_out"] = left_out;
    if (!exact.is_null()) json["exact_decoding"] = std::move(exact);
    if (partial) json["partial"] = true;
    print_json(json);
  } else {
    const std::string text =
        fmt::format(
            "images  {}{}\ntop-1   {}\ntop-5   {}\n"
            "time    {:.2f} s, {:.1f} images/s: decode and preprocess {:.2f} s, inference {:.2f} s, "
            "summed over {}\n",
            score.images,
            images.cut_short() ? fmt::format(" of {} (partial: interrupted)", source.total()) : "",
            score.share_text(score.top1), score.share_text(score.top5), times.total, rate, times.preprocess,
            times.inference, counted(model.threads(), "thread")) +
        energy.text(facts);
    options.json_lines ? print_aside(text) : print(text);
  }
  if (!applies) message(model.scores().to_string());
  tell_resemblance(model);
  const std::size_t unreadable = score.failed() - score.nonfinite();
  const auto left_aside = [](std::size_t count) {
    return fmt::format("{} neither as right nor as wrong", count == 1 ? "it counts" : "they count");
  };
  if (unreadable > 0) {
    message(fmt::format("{} could not be read; {}", counted(unreadable, "image"), left_aside(unreadable)));
  }
  if (score.nonfinite() > 0) {
    warning(fmt::format("the scores of {} are not finite; {}", counted(score.nonfinite(), "image"),
                        left_aside(score.nonfinite())));
  }
  const bool unwritten = !options.predictions.empty() || !options.probabilities.empty();
  images.tell(static_cast<std::size_t>(score.images) + score.failed(),
              unwritten ? "no file was written" : "the results are of these alone");
  if (partial) return interrupt_exit_code();
  return score.failed() == 0 ? kDone : kFailed;
}

std::function<int()> prepare(CLI::App& app) {
  auto options = std::make_shared<Options>();
  options->model_options.default_batch = 8;
  add_model_argument(app, options->model);
  add_example_options(app, options->examples)->required();
  add_label_offset_option(app, options->label_offset);
  add_scores_option(app, options->model_options.scores);
  app.add_option("--predictions", options->predictions,
                 "Write file, true class, predicted class and its probability, one image a line.")
      ->type_name("FILE.csv");
  app.add_flag("--top5", options->top5, "Put the five likeliest classes into --predictions instead of one.");
  app.add_option("--probabilities", options->probabilities,
                 "Write all probabilities, f32, images x classes, in the CSV's order; an image that could "
                 "not be read, or whose scores are not finite, has a row of NaN.")
      ->type_name("FILE.npy");
  add_preprocess_option(app, options->model_options.preprocess);
  add_scores_output_option(app, options->model_options.output);
  app.add_option("--batch", options->model_options.batch, "Images that go through the network together.")
      ->check(in_range(1, 4096))
      ->type_name("N")
      ->default_str("8, or what the model fixes");
  add_json_option(app, options->json);
  add_json_lines_option(app, options->json_lines,
                        "one for each image as soon as it is known (file, class, best, probability, or file, "
                        "class, error)");
  add_image_options(app, options->model_options.images);
  add_energy_options(app, options->energy, EnergyUse::job);
  add_estimate_options(app, options->estimate);
  add_engine_options(app, options->model_options.engine);
  add_plan_options(app, options->model_options.engine);
  return [options] {
    if (options->top5 && options->predictions.empty())
      throw Error("--top5 needs --predictions FILE.csv to write to");
    check_example_options(options->examples);
    return accuracy(*options);
  };
}

}  // namespace

const Command accuracy_command = {
    "accuracy",
    "Measure",
    "top-1 and top-5 accuracy over labelled images",
    "MODEL --data DIR [--labels FILE.csv] [options]",
    "Labels every image that the CSV names, in its order, or every one of a folder of classes, and "
    "compares with the class it gives. top-1 is "
    "the fraction whose likeliest class is right, top-5 the fraction whose five likeliest hold the right "
    "one. Images are decoded while others go through the network. Time counts decoding, preprocessing and "
    "inference, not loading the model. With --decode fast all is done once more exactly, and the change in "
    "pixels "
    "and in accuracy is printed (JSON: exact_decoding). The JSON fields are schema, model, precision, "
    "images, top1, top5 (fractions, null where no image counts), "
    "seconds, images_per_second, softmax_added, scores, applied, last_layer (as for 'godwit classify'), "
    "failed "
    "(images that could not be read or whose scores are NaN or infinite: they count neither as right nor as "
    "wrong, and the exit status is 1), nonfinite (how many were the latter), warned (file, warnings: what "
    "was mended or is not shown as stored); with --energy also energy (its "
    "measured_j is null where nothing was "
    "measured). Images that a model quantised by godwit was calibrated on, told by their content, count in "
    "no "
    "figure (JSON: calibration_images_left_out). Where a signal ends the work early, figures are of the "
    "images "
    "that were done (JSON: partial is true), and no file is written.\n\n"
    "--energy measures the job from the first image on, between two stretches of idle power; loading the "
    "model lies before it. Its line in --ledger holds joules and accuracy together, for 'godwit report'.",
    "godwit accuracy models/resnet50.onnx --data photographs --labels photographs/labels.csv\n"
    "godwit accuracy mobilenet.onnx --data val --labels val.csv --preprocess tf --json\n"
    "godwit accuracy models/resnet50.onnx --data imagenette/val --classes classes.txt\n"
    "godwit accuracy mobilenet.onnx --data val --labels val.csv --energy --ledger runs.jsonl",
    prepare,
    {},
    "--labels --preprocess --label-offset --predictions --json",
};

}  // namespace godwit::tools
