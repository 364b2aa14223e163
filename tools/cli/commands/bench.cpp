// godwit bench: how long the network takes, as a whole, per layer, or from photograph to label.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <fmt/format.h>
#include <functional>
#include <memory>

#include "runtime/error.h"
#include "tools/bench/option_values.h"
#include "tools/cli/bench_options.h"
#include "tools/cli/commands/commands.h"
#include "tools/cli/energy_options.h"
#include "tools/cli/image_options.h"
#include "tools/cli/options.h"

namespace godwit::tools {
namespace {

// A list whose every part the check takes.
CLI::Validator each_of(const std::function<std::string(std::string&)>& check) {
  return {[check](std::string& text) -> std::string {
            for (std::string part : split_list(text)) {
              if (std::string refused = check(part); !refused.empty()) return refused;
            }
            return "";
          },
          ""};
}

std::string check_batch(std::string& text) {
  if (const auto number = parse_whole(text); number && *number >= 1 && *number <= kMaxBenchBatch) return "";
  return fmt::format("'{}' is neither auto nor a whole number from 1 to {}", text, kMaxBenchBatch);
}

std::string check_threads(std::string& text) {
  constexpr std::int64_t kMost = 1024;
  if (const auto number = parse_whole(text); number && *number >= 1 && *number <= kMost) return "";
  return fmt::format("'{}' is not a whole number from 1 to {}", text, kMost);
}

// In place of the options of one value that other commands have.
void add_lists(CLI::App& app, BenchOptions& options) {
  constexpr const char* kGroup = "Engine options";
  app.remove_option(app.get_option("--threads"));
  app.remove_option(app.get_option("--precision"));
  app.add_option(
         "--threads", options.threads,
         "Threads to work on, 1 to 1024, or several such as 1,2,4: each is measured in turn. Default: "
         "GODWIT_THREADS, else the cores that this process may use (affinity and cgroup quota).")
      ->check(each_of(check_threads))
      ->type_name("N,...")
      ->group(kGroup);
  app.add_option("--precision", options.precision,
                 "Arithmetic of the network, or several such as f32,bf16: f32; bf16 or f16, which store "
                 "weights and the "
                 "tensors between layers in 16 bits and add in f32; or int8 for a quantised model. Default: "
                 "as the model "
                 "is.")
      ->check(known_precision(true))
      ->type_name("P,...")
      ->group(kGroup);
}

// Options of length and count.
void add_lengths(CLI::App& app, BenchOptions& options) {
  app.add_option("--seconds", options.measure.seconds,
                 "Measure each configuration for at least so many seconds; with --energy, each round too.")
      ->check(positive_real())
      ->type_name("S")
      ->default_str("3; of a round with --energy the protocol's");
  CLI::Option* repetitions = app.add_option("--min-repetitions", options.measure.min_repetitions,
                                            "Measure at least so many runs of each configuration.")
                                 ->check(in_range(1, 1'000'000))
                                 ->type_name("N")
                                 ->default_str("13");
  app.add_option("--iterations", options.measure.iterations,
                 "Measure exactly so many runs of each configuration, whatever time they take.")
      ->check(in_range(1, 1'000'000))
      ->type_name("N")
      ->excludes(repetitions);
  app.add_option("--warmup", options.warmup, "Runs before, that are not counted.")
      ->check(in_range(0, 1'000'000))
      ->type_name("N")
      ->default_str("3, or as many as fit a second");
  app.add_option("--max-seconds", options.measure.max_seconds,
                 "End a configuration after so many seconds with the runs that it has, one at least.")
      ->check(positive_real())
      ->type_name("S")
      ->default_str("30, or --seconds where that is more; none with --min-repetitions or --iterations");
}

// Checks of what was given, and what follows from it.
void settle_lengths(const CLI::App& app, BenchOptions& options) {
  constexpr double kMaxSeconds = 30;
  const auto given = [&](const char* name) { return app.get_option(name)->count() > 0; };
  if (given("--seconds")) options.asked_seconds = options.measure.seconds;
  if (given("--min-repetitions")) options.asked_repetitions = options.measure.min_repetitions;
  if (given("--warmup")) options.measure.warmup = options.warmup;
  const bool asked = given("--max-seconds") || given("--min-repetitions") || given("--iterations");
  if (!asked) options.measure.max_seconds = std::max(kMaxSeconds, options.measure.seconds);
}

std::function<int()> prepare(CLI::App& app) {
  auto options = std::make_shared<BenchOptions>();
  add_model_argument(app, options->model);
  app.add_option("--batch", options->batch,
                 "Images in one run, 1 to 1024, or several such as 1,8: each is measured in turn; auto: 1, "
                 "2, 4 ... until two "
                 "doublings gain less than 2 % or one run would take longer than --seconds or more than half "
                 "of the memory that "
                 "is left.")
      ->check(CLI::Validator(
          [](std::string& text) -> std::string { return text == "auto" ? "" : each_of(check_batch)(text); },
          ""))
      ->type_name("N,...|auto")
      ->default_str("1, or what the model fixes");
  add_lengths(app, *options);
  add_list_option(
      app, "--input", options->inputs,
      "The tensor for an input in place of random numbers, .npy or .pb (an ONNX TensorProto), once for each "
      "input; NAME= may be left out where the model has one input. Its shape is that of the run.")
      ->type_name("NAME=FILE");
  app.add_flag("--profile", options->profile,
               "After measuring, run again with a timer around every layer and print a table in the model's "
               "own names; with --images reading, decoding, resizing and normalising too; with --energy "
               "each one's share of the joules.");
  app.add_flag("--kernels", options->kernels,
               "After measuring, run each kernel alone at the shapes of the layers, on one thread, and print "
               "GFLOP/s and the share of the peak that is measured in turns with it.");
  app.add_option(
         "--images", options->images,
         "Measure from photograph to label instead: read, decode, preprocess and run the images of this "
         "folder and those below it in turn, all threads at once, beside each part alone on one thread. One "
         "that cannot be read, or whose scores are NaN or infinite, is named and left out, and the exit "
         "status "
         "is 1.")
      ->type_name("DIR");
  add_preprocess_option(app, options->preprocess);
  add_scores_output_option(app, options->output);
  add_json_option(app, options->json);
  add_energy_options(app, options->energy, EnergyUse::rounds);
  add_image_options(app, options->image_options);
  add_estimate_options(app, options->estimate);
  add_engine_options(app, options->engine);
  add_plan_options(app, options->engine);
  add_lists(app, *options);
  return [options, &app] {
    settle_lengths(app, *options);
    if (options->images.empty()) {
      if (!options->preprocess.preset_or_file.empty()) throw Error("--preprocess needs --images DIR");
      if (!options->preprocess.empty())
        throw Error("--resize, --resize-mode, --pad, --crop and --channels need --images DIR");
      if (!options->output.empty()) throw Error("--output needs --images DIR; it names the scores");
    }
    return options->images.empty() ? bench_random(*options) : bench_photographs(*options);
  };
}

}  // namespace

const Command bench_command = {
    "bench",
    "Measure",
    "time the network, its layers, or the way from photograph to label",
    "MODEL [options]",
    "Runs the network on random input (the same in every run of the program) or on --input, three times to "
    "warm up and then "
    "again and again, and prints the latency of a run in milliseconds and images/s = batch / median latency; "
    "the spread, "
    "which is 90 % less 10 % quantile over the median; and the drift, the last third of the runs against the "
    "first. A "
    "configuration that is slow ends after --max-seconds, and it is said so. Of several batches, numbers of "
    "threads and "
    "precisions each combination is a row. On a terminal a bar says how long the rest will take. Loading "
    "counts reading the "
    "file, graph passes and packing of weights, not a trial by --tune. 1 MAC = 2 FLOPs; both are those of "
    "one image.\n\n"
    "The JSON fields are schema, model, model_sha256 (with weights in files of their own that of all files' "
    "digests), "
    "version, commit, cpu, date, precision and threads (null where there are several), isa, disabled_passes, "
    "stop_after, without (the implementations left out, where there are any), "
    "macs, flops, load_ms, peak_rss_mib, weights_mib, arena_mib; results (batch, precision, threads, "
    "repetitions, seconds, "
    "cut, latency_ms, spread, thirds_ms, drift, images_per_second, load_ms, weights_mib, arena_mib, "
    "schedule, and schedule_by "
    "where the way in which threads share a batch was chosen by a trial before or by the plan); energy (null "
    "without "
    "--energy; its measured_j is null where nothing was measured); and profile and kernels where that was "
    "asked for, plan "
    "(the file) with --plan or --tune, best_batch with --batch auto; with --images also images (the folder), "
    "failed (file, error) and nonfinite (how many of these by their scores).\n\n"
    "--energy adds joules per image: gross, net of the idle power, with a 95 % interval and a verdict "
    "(valid, "
    "suspect or invalid, with reasons). Loading, compiling and warming up lie outside of what is measured.",
    "godwit bench models/resnet50.onnx --threads 1 --profile\n"
    "godwit bench models/resnet50.onnx --energy --meter csv:meter.csv --ledger runs.jsonl\n"
    "godwit bench models/resnet50.onnx --tune resnet50.plan\n"
    "godwit bench models/resnet50.onnx --batch auto --json\n"
    "godwit bench models/resnet50.onnx --batch 1,8 --threads 1,2 --precision f32,bf16\n"
    "godwit bench models/resnet50.onnx --images photographs --batch 8",
    prepare,
    {},
    "--threads --batch --seconds --profile --json",
};

}  // namespace godwit::tools
