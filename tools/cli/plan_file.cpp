// Plans to JSON and back. The file may come from anywhere: every field is checked.
#include "tools/cli/plan_file.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <filesystem>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>
#include <optional>

#include "runtime/error.h"
#include "runtime/json.h"
#include "runtime/sha256.h"
#include "tools/cli/options.h"
#include "tools/report/json.h"
#include "tools/vision/files.h"

namespace godwit::tools {
namespace {

constexpr const char* kSchema = "godwit.plan/1";
constexpr std::size_t kMaxBytes = std::size_t{16} << 20;
constexpr int kMaxDepth = 8;  // more than any plan nests

[[noreturn]] void wrong(std::string_view name, std::string_view expected) {
  throw Error(fmt::format("'{}' must be {}; make the plan anew with --tune", name, expected));
}

const Json& field(const Json& object, const char* name) {
  const auto found = object.find(name);
  if (found == object.end())
    throw Error(fmt::format("'{}' is missing; make the plan anew with --tune", name));
  return *found;
}

std::string text_of(const Json& object, const char* name) {
  const Json& value = field(object, name);
  if (!value.is_string()) wrong(name, "a text");
  return value.get<std::string>();
}

std::vector<std::string> texts_of(const Json& object, const char* name) {
  const Json& value = field(object, name);
  const auto is_text = [](const Json& each) { return each.is_string(); };
  if (!value.is_array() || !std::ranges::all_of(value, is_text)) wrong(name, "a list of texts");
  return value.get<std::vector<std::string>>();
}

std::map<std::string, std::vector<std::int64_t>> shapes_of(const Json& object, const char* name) {
  const Json& value = field(object, name);
  if (!value.is_object()) wrong(name, "an object of shapes");
  const auto is_size = [](const Json& each) { return each.is_number_integer(); };
  std::map<std::string, std::vector<std::int64_t>> shapes;
  for (const auto& [input, shape] : value.items()) {
    if (!shape.is_array() || shape.size() > kMaxRank || !std::ranges::all_of(shape, is_size))
      wrong(name, "an object of shapes");
    shapes[input] = shape.get<std::vector<std::int64_t>>();
  }
  return shapes;
}

engine::Precision precision_of(const Json& object) {
  const std::optional<engine::Precision> precision = parse_precision(text_of(object, "precision"));
  if (!precision) wrong("precision", "f32, bf16, f16 or int8");
  return *precision;
}

// By what took them.
std::map<std::string, double> seconds_of(const Json& object) {
  const Json& value = field(object, "seconds");
  if (!value.is_object()) wrong("seconds", "an object of numbers");
  std::map<std::string, double> seconds;
  for (const auto& [implementation, time] : value.items()) {
    if (!time.is_number() || !(time.get<double>() >= 0) || !std::isfinite(time.get<double>()))
      wrong("seconds", "an object of numbers from 0 on");
    seconds[implementation] = time.get<double>();
  }
  return seconds;
}

std::int64_t count_of(const Json& object, const char* name) {
  const Json& value = field(object, name);
  if (!value.is_number_integer() || value.get<std::int64_t>() < 1) wrong(name, "a whole number from 1 on");
  return value.get<std::int64_t>();
}

engine::BatchSchedule schedule_named(const std::string& name) {
  const std::optional<engine::BatchSchedule> schedule = engine::parse_batch_schedule(name);
  if (!schedule) wrong("schedule", "per_layer, per_image or hybrid");
  return *schedule;
}

std::vector<engine::ScheduleChoice> schedules_of(const Json& json) {
  constexpr std::int64_t kMostThreads = 1024;
  const Json& list = field(json, "schedules");
  if (!list.is_array()) wrong("schedules", "a list");
  std::vector<engine::ScheduleChoice> choices;
  for (const Json& each : list) {
    if (!each.is_object()) wrong("schedules", "a list of objects");
    engine::ScheduleChoice choice{.images = count_of(each, "images")};
    const std::int64_t threads = count_of(each, "threads");
    if (threads > kMostThreads) wrong("threads", "a whole number from 1 to 1024");
    choice.threads = static_cast<int>(threads);
    choice.schedule = schedule_named(text_of(each, "schedule"));
    for (const auto& [name, seconds] : seconds_of(each)) choice.seconds[schedule_named(name)] = seconds;
    choices.push_back(std::move(choice));
  }
  return choices;
}

Json schedules_json(const std::vector<engine::ScheduleChoice>& choices) {
  Json list = Json::array();
  for (const engine::ScheduleChoice& choice : choices) {
    Json seconds = Json::object();
    for (const auto& [schedule, time] : choice.seconds) seconds[name_of(schedule)] = time;
    list.push_back({{"images", choice.images},
                    {"threads", choice.threads},
                    {"schedule", name_of(choice.schedule)},
                    {"seconds", std::move(seconds)}});
  }
  return list;
}

int stop_after_of(const Json& json) {
  constexpr std::uint64_t kMost = 9999;
  const Json& value = field(json, "stop_after");
  if (value.is_null()) return -1;
  if (!value.is_number_unsigned() || value.get<std::uint64_t>() > kMost)
    wrong("stop_after", "null or a whole number from 0 to 9999");
  return value.get<int>();
}

Json parsed(const std::string& text) {
  try {
    return require_json(text, kMaxDepth);
  } catch (const Error& error) {
    throw Error(fmt::format("is no plan file, or a damaged one ({}); --tune writes one", error.what()));
  }
}

PlanFile plan_of(const Json& json) {
  PlanFile plan;
  // A newer version's other fields may be of another form: that it is another is told first.
  plan.key.version = text_of(json, "version");
  if (plan.key.version != GODWIT_VERSION) return plan;
  plan.key.model = text_of(json, "model_sha256");
  plan.key.isa = text_of(json, "isa");
  plan.key.inputs = shapes_of(json, "inputs");
  plan.key.outputs = texts_of(json, "outputs");
  plan.key.disabled_passes = texts_of(json, "disabled_passes");
  plan.key.stop_after = stop_after_of(json);
  plan.key.without = texts_of(json, "without");
  plan.cpu = text_of(json, "cpu");
  plan.date = text_of(json, "date");
  plan.choices.precision = precision_of(json);
  plan.choices.schedules = schedules_of(json);
  const Json& layers = field(json, "layers");
  if (!layers.is_array()) wrong("layers", "a list");
  for (const Json& layer : layers) {
    if (!layer.is_object()) wrong("layers", "a list of objects");
    const std::string name = text_of(layer, "layer");
    engine::Choice choice{text_of(layer, "implementation"), seconds_of(layer)};
    if (choice.implementation.empty()) wrong("implementation", "a name");
    if (!plan.choices.steps.emplace(name, std::move(choice)).second)
      throw Error(fmt::format("layer '{}' is there twice; make the plan anew with --tune", name));
    plan.by_estimate[name] = text_of(layer, "by_estimate");
  }
  return plan;
}

std::string listed(const std::vector<std::string>& names) {
  return names.empty() ? "none" : fmt::format("{}", fmt::join(names, ", "));
}

std::string shapes_text(const std::map<std::string, std::vector<std::int64_t>>& shapes) {
  std::string text;
  for (const auto& [name, shape] : shapes) {
    text += fmt::format("{}{} {}", text.empty() ? "" : ", ", name,
                        shape.empty() ? "scalar" : fmt::format("{}", fmt::join(shape, "x")));
  }
  return text.empty() ? "none" : text;
}

std::string passes_text(const PlanKey& key) {
  std::string text = listed(key.disabled_passes);
  if (key.stop_after >= 0) text += fmt::format(" and all after the first {}", key.stop_after);
  return text;
}

std::string short_digest(const std::string& digest) { return digest.substr(0, 12); }

}  // namespace

std::string model_digest(const std::string& path, const engine::Graph& graph) {
  std::string digest = sha256_of_file(path);
  if (graph.data_files.empty()) return digest;
  std::vector<std::string> files = graph.data_files;
  std::ranges::sort(files);
  for (const std::string& file : files) digest += sha256_of_file(file);
  Sha256 all;
  all.update(digest.data(), digest.size());
  return all.finish();
}

PlanKey plan_key(const std::string& digest, const engine::CompileOptions& options) {
  PlanKey key{.version = GODWIT_VERSION,
              .model = digest,
              .isa = std::string(name_of(options.target.isa)),
              .inputs = {},
              .outputs = options.outputs,
              .disabled_passes = options.disabled_passes,
              .stop_after = options.stop_after,
              .without = options.target.without};
  for (const auto& [name, shape] : options.shapes) {
    std::vector<std::int64_t>& dims = key.inputs[name];
    dims.assign(shape.dims().begin(), shape.dims().end());
    if (!dims.empty()) dims.front() = 1;
  }
  std::ranges::sort(key.disabled_passes);
  std::ranges::sort(key.without);
  key.without.erase(std::unique(key.without.begin(), key.without.end()), key.without.end());
  return key;
}

std::string today() {
  const std::chrono::year_month_day day(
      std::chrono::floor<std::chrono::days>(std::chrono::system_clock::now()));
  return fmt::format("{:04}-{:02}-{:02}", static_cast<int>(day.year()), static_cast<unsigned>(day.month()),
                     static_cast<unsigned>(day.day()));
}

std::string plan_text(const PlanFile& plan) {
  const PlanKey& key = plan.key;
  Json json = {{"schema", kSchema},
               {"version", key.version},
               {"model_sha256", key.model},
               {"isa", key.isa},
               {"precision", engine::name_of(plan.choices.precision)},
               {"inputs", key.inputs},
               {"outputs", key.outputs},
               {"disabled_passes", key.disabled_passes},
               {"stop_after", key.stop_after < 0 ? Json() : Json(key.stop_after)},
               {"without", key.without},
               {"cpu", plan.cpu},
               {"date", plan.date},
               {"schedules", schedules_json(plan.choices.schedules)},
               {"layers", Json::array()}};
  std::string text = json_text(json);
  // One layer a line; the rest before them.
  text.erase(text.rfind("]}"));
  bool first = true;
  for (const auto& [name, choice] : plan.choices.steps) {
    text += first ? "\n  " : ",\n  ";
    first = false;
    text += json_text({{"layer", name},
                       {"implementation", choice.implementation},
                       {"by_estimate", plan.by_estimate.at(name)},
                       {"seconds", choice.seconds}});
  }
  text += "\n]}\n";
  return text;
}

PlanFile read_plan(const std::string& path) {
  const std::string text = vision::read_text(path, kMaxBytes);
  return with_context(
      [&] { return fmt::format("'{}'", path); },
      [&] {
        const Json json = parsed(text);
        if (!json.is_object() || !json.contains("schema"))
          throw Error("is no plan file, or a damaged one; --tune writes one");
        const std::string schema = text_of(json, "schema");
        if (schema != kSchema) {
          throw Error(
              fmt::format("a plan of format '{}', this build reads {}; --tune writes one", schema, kSchema));
        }
        return plan_of(json);
      });
}

void require_same_key(const PlanKey& plan, const PlanKey& wanted, const std::string& path) {
  const auto require = [&](bool same, std::string_view what, const std::string& had,
                           const std::string& want) {
    if (same) return;
    throw Error(fmt::format("'{}' is for {} {}, not for {}; make a plan for this with --tune", path, what,
                            had, want));
  };
  require(plan.version == wanted.version, "version", plan.version, wanted.version);
  require(plan.model == wanted.model, "another model: SHA-256", short_digest(plan.model),
          short_digest(wanted.model));
  require(plan.isa == wanted.isa, "instruction set", plan.isa, wanted.isa);
  require(plan.inputs == wanted.inputs, "input", shapes_text(plan.inputs), shapes_text(wanted.inputs));
  require(plan.outputs == wanted.outputs, "output",
          plan.outputs.empty() ? "the model's own" : listed(plan.outputs),
          wanted.outputs.empty() ? "the model's own" : listed(wanted.outputs));
  require(plan.disabled_passes == wanted.disabled_passes && plan.stop_after == wanted.stop_after,
          "graph passes off:", passes_text(plan), passes_text(wanted));
  require(plan.without == wanted.without, "implementations left out:", listed(plan.without),
          listed(wanted.without));
}

void require_no_other_file(const std::string& path) {
  std::error_code ignored;
  if (!std::filesystem::is_regular_file(path, ignored)) return;
  try {
    (void)read_plan(path);
  } catch (const Error&) {
    throw Error(fmt::format(
        "'{}' exists and is no whole plan file; --tune does not write over it: name another or remove it",
        path));
  }
}

}  // namespace godwit::tools
