// One reader for all commands that take --input.
#include "tools/cli/input_tensors.h"

#include <filesystem>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "importers/importer.h"
#include "runtime/counted.h"
#include "runtime/error.h"
#include "runtime/nearest_name.h"
#include "runtime/npy.h"
#include "tools/bench/option_values.h"

namespace godwit::tools {
namespace {

Tensor read_tensor(const std::string& path) {
  const std::string extension = std::filesystem::path(path).extension().string();
  if (extension == ".npy") return read_npy(path);
  if (extension == ".pb") return importers::load_tensor(path);
  throw Error(fmt::format("'{}' is neither .npy nor .pb (an ONNX TensorProto)", path));
}

std::string only_input(const engine::Graph& graph, const std::string& text) {
  const std::vector<std::string> required = input_names(graph, false);
  if (required.size() == 1) return required.front();
  const std::vector<std::string> names = input_names(graph, true);
  throw Error(fmt::format("--input '{}': the model has {} ({}), expected NAME=FILE", text,
                          counted(names.size(), "input"), fmt::join(names, ", ")));
}

}  // namespace

std::vector<std::string> input_names(const engine::Graph& graph, bool with_defaults) {
  std::vector<std::string> names;
  const bool declared = with_defaults && !graph.declared_inputs.empty();
  for (const engine::ValueId id : declared ? graph.declared_inputs : graph.inputs)
    names.push_back(graph.value(id).name);
  return names;
}

std::map<std::string, InputTensor> read_input_tensors(const std::vector<std::string>& texts,
                                                      const std::function<engine::Graph()>& model) {
  std::map<std::string, InputTensor> tensors;
  for (const std::string& text : texts) {
    NamedText named = split_named(text);
    if (named.value.empty()) throw Error(fmt::format("--input '{}' names no file, expected NAME=FILE", text));
    if (named.name.empty()) named.name = only_input(model(), text);
    if (!tensors.emplace(named.name, InputTensor{named.value, read_tensor(named.value)}).second)
      throw Error(fmt::format("input '{}' is given twice", named.name));
  }
  return tensors;
}

void refuse_name(const std::string& name, const std::vector<std::string>& known) {
  const std::vector<std::string_view> names(known.begin(), known.end());
  throw Error(fmt::format("the model has no input '{}'; its inputs are {}{}", name, fmt::join(known, ", "),
                          did_you_mean(name, names)));
}

void refuse_tensor(const InputTensor& given, const std::string& name, const std::string& wanted) {
  throw Error(fmt::format("'{}' holds {} {}, but input '{}' is {}", given.file, name_of(given.tensor.dtype()),
                          given.tensor.shape().to_string(), name, wanted));
}

}  // namespace godwit::tools
