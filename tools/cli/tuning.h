// Compiling a model by a plan file, or after a timed trial that writes one.
#pragma once

#include <string>

#include "engine/plan.h"
#include "tools/cli/options.h"
#include "tools/vision/image_model.h"

namespace godwit::tools {

// compile() with what --plan or --tune of `engine` asks for. `path` is the model's file, `options` say how to
// compile. Throws Error for a plan file that is malformed, for something else, or does not fit. Throws Error
// for a --tune that would write over something else. The plan file is there once the trial is done. The
// seconds include reading and checking the plan file, but no trial. Throws Interrupted.
vision::Compiled compile_model(const engine::Graph& graph, const std::string& path,
                               const EngineOptions& engine, engine::CompileOptions options);

}  // namespace godwit::tools
