// Reads tensors, and fits them to a plan.
#include "tools/cli/bench_inputs.h"

#include <algorithm>
#include <filesystem>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "importers/importer.h"
#include "runtime/error.h"
#include "runtime/npy.h"
#include "tools/bench/option_values.h"
#include "tools/vision/random_input.h"

namespace godwit::tools {
namespace {

Tensor read_tensor(const std::string& path) {
  const std::string extension = std::filesystem::path(path).extension().string();
  if (extension == ".npy") return read_npy(path);
  if (extension == ".pb") return importers::load_tensor(path);
  throw Error(fmt::format("'{}' is neither .npy nor .pb (an ONNX TensorProto)", path));
}

std::string only_input(const std::string& path, const std::string& text) {
  const engine::Graph graph = importers::load(path);
  if (graph.inputs.size() == 1) return graph.value(graph.inputs.front()).name;
  throw Error(
      fmt::format("--input '{}': the model has {} inputs, expected NAME=FILE", text, graph.inputs.size()));
}

}  // namespace

BenchInputs::BenchInputs(const std::vector<std::string>& texts, const std::string& path) {
  for (const std::string& text : texts) {
    NamedText named = split_named(text);
    Tensor tensor = read_tensor(named.value);
    if (named.name.empty()) named.name = only_input(path, text);
    if (!read_.emplace(named.name, Read{named.value, std::move(tensor)}).second)
      throw Error(fmt::format("--input names '{}' twice", named.name));
  }
}

void BenchInputs::set_shapes(EngineOptions& engine) const {
  for (const auto& [name, read] : read_) {
    if (read.tensor.shape().rank() == 0) continue;
    engine.shapes.push_back(fmt::format("{}={}", name, fmt::join(read.tensor.shape().dims(), "x")));
  }
}

std::vector<Tensor> BenchInputs::tensors(const engine::Plan& plan) const {
  std::vector<Tensor> result = vision::random_inputs(plan);
  std::size_t used = 0;
  for (std::size_t i = 0; i < result.size(); ++i) {
    const engine::PlanInput& input = plan.inputs()[i];
    const auto found = read_.find(input.name);
    if (found == read_.end()) continue;
    const Tensor& tensor = found->second.tensor;
    if (tensor.dtype() != input.desc.dtype || tensor.shape() != input.desc.shape) {
      throw Error(fmt::format("'{}' holds {} {}, but input '{}' is {} {}", found->second.file,
                              name_of(tensor.dtype()), tensor.shape().to_string(), input.name,
                              name_of(input.desc.dtype), input.desc.shape.to_string()));
    }
    result[i] = tensor;
    ++used;
  }
  if (used == read_.size()) return result;
  std::vector<std::string> names;
  for (const engine::PlanInput& input : plan.inputs()) names.push_back(input.name);
  for (const auto& [name, read] : read_) {
    if (std::ranges::find(names, name) == names.end())
      throw Error(
          fmt::format("the model has no input '{}'; its inputs are {}", name, fmt::join(names, ", ")));
  }
  return result;
}

}  // namespace godwit::tools
