// Requirements of a model that takes images.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "engine/graph.h"
#include "engine/plan.h"
#include "runtime/image/pipeline.h"

namespace godwit::vision {

// Says if images keep a size of their own where the pipeline has no crop; else that is an Error.
enum class OwnSize : bool { no, yes };

// The pipeline asked for, else the model's own, with the changes made to it. Throws Error saying what to pass
// when there is none.
image::Pipeline find_pipeline(const image::PreprocessChoice& choice,
                              const std::map<std::string, std::string>& metadata,
                              OwnSize own_size = OwnSize::no);
// The same for that input of the graph: where it takes one channel, images are made gray. Throws Error where
// the pipeline has other numbers for each of three channels.
image::Pipeline pipeline_for(const engine::Graph& graph, const engine::Value& input,
                             const image::PreprocessChoice& choice, OwnSize own_size = OwnSize::no);
// The same for the graph's one input. Throws Error where it has another number of them.
image::Pipeline pipeline_for(const engine::Graph& graph, const image::PreprocessChoice& choice);
// Writes down what is asked for, if anything is, as the metadata entry godwit.preprocess. Throws Error where
// find_pipeline() does.
void put_pipeline(const image::PreprocessChoice& choice, std::map<std::string, std::string>& metadata);

// An input as it takes images.
struct ImageInput {
  Shape shape;  // (N, C, H, W) or (N, H, W, C), all known
  bool channels_first = true;
};
// The input for images out of this pipeline, with `shape` in place of what it declares. Their number is
// `asked`; for 0 it is what the shape fixes, else `fallback`. Throws Error where the input holds no images,
// fixes another size, or takes bytes and the pipeline makes other numbers.
ImageInput fit_images(const engine::Graph& graph, const engine::Value& input, const Shape& shape,
                      const image::Pipeline& pipeline, std::int64_t asked, std::int64_t fallback);

// Gives the graph's one input the shape and layout that fit_images() finds: channels last, as decoders make
// them, and f32 whatever real or 8-bit numbers the input has. Returns the number of images.
std::int64_t set_image_input(const engine::Graph& graph, const image::Pipeline& pipeline, std::int64_t asked,
                             std::int64_t fallback, engine::CompileOptions& options);

}  // namespace godwit::vision
