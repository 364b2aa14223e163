// The shared options and the checks of their values.
#include "tools/cli/options.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <cmath>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>
#include <optional>

#include "engine/pass.h"
#include "runtime/cpu.h"
#include "runtime/error.h"
#include "runtime/image/pipeline.h"
#include "runtime/nearest_name.h"
#include "runtime/threads.h"
#include "tools/bench/option_values.h"
#include "tools/cli/bench_options.h"
#include "tools/report/console.h"

namespace godwit::tools {
namespace {

constexpr int kMaxThreads = 1024;
constexpr int kMaxPasses = 1000;
constexpr const char* kEngineGroup = "Engine options";
constexpr const char* kPreprocessGroup = "Preprocessing options";

constexpr std::array kPrecisions = {engine::Precision::f32, engine::Precision::bf16, engine::Precision::f16,
                                    engine::Precision::int8};

// The mark of a validator's name as a list of words.
constexpr std::string_view kWords = "words ";

CLI::Validator with_words(std::function<std::string(std::string&)> check,
                          const std::vector<std::string>& words) {
  CLI::Validator validator(std::move(check), "");
  validator.name(fmt::format("{}{}", kWords, fmt::join(words, "|")));
  return validator;
}

std::string mistyped(const std::string& text, const std::vector<std::string>& words) {
  const std::vector<std::string_view> names(words.begin(), words.end());
  return did_you_mean(text, names);
}

std::vector<std::string> pass_names() {
  std::vector<std::string> names;
  for (const engine::Pass& pass : engine::pipeline()) names.emplace_back(pass.name);
  return names;
}

std::vector<std::string> isa_names() {
  std::vector<std::string> names;
  for (const Isa isa : isas_of_build()) names.emplace_back(name_of(isa));
  return names;
}

std::vector<std::string> preset_names() {
  std::vector<std::string> names;
  for (const image::Preset& preset : image::presets()) names.emplace_back(preset.name);
  return names;
}

}  // namespace

void add_common_options(CLI::App& app) {
  app.set_help_flag("-h,--help", "Show this help and exit.");
  app.set_help_all_flag("--help-all", "Show the help with all options and exit.");
  app.add_flag_callback("-q,--quiet", set_quiet,
                        "Neither a bar nor messages on stderr, but errors and what is wrong with an image.");
}

CLI::Validator known_precision(bool several) {
  std::vector<std::string> words;
  for (const engine::Precision each : kPrecisions) words.emplace_back(engine::name_of(each));
  return with_words(
      [words, several](std::string& text) -> std::string {
        for (const std::string& part : several ? split_list(text) : std::vector{text}) {
          if (parse_precision(part)) continue;
          return fmt::format("'{}' is not a precision of this build; there are f32, bf16, f16 and int8{}",
                             part, mistyped(part, words));
        }
        return "";
      },
      words);
}

CLI::Validator one_of(std::vector<std::string> words) {
  const auto check = [words](std::string& text) -> std::string {
    if (std::ranges::find(words, text) != words.end()) return "";
    return fmt::format("'{}' is none of {}{}", text, fmt::join(words, ", "), mistyped(text, words));
  };
  return with_words(check, words);
}

CLI::Validator such_as(std::vector<std::string> words) {
  return with_words([](std::string&) -> std::string { return ""; }, words);
}

std::vector<std::string> words_of(CLI::Option& option) {
  std::vector<std::string> words;
  for (int i = 0;; ++i) {
    const CLI::Validator* validator = nullptr;
    try {
      validator = option.get_validator(i);
    } catch (const CLI::OptionNotFound&) {
      return words;
    }
    std::string_view name = validator->get_name();
    if (!name.starts_with(kWords)) continue;
    name.remove_prefix(kWords.size());
    for (std::size_t begin = 0; begin <= name.size();) {
      const std::size_t end = std::min(name.find('|', begin), name.size());
      words.emplace_back(name.substr(begin, end - begin));
      begin = end + 1;
    }
  }
}

std::optional<engine::Precision> parse_precision(std::string_view text) {
  const auto* found =
      std::ranges::find(kPrecisions, text, [](engine::Precision p) { return engine::name_of(p); });
  return found == kPrecisions.end() ? std::nullopt : std::optional(*found);
}

int EngineOptions::thread_count() const { return chosen_threads(threads); }

engine::CompileOptions EngineOptions::compile_options() const {
  engine::CompileOptions options;
  if (!isa.empty()) options.target.isa = require_isa(isa);
  options.target.without = without;
  ops::require_implementations(options.target);
  options.disabled_passes = disabled_passes;
  options.stop_after = stop_after;
  options.threads = thread_count();
  options.precision = parse_precision(precision).value_or(engine::Precision::automatic);
  for (const std::string& text : shapes) {
    const NamedText named = split_named(text);
    if (named.name.empty()) throw Error(fmt::format("--shape '{}': expected NAME=1x3x224x224", text));
    if (!options.shapes.emplace(named.name, parse_shape(named.value, "--shape")).second) {
      throw Error(fmt::format("--shape names input '{}' twice", named.name));
    }
  }
  return options;
}

CLI::Validator in_range(std::int64_t minimum, std::int64_t maximum) {
  return {[minimum, maximum](std::string& text) -> std::string {
            const auto value = parse_whole(text);
            if (value && *value >= minimum && *value <= maximum) return "";
            return fmt::format("'{}' is not a whole number from {} to {}", text, minimum, maximum);
          },
          ""};
}

CLI::Validator positive_real() {
  return {[](std::string& text) -> std::string {
            double value = 0;
            if (CLI::detail::lexical_cast(text, value) && std::isfinite(value) && value > 0) return "";
            return fmt::format("'{}' is not a number above 0", text);
          },
          ""};
}

CLI::Validator finite_real() {
  return {[](std::string& text) -> std::string {
            double value = 0;
            if (CLI::detail::lexical_cast(text, value) && std::isfinite(value)) return "";
            return fmt::format("'{}' is not a finite number", text);
          },
          ""};
}

CLI::Validator not_negative_real() {
  return {[](std::string& text) -> std::string {
            double value = 0;
            if (CLI::detail::lexical_cast(text, value) && std::isfinite(value) && value >= 0) return "";
            return fmt::format("'{}' is not a finite number from 0 on", text);
          },
          ""};
}

CLI::Validator real_in(double minimum, double maximum) {
  return {[minimum, maximum](std::string& text) -> std::string {
            double value = 0;
            if (CLI::detail::lexical_cast(text, value) && value >= minimum && value <= maximum) return "";
            return fmt::format("'{}' is not a number from {} to {}", text, minimum, maximum);
          },
          ""};
}

void add_threads_option(CLI::App& app, int& threads) {
  app.add_option("--threads", threads,
                 "Threads to work on, 1 to 1024. Results do not depend on it. Default: GODWIT_THREADS, else "
                 "the cores that this process may use (affinity and cgroup quota).")
      ->check(in_range(1, kMaxThreads))
      ->type_name("N")
      ->group(kEngineGroup);
}

void add_without_option(CLI::App& app, EngineOptions& options) {
  add_list_option(app, "--without", options.without,
                  "Never run a layer by this implementation, such as conv_winograd4 (convolutions are then "
                  "sums of exact products); may be given several times. 'godwit explain' names those of each "
                  "layer. Where none is left, the reference runs.")
      ->type_name("IMPLEMENTATION")
      ->group(kEngineGroup);
}

void add_without(const EngineOptions& options, Json& json) {
  if (!options.without.empty()) json["without"] = options.without;
}

void add_engine_options(CLI::App& app, EngineOptions& options, bool runs, bool shapes) {
  app.add_option(
         "--precision", options.precision,
         "Arithmetic of the network: f32; bf16 or f16, which store weights and the tensors between layers in "
         "16 bits and add in f32; or int8 for a quantised model ('godwit quantize' makes one; the others "
         "then "
         "compute in real numbers what it quantises). Default: as the model is.")
      ->check(known_precision(false))
      ->type_name("f32|bf16|f16|int8")
      ->group(kEngineGroup);
  if (runs) add_threads_option(app, options.threads);
  app.add_option("--isa", options.isa,
                 "Instruction set of the kernels, at most; 'godwit list isas' shows them. Default: "
                 "GODWIT_ISA, else the best that this CPU has.")
      ->check(such_as(isa_names()))
      ->type_name("NAME")
      ->group(kEngineGroup);
  add_list_option(app, "--disable-pass", options.disabled_passes,
                  "Leave out this graph pass; may be given several times. 'godwit list passes' shows them.")
      ->check(such_as(pass_names()))
      ->type_name("NAME")
      ->group(kEngineGroup);
  app.add_option("--stop-after", options.stop_after,
                 "Run only the first N graph passes, to find the one that does harm. Default: all.")
      ->check(in_range(0, kMaxPasses))
      ->type_name("N")
      ->group(kEngineGroup);
  add_without_option(app, options);
  if (!shapes) return;
  add_list_option(
      app, "--shape", options.shapes,
      "Shape of an input, such as input=1x3x224x224; may be given several times. Default: the model's own, "
      "with 1 for a batch size left open.")
      ->type_name("NAME=DIMS")
      ->group(kEngineGroup);
}

void add_plan_options(CLI::App& app, EngineOptions& options) {
  CLI::Option* plan =
      app.add_option("--plan", options.plan,
                     "Use the implementations that this file names for the layers; --tune wrote it, for the "
                     "same model, instruction set, precision, shapes, passes and version. Default: what the "
                     "cost model chooses.")
          ->type_name("FILE")
          ->group(kEngineGroup);
  app.add_option("--tune", options.tune,
                 "Time every implementation of every layer first, for some seconds, write the fastest to "
                 "this file and use them; --plan FILE does so again. They depend on no batch and no number "
                 "of threads. Results may differ in the last bits from those without a plan.")
      ->type_name("FILE")
      ->group(kEngineGroup)
      ->excludes(plan);
}

void add_json_option(CLI::App& app, bool& json) {
  app.add_flag("--json", json, "Print the result as one line of JSON.");
}

void add_json_lines_option(CLI::App& app, bool& json_lines, const std::string& which) {
  app.add_flag("--json-lines", json_lines,
               fmt::format("Print lines of JSON, {}; figures over all of them go to stderr.", which))
      ->excludes(app.get_option("--json"));
}

void add_model_argument(CLI::App& app, std::string& path) {
  app.add_option("MODEL", path, "The model: .onnx, or another format that this build reads.")->required();
}

void add_preprocess_option(CLI::App& app, image::PreprocessChoice& choice) {
  app.add_option(
         "--preprocess", choice.preset_or_file,
         "How an image becomes the network's input: torch, torch-v2, caffe, tf, or a JSON file with any of "
         "preset, resize, resize_mode, pad, crop, filter, channels, depth, order, scale, mean, std. Default: "
         "what the model says of itself (metadata entry godwit.preprocess).")
      ->check(such_as(preset_names()))
      ->type_name("PRESET|FILE");
  add_preprocess_changes(app, choice.changes);
}

void add_preprocess_changes(CLI::App& app, image::PipelineChanges& changes) {
  app.add_option("--resize", changes.resize,
                 "Resize images to this instead: a number for the short side (0: not at all), or height and "
                 "width, such as 192x320.")
      ->type_name("N|HxW")
      ->group(kPreprocessGroup);
  app.add_option("--resize-mode", changes.mode,
                 "crop: images keep their ratio and cover the size; the crop cuts off the rest. keep-ratio: "
                 "they keep it and fit into the size, with a border (--pad; Pillow's ImageOps.pad, a "
                 "letterbox). stretch: exactly the size. With the last two the size is the crop too, and "
                 "without --resize it is the crop's. Default: as the preprocessing says, where crop becomes "
                 "stretch for a --resize of two numbers, as in torchvision.")
      ->check(one_of({"crop", "keep-ratio", "stretch"}))
      ->type_name("crop|keep-ratio|stretch")
      ->group(kPreprocessGroup);
  app.add_option("--pad", changes.pad,
                 "Value from 0 to 255 of the pixels that lie outside of the image, before normalising.")
      ->check(in_range(0, 255))
      ->type_name("N")
      ->group(kPreprocessGroup);
  app.add_option("--crop", changes.crop, "Cut this out of the middle instead.")
      ->type_name("N|HxW")
      ->group(kPreprocessGroup);
  app.add_option(
         "--channels", changes.channels,
         "1: gray, as Pillow's convert(\"L\") makes it of colours, where mean and std are alike for "
         "all colours; 3: colours. Default: as the preprocessing says, but 1 for a network that takes "
         "one channel.")
      ->check(one_of({"1", "3"}))
      ->type_name("1|3")
      ->group(kPreprocessGroup);
}

void add_label_offset_option(CLI::App& app, std::int64_t& offset) {
  app.add_option(
         "--label-offset", offset,
         "The model's class that is label 0: 1 for models whose class 0 is 'background' (1001 classes).")
      ->check(in_range(0, 1'000'000))
      ->type_name("N")
      ->default_str("0");
}

CLI::Option* add_list_option(CLI::App& app, const std::string& name, std::vector<std::string>& values,
                             const std::string& description) {
  return app.add_option(name, values, description)
      ->type_size(1)
      ->expected(1)
      ->allow_extra_args(false)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
}

}  // namespace godwit::tools
