// Tensors for a model's inputs, from files that the command line names.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "engine/graph.h"
#include "runtime/tensor.h"

namespace godwit::tools {

struct InputTensor {
  std::string file;
  Tensor tensor;
};

// Reads NAME=FILE (.npy or .pb) by input. NAME= may be left out where the model, asked for only then, needs
// one input. Throws Error naming the text or the file.
std::map<std::string, InputTensor> read_input_tensors(const std::vector<std::string>& texts,
                                                      const std::function<engine::Graph()>& model);

// Names of the inputs that may be given, those with a default among them, or of those that must be.
std::vector<std::string> input_names(const engine::Graph& graph, bool with_defaults);

// Throws Error: the model has no such input.
[[noreturn]] void refuse_name(const std::string& name, const std::vector<std::string>& known);
// Throws Error: the tensor is not what the input is, a type and a shape in words.
[[noreturn]] void refuse_tensor(const InputTensor& given, const std::string& name, const std::string& wanted);

}  // namespace godwit::tools
