// godwit verify: ONNX's test folders, each a model with inputs and the outputs it must give.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <filesystem>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <type_traits>

#include "engine/session.h"
#include "importers/importer.h"
#include "runtime/error.h"
#include "tools/cli/commands/commands.h"
#include "tools/cli/options.h"
#include "tools/report/console.h"
#include "tools/report/interrupt.h"
#include "tools/report/json.h"
#include "tools/report/text.h"
#include "tools/vision/failure_text.h"

namespace godwit::tools {
namespace {

namespace fs = std::filesystem;

struct Options {
  EngineOptions engine;
  std::vector<std::string> folders;
  double rtol = 1e-3, atol = 1e-7;  // what ONNX's own runner allows
  double sigma = 0;                 // of an output's standard deviation, on top
  bool json = false, json_lines = false;
};

// Neighbouring bf16 values differ by up to this part of them; ONNX's data is cut off where we round to
// nearest.
constexpr double kBf16Unit = 0x1p-7;

enum class Status { pass, fail, unsupported };
constexpr std::string_view kStatusNames[] = {"PASS", "FAIL", "UNSUPPORTED"};

struct Verdict {
  Status status = Status::pass;
  std::string reason;
};

struct DataSet {
  std::vector<Tensor> inputs, outputs;
};

// PREFIX_0.pb, PREFIX_1.pb … of a folder.
std::vector<Tensor> load_tensors(const fs::path& folder, std::string_view prefix) {
  std::vector<Tensor> tensors;
  for (;;) {
    const fs::path path = folder / fmt::format("{}_{}.pb", prefix, tensors.size());
    std::error_code code;
    if (!fs::exists(path, code)) return tensors;
    tensors.push_back(importers::load_tensor(path.string()));
  }
}

std::vector<fs::path> subfolders(const fs::path& folder) {
  std::vector<fs::path> found;
  std::error_code code;
  for (fs::directory_iterator entry(folder, code), end; !code && entry != end; entry.increment(code)) {
    std::error_code unreadable;
    if (entry->is_directory(unreadable)) found.push_back(entry->path());
  }
  if (code) throw Error(fmt::format("cannot read folder '{}': {}", folder.string(), code.message()));
  std::ranges::sort(found);
  return found;
}

bool is_case(const fs::path& folder) {
  std::error_code code;
  return fs::is_regular_file(folder / "model.onnx", code);
}

// The folder itself when it is a case, else the cases in it.
std::vector<fs::path> find_cases(const std::vector<std::string>& folders) {
  std::vector<fs::path> cases;
  for (const std::string& text : folders) {
    fs::path folder = fs::path(text).lexically_normal();
    if (!folder.has_filename()) folder = folder.parent_path();  // "DIR/" has no name otherwise
    std::error_code code;
    if (!fs::is_directory(folder, code)) throw Error(fmt::format("'{}' is not a folder", text));
    if (is_case(folder)) {
      cases.push_back(folder);
      continue;
    }
    std::vector<fs::path> inside = subfolders(folder);
    std::erase_if(inside, [](const fs::path& each) { return !is_case(each); });
    if (inside.empty()) throw Error(fmt::format("neither '{}' nor a folder in it has a model.onnx", text));
    cases.insert(cases.end(), inside.begin(), inside.end());
  }
  return cases;
}

std::string position_text(std::int64_t index, const Shape& shape) {
  std::vector<std::int64_t> position;
  for (int axis = shape.rank() - 1; axis >= 0; --axis) {
    position.insert(position.begin(), index % shape[axis]);
    index /= shape[axis];
  }
  return fmt::format("[{}]", fmt::join(position, ", "));
}

template <class T>
double to_double(T value) {
  if constexpr (std::is_same_v<T, Float16> || std::is_same_v<T, BFloat16>) {
    return static_cast<double>(static_cast<float>(value));
  } else {
    return static_cast<double>(value);
  }
}

// The standard deviation of an output's finite values.
double deviation_of(const Tensor& tensor) {
  return visit_dtype(tensor.dtype(), [&]<class T>() {
    double sum = 0, squares = 0, count = 0;
    for (const T value : tensor.values<T>()) {
      const double number = to_double(value);
      if (!std::isfinite(number)) continue;
      sum += number;
      squares += number * number;
      ++count;
    }
    if (count == 0) return 0.0;
    return std::sqrt(std::max(0.0, squares / count - sum / count * (sum / count)));
  });
}

// A tensor stored in 16 bits is off by up to half a unit in its last place. The errors of so many steps add
// up like their squares; five deviations of that hold the largest of a million values.
double precision_sigma(const engine::Plan& plan) {
  const engine::Precision precision = plan.precision();
  const double unit = precision == engine::Precision::bf16  ? 0x1p-9
                      : precision == engine::Precision::f16 ? 0x1p-12
                                                            : 0;
  return 5 * unit * std::sqrt(static_cast<double>(plan.steps().size()));
}

template <class T>
bool close(T actual, T expected, DType dtype, const Options& options) {
  if (!is_float(dtype))
    return std::bit_cast<std::array<std::byte, sizeof(T)>>(actual) ==
           std::bit_cast<std::array<std::byte, sizeof(T)>>(expected);
  const auto a = to_double(actual), b = to_double(expected);
  if (std::isnan(a) || std::isnan(b)) return std::isnan(a) && std::isnan(b);
  if (std::isinf(a) || std::isinf(b)) return a == b;
  const double rtol = dtype == DType::bf16 ? std::max(options.rtol, kBf16Unit) : options.rtol;
  return std::abs(a - b) <= options.atol + rtol * std::abs(b);
}

// Empty when the tensors agree, else how they do not. Elements do not count where they are `random`.
std::string difference(const Tensor& actual, const Tensor& expected, bool random, const Options& options) {
  if (actual.dtype() != expected.dtype() || actual.shape() != expected.shape()) {
    return fmt::format("is {} {}, expected {} {}", name_of(actual.dtype()), actual.shape().to_string(),
                       name_of(expected.dtype()), expected.shape().to_string());
  }
  if (random) return "";
  return visit_dtype(actual.dtype(), [&]<class T>() -> std::string {
    const std::span<const T> a = actual.values<T>(), b = expected.values<T>();
    std::int64_t wrong = 0, first = 0;
    for (std::size_t i = 0; i < a.size(); ++i) {
      if (close(a[i], b[i], actual.dtype(), options)) continue;
      if (wrong++ == 0) first = static_cast<std::int64_t>(i);
    }
    if (wrong == 0) return "";
    const auto at = static_cast<std::size_t>(first);
    return fmt::format("differs in {} of {}, first at {}: {}, expected {}", wrong, counted(a.size(), "value"),
                       position_text(first, actual.shape()), to_double(a[at]), to_double(b[at]));
  });
}

struct Prepared {
  std::shared_ptr<const engine::Plan> plan;
  std::string reason;  // of a pass that needs explaining
};

// Compiles for the tensors' shapes, with values of inputs from `kept` on as constants.
Prepared compile_with(const engine::Graph& graph, const std::vector<Tensor>& inputs, std::size_t kept,
                      const Options& options) {
  engine::CompileOptions compile_options = options.engine.compile_options();
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    compile_options.shapes[graph.value(graph.inputs[i]).name] = inputs[i].shape();
  }
  engine::Graph known = graph;
  std::vector<std::string> names;
  for (std::size_t i = kept; i < inputs.size(); ++i) {
    engine::Value& value = known.value(graph.inputs[i]);
    value.constant = inputs[i];
    value.desc = inputs[i].desc();
    compile_options.shapes.erase(value.name);
    names.push_back(fmt::format("'{}'", value.name));
  }
  known.inputs.resize(kept);
  return {engine::compile(known, compile_options),
          names.empty() ? "" : fmt::format("with {} known at compile time", fmt::join(names, ", "))};
}

// Tries again where a model is refused: the operands after the first become constants, and then all of them:
// a Reshape whose target is an input has no shape until its value is known, nor has a Range.
Prepared compile_for(const engine::Graph& graph, const std::vector<Tensor>& inputs, const Options& options) {
  std::vector<std::size_t> kept{inputs.size()};
  if (inputs.size() > 1) kept.push_back(1);
  if (!inputs.empty()) kept.push_back(0);
  for (const std::size_t count : kept) {
    try {
      return compile_with(graph, inputs, count, options);
    } catch (const Error& error) {
      if (count == kept.back() || error.kind() == ErrorKind::failed) throw;
    }
  }
  return {};
}

// Numbers that a generator draws are not those of another library.
bool draws_numbers(const engine::Graph& graph) {
  return std::ranges::any_of(graph.nodes,
                             [](const engine::Node& node) { return node.op->kind == ops::OpKind::random; });
}

// NumPy has no bfloat16, so ONNX's own test data holds such values as u16.
void restore_bfloat16(const engine::Graph& graph, const std::vector<engine::ValueId>& ids,
                      std::vector<Tensor>& tensors) {
  for (std::size_t i = 0; i < std::min(ids.size(), tensors.size()); ++i) {
    if (graph.value(ids[i]).desc.dtype != DType::bf16 || tensors[i].dtype() != DType::u16) continue;
    const auto owner = std::make_shared<Tensor>(tensors[i]);
    tensors[i] = Tensor({DType::bf16, owner->shape(), Layout::nchw}, owner->data(), owner);
  }
}

Verdict check_data(const engine::Graph& graph, const DataSet& data, const Options& options) {
  if (data.inputs.size() != graph.inputs.size() || data.outputs.size() != graph.outputs.size()) {
    return {Status::fail,
            fmt::format("has {} input and {} output files, the model has {} inputs and {} outputs",
                        data.inputs.size(), data.outputs.size(), graph.inputs.size(), graph.outputs.size())};
  }
  for (std::size_t i = 0; i < data.inputs.size(); ++i) {
    const engine::Value& value = graph.value(graph.inputs[i]);
    if (value.desc.dtype != data.inputs[i].dtype()) {
      return {Status::fail,
              fmt::format("input_{}.pb is {}, but input '{}' is {}", i, name_of(data.inputs[i].dtype()),
                          value.name, name_of(value.desc.dtype))};
    }
  }
  Prepared prepared;
  try {
    prepared = compile_for(graph, data.inputs, options);
  } catch (const Error& error) {
    return {error.kind() == ErrorKind::failed ? Status::fail : Status::unsupported, error.what()};
  }
  std::vector<Tensor> src;
  for (const engine::PlanInput& input : prepared.plan->inputs()) {
    for (std::size_t i = 0; i < graph.inputs.size(); ++i) {
      if (graph.value(graph.inputs[i]).name == input.name) src.push_back(data.inputs[i]);
    }
  }
  engine::Session session(prepared.plan, {options.engine.thread_count(), false});
  const std::span<const Tensor> results = session.run(src);
  const bool random = draws_numbers(graph);
  for (std::size_t i = 0; i < results.size(); ++i) {
    Options allowed = options;
    if (options.sigma > 0 && is_float(data.outputs[i].dtype()))
      allowed.atol +=
          std::max(options.sigma, precision_sigma(*prepared.plan)) * deviation_of(data.outputs[i]);
    const std::string text = difference(results[i], data.outputs[i], random, allowed);
    if (!text.empty()) {
      return {Status::fail, fmt::format("output '{}' {}", prepared.plan->outputs()[i].name, text)};
    }
  }
  if (random) prepared.reason = "its numbers are drawn: types and shapes alone were compared";
  return {Status::pass, prepared.reason};
}

Verdict check_case(const fs::path& folder, const Options& options) {
  std::optional<engine::Graph> graph;
  try {
    graph = importers::load((folder / "model.onnx").string());
  } catch (const Error& error) {
    return {error.kind() == ErrorKind::failed ? Status::fail : Status::unsupported, error.what()};
  }
  try {
    int sets = 0;
    Verdict verdict;
    for (const fs::path& set : subfolders(folder)) {
      if (!set.filename().string().starts_with("test_data_set_")) continue;
      ++sets;
      DataSet data{load_tensors(set, "input"), load_tensors(set, "output")};
      restore_bfloat16(*graph, graph->inputs, data.inputs);
      restore_bfloat16(*graph, graph->outputs, data.outputs);
      verdict = check_data(*graph, data, options);
      if (verdict.status == Status::pass) continue;
      verdict.reason = fmt::format("{}: {}", set.filename().string(), verdict.reason);
      return verdict;
    }
    if (sets == 0) return {Status::fail, "has no test_data_set_* folder"};
    return verdict;
  } catch (const std::exception& error) {
    return {Status::fail, vision::failure_text(error)};
  }
}

int verify(const Options& options) {
  const std::vector<fs::path> folders = find_cases(options.folders);
  (void)options.engine.compile_options();  // a wrong --isa is bad usage, not a thousand failures
  int counts[3] = {0, 0, 0};
  Json cases = Json::array();
  std::size_t done = 0;
  {
    Progress progress("cases", folders.size());
    for (const fs::path& folder : folders) {
      const std::string name = folder.filename().string();
      Verdict verdict = check_case(folder, options);
      verdict.reason = one_line(verdict.reason);
      const std::string_view status = kStatusNames[static_cast<int>(verdict.status)];
      ++counts[static_cast<int>(verdict.status)];
      Json row = {{"name", name}, {"status", status}, {"reason", verdict.reason}};
      if (!options.json) progress.clear();
      if (options.json_lines) {
        print_json(row);
      } else if (!options.json) {
        print(
            fmt::format("{:<12}{}{}{}\n", status, name, verdict.reason.empty() ? "" : ": ", verdict.reason));
      }
      if (options.json) cases.push_back(std::move(row));
      progress.advance();
      ++done;
      if (interrupted()) break;
    }
  }
  const bool partial = done < folders.size();
  if (options.json) {
    Json json = {{"schema", "godwit.verify/1"},
                 {"passed", counts[0]},
                 {"failed", counts[1]},
                 {"unsupported", counts[2]},
                 {"cases", std::move(cases)}};
    if (partial) json["partial"] = true;
    print_json(json);
  } else {
    const std::string text = fmt::format("{} passed, {} failed, {} unsupported{}\n", counts[0], counts[1],
                                         counts[2], partial ? " (partial: interrupted)" : "");
    options.json_lines ? print_aside(text) : print(text);
  }
  if (partial) {
    warning(fmt::format("{} ended the work after {} of {}", interrupt_name(), done,
                        counted(folders.size(), "case")));
    return interrupt_exit_code();
  }
  return counts[1] > 0 ? kFailed : kDone;
}

std::function<int()> prepare(CLI::App& app) {
  auto options = std::make_shared<Options>();
  app.add_option("DIR", options->folders,
                 "A test folder (model.onnx, test_data_set_*/input_*.pb and output_*.pb), or a folder of "
                 "such folders.")
      ->required();
  app.add_option("--rtol", options->rtol, "Allowed relative difference of floating-point outputs.")
      ->check(not_negative_real())
      ->type_name("R")
      ->default_str("0.001, as ONNX's own runner");
  app.add_option("--atol", options->atol, "Allowed absolute difference, on top of the relative one.")
      ->check(not_negative_real())
      ->type_name("A")
      ->default_str("1e-7, as ONNX's own runner");
  app.add_option("--sigma", options->sigma,
                 "Allowed difference in standard deviations of the output, on top of both; with --precision "
                 "bf16 or f16 at least what the rounding of all steps makes likely.")
      ->check(not_negative_real())
      ->type_name("S")
      ->default_str("0");
  add_json_option(app, options->json);
  add_json_lines_option(app, options->json_lines,
                        "one for each case as soon as it is known (name, status, reason)");
  add_engine_options(app, options->engine, true, false);
  return [options] { return verify(*options); };
}

}  // namespace

const Command verify_command = {
    "verify",
    "Measure",
    "run ONNX test folders and compare with the outputs they hold",
    "DIR... [options]",
    "Prints one line for each case. PASS: every output has the expected type and shape, integers and "
    "booleans are equal, floating-point values a and expected b satisfy |a - b| <= atol + sigma * (standard "
    "deviation of the output) + rtol * |b| (bf16: rtol is at least 2^-7, one unit in the last place). FAIL: "
    "the model was accepted and something else "
    "came out, or its files do not fit together. UNSUPPORTED: godwit refuses the model, with the reason. An "
    "input that decides shapes is taken as known at compile time, and the line says so. Of models that draw "
    "random numbers types and shapes alone are compared. The exit status is "
    "1 when any case fails. The JSON fields are schema, passed, failed, unsupported and cases (name, "
    "status, reason); where a signal ends the work early, partial is true.",
    "godwit verify onnx/backend/test/data/node\n"
    "godwit verify mobilenetv2-7 --isa avx2 --json",
    prepare,
    {},
    "--rtol --atol --precision --isa --json",
};

}  // namespace godwit::tools
