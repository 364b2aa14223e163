// Requirements of a model that takes images.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "engine/graph.h"
#include "engine/plan.h"
#include "runtime/image/pipeline.h"

namespace godwit::vision {

// The named pipeline, else the model's own. Throws Error saying what to pass when there
// is none.
image::Pipeline find_pipeline(const std::string& preset_or_file,
                              const std::map<std::string, std::string>& metadata);

// Gives the graph's one input the shape and layout of images out of this pipeline: channels last, as decoders
// make them. Their number, which is returned, is `asked`; for 0 it is what the model fixes, else `fallback`.
// Throws Error when the graph has another input than one of f32 images, or fixes another size.
std::int64_t set_image_input(const engine::Graph& graph, const image::Pipeline& pipeline, std::int64_t asked,
                             std::int64_t fallback, engine::CompileOptions& options);

}  // namespace godwit::vision
