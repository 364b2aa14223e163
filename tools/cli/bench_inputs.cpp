// Tensors that were given, fitted to a plan.
#include "tools/cli/bench_inputs.h"

#include <algorithm>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "importers/importer.h"
#include "tools/vision/random_input.h"

namespace godwit::tools {

BenchInputs::BenchInputs(const std::vector<std::string>& texts, const std::string& path)
    : read_(read_input_tensors(texts, [&] { return importers::load(path); })) {}

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
      refuse_tensor(found->second, input.name,
                    fmt::format("{} {}", name_of(input.desc.dtype), input.desc.shape.to_string()));
    }
    result[i] = tensor;
    ++used;
  }
  if (used == read_.size()) return result;
  std::vector<std::string> names;
  for (const engine::PlanInput& input : plan.inputs()) names.push_back(input.name);
  for (const auto& [name, read] : read_) {
    if (std::ranges::find(names, name) == names.end()) refuse_name(name, names);
  }
  return result;
}

}  // namespace godwit::tools
