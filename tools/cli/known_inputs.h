// Plans for tensors at hand: their shapes bound, defaults replaced, and what decides shapes known at compile
// time.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "engine/plan.h"

namespace godwit::tools {

struct PlanForTensors {
  std::shared_ptr<const engine::Plan> plan;
  engine::Graph graph;      // with what is known
  std::vector<Tensor> src;  // those of the plan's inputs, in their order
  std::string note;         // "with 'shape' known at compile time"; empty where no input is
};
using CompileGraph =
    std::function<std::shared_ptr<const engine::Plan>(const engine::Graph&, const engine::CompileOptions&)>;

// Compiles for `tensors`, by name: one for each input of the graph, and any for constants among its
// declared_inputs, which they replace. Where that is refused, inputs become constants of the model, few at
// first: a Reshape whose target is an input has no shape until its value is known. Throws what the first
// attempt threw where none succeeds.
PlanForTensors compile_for(engine::Graph graph, const std::map<std::string, Tensor>& tensors,
                           engine::CompileOptions options, const CompileGraph& compile);

}  // namespace godwit::tools
