// Attempts in order: as the model is, with the small integers known, with all but the first, with all.
#include "tools/cli/known_inputs.h"

#include <algorithm>
#include <exception>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <utility>

#include "runtime/error.h"

namespace godwit::tools {
namespace {

using Tensors = std::map<std::string, Tensor>;

// Lists of axes, sizes and positions are no longer.
constexpr std::int64_t kLargestList = 256;

bool is_list(const Tensor& tensor) {
  return !is_float(tensor.dtype()) && tensor.shape().rank() <= 1 && tensor.shape().elements() <= kLargestList;
}

// True where one name of a dimension would stand for two sizes.
bool symbols_differ(const engine::Graph& graph, const Tensors& tensors) {
  std::map<std::int64_t, std::int64_t> sizes;
  for (const engine::ValueId id : graph.inputs) {
    const Shape &declared = graph.value(id).desc.shape, given = tensors.at(graph.value(id).name).shape();
    for (int axis = 0; axis < std::min(declared.rank(), given.rank()); ++axis) {
      if (is_symbol(declared[axis]) &&
          sizes.emplace(declared[axis], given[axis]).first->second != given[axis])
        return true;
    }
  }
  return false;
}

// The inputs that each attempt takes as known, by name.
std::vector<std::vector<std::string>> attempts(const engine::Graph& graph, const Tensors& tensors) {
  std::vector<std::string> lists, all_but_first, all;
  for (const engine::ValueId id : graph.inputs) {
    const std::string& name = graph.value(id).name;
    if (is_list(tensors.at(name))) lists.push_back(name);
    if (!all.empty()) all_but_first.push_back(name);
    all.push_back(name);
  }
  std::vector<std::vector<std::string>> result{{}};
  for (const auto& known : {lists, all_but_first, all}) {
    if (!known.empty() && std::ranges::find(result, known) == result.end()) result.push_back(known);
  }
  return result;
}

PlanForTensors attempt(engine::Graph graph, const Tensors& tensors, engine::CompileOptions options,
                       const std::vector<std::string>& known, const CompileGraph& compile) {
  for (const std::string& name : known) engine::make_known(graph, name, tensors.at(name));
  for (const engine::ValueId id : graph.inputs) {
    const std::string& name = graph.value(id).name;
    options.shapes[name] = tensors.at(name).shape();
  }
  PlanForTensors result;
  result.plan = compile(graph, options);
  result.graph = std::move(graph);
  for (const engine::PlanInput& input : result.plan->inputs()) result.src.push_back(tensors.at(input.name));
  if (!known.empty()) result.note = fmt::format("with '{}' known at compile time", fmt::join(known, "', '"));
  return result;
}

}  // namespace

PlanForTensors compile_for(engine::Graph graph, const Tensors& tensors, engine::CompileOptions options,
                           const CompileGraph& compile) {
  for (const auto& [name, tensor] : tensors) {
    const bool required = std::ranges::any_of(
        graph.inputs, [&, &input = name](engine::ValueId id) { return graph.value(id).name == input; });
    if (!required) engine::make_known(graph, name, tensor);
  }
  if (symbols_differ(graph, tensors)) engine::forget_symbols(graph);
  std::exception_ptr first;
  for (const std::vector<std::string>& known : attempts(graph, tensors)) {
    try {
      return attempt(graph, tensors, options, known, compile);
    } catch (const Error& error) {
      if (error.kind() == ErrorKind::failed) throw;
      if (first == nullptr) first = std::current_exception();
    }
  }
  std::rethrow_exception(first);
}

}  // namespace godwit::tools
