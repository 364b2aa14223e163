// Finds the preprocessing that a model wants and binds its input to what that makes.
#include "tools/vision/image_input.h"

#include <fmt/format.h>

#include "runtime/error.h"

namespace godwit::vision {
namespace {

// Real numbers that pixels as f32 are cast to.
bool takes_images(DType dtype) {
  return dtype == DType::f32 || dtype == DType::f64 || dtype == DType::f16 || dtype == DType::bf16;
}

}  // namespace

image::Pipeline find_pipeline(const std::string& preset_or_file,
                              const std::map<std::string, std::string>& metadata) {
  image::Pipeline pipeline;
  const auto entry = metadata.find("godwit.preprocess");
  if (!preset_or_file.empty()) {
    pipeline = image::pipeline(preset_or_file);
  } else if (entry != metadata.end()) {
    pipeline = image::pipeline_from_text(entry->second, "metadata entry godwit.preprocess");
  } else {
    std::string choices;
    for (const image::Preset& preset : image::presets())
      choices += fmt::format("{} ({}), ", preset.name, preset.sentence);
    throw Error(fmt::format(
        "the model does not say how its images are preprocessed; pass --preprocess with the name of whose "
        "weights they are: {}or a JSON file; 'godwit list presets' says how to tell",
        choices));
  }
  if (pipeline.crop <= 0) {
    throw Error(
        fmt::format("preprocessing '{}' has no crop, expected one, since all images of a batch have one size",
                    pipeline.name));
  }
  return pipeline;
}

std::int64_t set_image_input(const engine::Graph& graph, const image::Pipeline& pipeline, std::int64_t asked,
                             std::int64_t fallback, engine::CompileOptions& options) {
  std::int64_t batch = asked > 0 ? asked : fallback;
  if (graph.inputs.size() != 1) {
    throw Error(fmt::format("the model has {} inputs, expected one that takes images", graph.inputs.size()));
  }
  const engine::Value& input = graph.value(graph.inputs.front());
  Shape shape = options.shapes.contains(input.name) ? options.shapes.at(input.name) : input.desc.shape;
  const std::int64_t channels = pipeline.channels;
  const auto has_channels = [&](int axis) { return shape[axis] == channels; };
  const bool channels_first =
      shape.rank() == 4 && (has_channels(1) || (!is_known(shape[1]) && !has_channels(3)));
  const bool channels_last = shape.rank() == 4 && !channels_first && has_channels(3);
  if (!takes_images(input.desc.dtype) || (!channels_first && !channels_last)) {
    throw Error(fmt::format("input '{}' is {} {}, expected f32 images Nx{}xHxW or NxHxWx{}{}", input.name,
                            name_of(input.desc.dtype), graph.to_string(input.desc.shape), channels, channels,
                            shape.rank() == 4 && channels == 3 && (shape[1] == 1 || shape[3] == 1)
                                ? "; for gray images pass --preprocess with \"channels\": 1"
                                : ""));
  }
  const std::int64_t crop = pipeline.crop;
  const Shape wanted =
      channels_first ? Shape{batch, channels, crop, crop} : Shape{batch, crop, crop, channels};
  for (int axis = 0; axis < 4; ++axis) {
    if (!is_known(shape[axis])) shape[axis] = wanted[axis];
    if (axis == 0 && shape[0] != batch) {
      if (asked > 0) {
        throw Error(
            fmt::format("the batch size is fixed at {} by the model or --shape, not {}", shape[0], batch));
      }
      batch = shape[0];
      if (batch < 1) throw Error(fmt::format("input '{}' takes no image: {}", input.name, shape.to_string()));
    } else if (axis > 0 && shape[axis] != wanted[axis]) {
      throw Error(fmt::format(
          "input '{}' is {}, but preprocessing '{}' makes images of {}x{}; pass --preprocess with the crop "
          "that fits",
          input.name, graph.to_string(input.desc.shape), pipeline.name, crop, crop));
    }
  }
  options.shapes[input.name] = shape;
  options.f32_inputs = true;
  // Pixels come channels-last out of the decoder, and the kernels take them so.
  if (channels_first) options.input_layouts[input.name] = Layout::nhwc;
  return batch;
}

}  // namespace godwit::vision
