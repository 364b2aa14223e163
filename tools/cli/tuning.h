// Compiling a model by a plan file, or after a timed trial that writes one.
#pragma once

#include <memory>
#include <string>

#include "engine/plan.h"
#include "tools/cli/options.h"

namespace godwit::tools {

struct Compiled {
  std::shared_ptr<const engine::Plan> plan;
  double seconds = 0;  // reading and checking the plan file included, a trial not
};

// compile() with what --plan or --tune of `engine` asks for; `path` is the model's file, `options` say how to
// compile. Throws Error for a plan file that is malformed, for something else or does not fit, and for a
// --tune that would write over something else; the plan file is there once the trial is done.
Compiled compile_model(const engine::Graph& graph, const std::string& path, const EngineOptions& engine,
                       engine::CompileOptions options);

}  // namespace godwit::tools
