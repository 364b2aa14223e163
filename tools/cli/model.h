// Loading and compiling a model for commands that look at it or time it, and facts drawn from a plan.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "engine/plan.h"
#include "tools/cli/options.h"

namespace godwit::tools {

struct LoadedModel {
  engine::Graph graph;
  std::shared_ptr<const engine::Plan> plan;
  double load_seconds = 0;     // reading the file
  double compile_seconds = 0;  // passes, choice of kernels, packing of weights; a plan file, but no trial
};

// Loads a model and compiles it with `batch` for every open first dimension; other open dimensions must come
// from
// --shape or, for an image input, from the crop of the model's own preprocessing. Throws Error naming the
// model.
LoadedModel load_model(const std::string& path, const EngineOptions& options, std::int64_t batch);

// Shapes by input name for this batch size, as load_model() chooses them.
std::map<std::string, Shape> input_shapes(const engine::Graph& graph, const EngineOptions& options,
                                          std::int64_t batch);

// True when some input's first dimension is open and not set by --shape.
bool has_open_batch(const engine::Graph& graph, const EngineOptions& options);

// The first dimension of the plan's first input: how many images one run takes. 1 where there is none.
std::int64_t batch_of(const engine::Plan& plan);

// Bytes of packed weights and of the constants that steps read as they are.
std::size_t weight_bytes(const engine::Plan& plan);

// Values for every input of the plan, the same in every run of the program.
std::vector<Tensor> random_inputs(const engine::Plan& plan);

// The model's own layers done in a step: "conv1 + conv1_bn + relu1".
std::string layers_of(const engine::Step& step);

}  // namespace godwit::tools
