// Counting, and a plan whose outputs are the results of another plan's steps.
#include "engine/nonfinite.h"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <limits>
#include <map>
#include <string_view>

#include "engine/session.h"
#include "runtime/error.h"

namespace godwit::engine {
namespace {

// The smallest f32 that rounds to infinity in f16.
constexpr float kBeyondHalf = 65520.0F;

template <class T>
Nonfinite count(std::span<const T> values) {
  Nonfinite result{.elements = values.size()};
  for (const T value : values) {
    const auto number = static_cast<float>(value);
    if (std::isfinite(number)) continue;
    ++(std::isnan(number) ? result.nan : result.infinite);
  }
  return result;
}

float largest_magnitude(const Tensor& tensor) {
  float largest = 0;
  for (const float value : tensor.values<float>()) largest = std::max(largest, std::abs(value));
  return largest;
}

std::string advice(Precision precision) {
  if (precision == Precision::f16)
    return "f16 holds numbers up to 65504: run it with --precision bf16 or f32";
  if (precision == Precision::bf16 || precision == Precision::int8)
    return fmt::format("run it with --precision f32 to see whether {} makes them", name_of(precision));
  return "this is f32, so the model itself makes them: look at that layer's weights and what it reads";
}

}  // namespace

std::string Nonfinite::to_string() const {
  std::vector<std::string> kinds;
  if (nan > 0) kinds.push_back(fmt::format("{} NaN", nan));
  if (infinite > 0) kinds.push_back(fmt::format("{} infinite", infinite));
  return fmt::format("{} of {} elements {} not finite ({})", count(), elements, count() == 1 ? "is" : "are",
                     fmt::join(kinds, ", "));
}

Nonfinite count_nonfinite(std::span<const float> values) { return count(values); }

Nonfinite count_nonfinite(const TensorView& tensor) {
  const auto elements = static_cast<std::size_t>(tensor.desc.shape.elements());
  return visit_dtype(tensor.desc.dtype, [&]<class T>() -> Nonfinite {
    const std::span<const T> values(tensor.as<const T>(), elements);
    if constexpr (std::is_same_v<T, double>) {
      Nonfinite result{.elements = elements};
      for (const double value : values) {
        if (!std::isfinite(value)) ++(std::isnan(value) ? result.nan : result.infinite);
      }
      return result;
    } else if constexpr (is_float(dtype_of<T>)) {
      return count(values);
    } else {
      return {.elements = elements};
    }
  });
}

NonfiniteSearch::NonfiniteSearch(const Graph& graph, const CompileOptions& compile, const Plan& plan) {
  std::map<std::string_view, const Node*> nodes;
  for (const Node& node : graph.nodes) nodes.emplace(node.name, &node);
  CompileOptions options = compile;
  options.outputs.clear();
  // A step that is watched may be another one than in the plan that chose for it.
  options.choices = {};
  for (const Step& step : plan.steps()) {
    if (step.origins.empty()) continue;
    const auto last = nodes.find(step.origins.back());
    if (last == nodes.end() || last->second->outputs.empty()) continue;
    const ValueId id = last->second->outputs.front();
    if (id == kNoValue || !is_float(graph.value(id).desc.dtype)) continue;
    const std::string& name = graph.value(id).name;
    if (std::ranges::find(options.outputs, name) != options.outputs.end()) continue;
    options.outputs.push_back(name);
    layers_.push_back(fmt::format("{} ({})", fmt::join(step.origins, " + "), step.op->name));
  }
  for (const PlanInput& input : plan.inputs()) inputs_.push_back(input.name);
  half_ = plan.precision() == Precision::f16;
  if (options.outputs.empty()) return;
  session_ =
      std::make_unique<Session>(engine::compile(graph, options), SessionOptions{.threads = options.threads});
}

NonfiniteSearch::~NonfiniteSearch() = default;

std::optional<NonfiniteSearch::Found> NonfiniteSearch::first(std::span<const Tensor> inputs) {
  for (std::size_t i = 0; i < inputs.size() && i < inputs_.size(); ++i) {
    const Nonfinite numbers = count_nonfinite(inputs[i].view());
    if (numbers.any()) return Found{fmt::format("input '{}'", inputs_[i]), true, numbers, std::nullopt};
  }
  if (session_ == nullptr) return std::nullopt;
  const std::span<const Tensor> results = session_->run(inputs);
  for (std::size_t i = 0; i < results.size(); ++i) {
    const Nonfinite numbers = count_nonfinite(results[i].view());
    if (numbers.any()) return Found{layers_[i], false, numbers, std::nullopt};
    if (!half_ || i + 1 == results.size() || results[i].dtype() != DType::f32) continue;
    const float largest = largest_magnitude(results[i]);
    if (largest >= kBeyondHalf) return Found{layers_[i], false, numbers, largest};
  }
  return std::nullopt;
}

std::string NonfiniteSearch::Found::to_string() const {
  if (overflow) return fmt::format("{}, which gives {:.5g}, more than f16 holds", layers, *overflow);
  return fmt::format("{}, where {}", layers, numbers.to_string());
}

std::optional<NonfiniteSearch::Found> first_nonfinite(const Graph& graph, const CompileOptions& compile,
                                                      const Plan& plan, std::span<const Tensor> inputs) {
  try {
    return NonfiniteSearch(graph, compile, plan).first(inputs);
  } catch (const Error&) {
    return std::nullopt;
  }
}

std::string explain_nonfinite(const std::optional<NonfiniteSearch::Found>& found, Precision precision) {
  if (found && found->is_input) return fmt::format("{} has them already", found->to_string());
  return (found ? fmt::format("first in {}; ", found->to_string()) : "") + advice(precision);
}

}  // namespace godwit::engine
