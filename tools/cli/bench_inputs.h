// Tensors from files in place of random input.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "engine/plan.h"
#include "runtime/tensor.h"
#include "tools/cli/input_tensors.h"
#include "tools/cli/options.h"

namespace godwit::tools {

class BenchInputs {
 public:
  // Reads NAME=FILE (.npy or .pb); NAME= may be left out where the model at `path` has one input. Throws
  // Error naming the option's text.
  BenchInputs(const std::vector<std::string>& texts, const std::string& path);

  // Settles the shapes of these inputs as --shape does.
  void set_shapes(EngineOptions& engine) const;
  // Inputs for the plan in its order: these, and random ones for the rest. Throws Error where a name or a
  // type does not fit.
  std::vector<Tensor> tensors(const engine::Plan& plan) const;

 private:
  std::map<std::string, InputTensor> read_;
};

}  // namespace godwit::tools
