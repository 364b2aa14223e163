// Loading and compiling a model for commands that look at it or time it.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "engine/graph.h"
#include "engine/plan.h"
#include "tools/cli/options.h"

namespace godwit::tools {

// Reads a model and tells on stderr what it says falsely of itself, for commands that do not compile it by
// compile_model(), which tells that too. Throws Error naming the model.
engine::Graph load_graph(const std::string& path);
// Tells the same of a graph that was read already.
void tell_warnings(const engine::Graph& graph, const std::string& path);

struct LoadedModel {
  engine::Graph graph;
  std::shared_ptr<const engine::Plan> plan;
  double load_seconds = 0;     // reading the file
  double compile_seconds = 0;  // passes, choice of kernels, packing of weights; a plan file, but no trial
};

// Loads a model and compiles it with `batch` for every open first dimension; other open dimensions must come
// from --shape or, for an image input, from the crop of the model's own preprocessing. Throws Error naming
// the model.
LoadedModel load_model(const std::string& path, const EngineOptions& options, std::int64_t batch);

// Shapes by input name for this batch size, as load_model() chooses them.
std::map<std::string, Shape> input_shapes(const engine::Graph& graph, const EngineOptions& options,
                                          std::int64_t batch);

// True when some input's first dimension is open and not set by --shape.
bool has_open_batch(const engine::Graph& graph, const EngineOptions& options);

}  // namespace godwit::tools
