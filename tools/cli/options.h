// Options that commands share, and how their texts become values.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/plan.h"
#include "runtime/image/pipeline.h"
#include "tools/cli/cli11.h"
#include "tools/report/json.h"

namespace godwit::tools {

// Options of compiling and running a model.
struct EngineOptions {
  std::string precision;  // f32, bf16, f16 or int8; empty: as the model is
  int threads = 0;        // 0: the default
  std::string isa;        // empty: the best
  std::vector<std::string> disabled_passes;
  std::vector<std::string> without;  // implementations
  int stop_after = -1;
  std::vector<std::string> shapes;  // NAME=1x3x224x224
  std::string plan, tune;           // files; at most one is given

  // The file that settles the implementations; empty: none does.
  const std::string& plan_file() const { return plan.empty() ? tune : plan; }

  // GODWIT_THREADS, else the cores this process may use, where --threads is not given.
  int thread_count() const;
  // The ISA, passes and shapes that the options ask for, checked.
  engine::CompileOptions compile_options() const;
};

// --help, --help-all and --quiet, which every command has.
void add_common_options(CLI::App& app);

// A text that is one of these words; the refusal names them, and the one most like it.
CLI::Validator one_of(std::vector<std::string> words);
// The name of a precision, or with `several` names with commas between them.
CLI::Validator known_precision(bool several);
// Words that the value may be, for the shells' completion; others are no mistake.
CLI::Validator such_as(std::vector<std::string> words);
// Those of one_of() or such_as(); none where the option has neither.
std::vector<std::string> words_of(CLI::Option& option);

// The numbers after an option: whole, within [minimum, maximum], and said so when not.
CLI::Validator in_range(std::int64_t minimum, std::int64_t maximum);
CLI::Validator positive_real();
CLI::Validator finite_real();
CLI::Validator not_negative_real();
CLI::Validator real_in(double minimum, double maximum);

// Adds --threads alone, for commands that run no model.
void add_threads_option(CLI::App& app, int& threads);
// f32, bf16, f16 or int8 by name; nullopt for other texts.
std::optional<engine::Precision> parse_precision(std::string_view text);

// Adds --without alone, for commands that have no other way to change how layers run.
void add_without_option(CLI::App& app, EngineOptions& options);
// The names given, as `without`, where there are any.
void add_without(const EngineOptions& options, Json& json);
// --precision, --threads, --isa, --disable-pass, --stop-after, --without, --shape. `runs` is false for
// commands that compile only (no --threads); `shapes` is false where the command decides the shapes.
void add_engine_options(CLI::App& app, EngineOptions& options, bool runs = true, bool shapes = true);
// --plan and --tune, for commands that compile by compile_model() (tools/cli/tuning.h).
void add_plan_options(CLI::App& app, EngineOptions& options);
void add_json_option(CLI::App& app, bool& json);
// --json-lines, which prints objects, `which` says of what; the other results go to stderr. After --json.
void add_json_lines_option(CLI::App& app, bool& json_lines, const std::string& which);
void add_model_argument(CLI::App& app, std::string& path);
// --preprocess, --resize, --resize-mode, --pad, --crop and --channels.
void add_preprocess_option(CLI::App& app, image::PreprocessChoice& choice);
// The same without --preprocess.
void add_preprocess_changes(CLI::App& app, image::PipelineChanges& changes);
void add_label_offset_option(CLI::App& app, std::int64_t& offset);
// A repeatable option that takes one value each time.
CLI::Option* add_list_option(CLI::App& app, const std::string& name, std::vector<std::string>& values,
                             const std::string& description);

}  // namespace godwit::tools
