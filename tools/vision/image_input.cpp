// Finds the preprocessing that a model wants and binds its input to what that makes.
#include "tools/vision/image_input.h"

#include <cmath>
#include <filesystem>
#include <fmt/format.h>
#include <optional>

#include "runtime/counted.h"
#include "runtime/error.h"
#include "runtime/image/preprocess.h"
#include "tools/vision/files.h"

namespace godwit::vision {
namespace {

// Numbers that pixels as f32 are cast to.
bool takes_images(DType dtype) { return is_float(dtype) || dtype == DType::u8 || dtype == DType::s8; }

// Casting to 8 bits must change no value: a network for bytes was trained on pixels as they are.
void require_bytes(const image::Pipeline& pipeline, const engine::Value& input) {
  const DType dtype = input.desc.dtype;
  const image::ValueTable<float> table = image::value_table(pipeline);
  const float lowest = dtype == DType::u8 ? 0 : -128, highest = dtype == DType::u8 ? 255 : 127;
  for (const auto& channel : table) {
    for (const float value : channel) {
      if (value >= lowest && value <= highest && value == std::floor(value)) continue;
      throw Error(fmt::format(
          "input '{}' is {}, but preprocessing '{}' makes {:g} of a pixel; pass --preprocess with a JSON "
          "file whose values are whole numbers from {} to {}, such as {{{}}}",
          input.name, name_of(dtype), pipeline.name, value, lowest, highest,
          dtype == DType::u8 ? "\"scale\": 1" : "\"scale\": 1, \"mean\": [128, 128, 128]"));
    }
  }
}

// True for channels first, false for channels last; nullopt where the shape holds no images of so many.
std::optional<bool> channels_first(const Shape& shape, std::int64_t channels) {
  if (shape.rank() != 4) return std::nullopt;
  // An axis left open holds channels where the last one is not as short as channels are.
  if (shape[1] == channels || (!is_known(shape[1]) && shape[3] != 1 && shape[3] != 3)) return true;
  return shape[3] == channels ? std::optional(false) : std::nullopt;
}

const engine::Value& only_input(const engine::Graph& graph) {
  if (graph.inputs.size() == 1) return graph.value(graph.inputs.front());
  throw Error(
      fmt::format("the model has {}, expected one that takes images", counted(graph.inputs.size(), "input")));
}

}  // namespace

image::Pipeline find_pipeline(const image::PreprocessChoice& choice,
                              const std::map<std::string, std::string>& metadata, OwnSize own_size) {
  image::Pipeline pipeline;
  const auto entry = metadata.find("godwit.preprocess");
  if (!choice.preset_or_file.empty()) {
    pipeline = image::pipeline(choice.preset_or_file);
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
  image::change(pipeline, choice.changes);
  if (pipeline.crop.empty() && own_size == OwnSize::no) {
    throw Error(
        fmt::format("preprocessing '{}' has no crop, expected one, since all images of a batch have one size",
                    pipeline.name));
  }
  return pipeline;
}

image::Pipeline pipeline_for(const engine::Graph& graph, const engine::Value& input,
                             const image::PreprocessChoice& choice, OwnSize own_size) {
  image::Pipeline pipeline = find_pipeline(choice, graph.metadata, own_size);
  const Shape& shape = input.desc.shape;
  const bool is_gray = pipeline.channels == 3 && choice.changes.channels == 0 && !channels_first(shape, 3) &&
                       channels_first(shape, 1);
  if (is_gray) {
    image::PipelineChanges one_channel;
    one_channel.channels = 1;
    with_context([&] { return fmt::format("input '{}' takes gray images: '{}'", input.name, pipeline.name); },
                 [&] { image::change(pipeline, one_channel); });
  }
  return pipeline;
}

image::Pipeline pipeline_for(const engine::Graph& graph, const image::PreprocessChoice& choice) {
  return pipeline_for(graph, only_input(graph), choice);
}

void put_pipeline(const image::PreprocessChoice& choice, std::map<std::string, std::string>& metadata) {
  if (choice.empty()) return;
  // Writes nothing without a pipeline that can be used later.
  const image::Pipeline pipeline = find_pipeline(choice, metadata);
  std::error_code absent;
  metadata["godwit.preprocess"] = !choice.changes.empty() ? image::text_of(pipeline)
                                  : std::filesystem::exists(choice.preset_or_file, absent)
                                      ? read_text(choice.preset_or_file)
                                      : choice.preset_or_file;
}

ImageInput fit_images(const engine::Graph& graph, const engine::Value& input, const Shape& shape,
                      const image::Pipeline& pipeline, std::int64_t asked, std::int64_t fallback) {
  const std::int64_t channels = pipeline.channels;
  const std::optional<bool> first = channels_first(shape, channels);
  if (!takes_images(input.desc.dtype) || !first) {
    throw Error(fmt::format(
        "input '{}' is {} {}, expected images Nx{}xHxW or NxHxWx{} of real numbers or bytes", input.name,
        name_of(input.desc.dtype), graph.to_string(input.desc.shape), channels, channels));
  }
  if (!is_float(input.desc.dtype)) require_bytes(pipeline, input);
  const std::int64_t height = pipeline.crop.height, width = pipeline.crop.width;
  std::int64_t batch = asked > 0 ? asked : fallback;
  ImageInput result{shape, *first};
  const Shape wanted = *first ? Shape{batch, channels, height, width} : Shape{batch, height, width, channels};
  for (int axis = 0; axis < 4; ++axis) {
    if (!is_known(result.shape[axis])) result.shape[axis] = wanted[axis];
  }
  if (result.shape[0] != batch) {
    batch = result.shape[0];
    if (asked > 0) {
      throw Error(fmt::format("the batch size is fixed at {} by the model or --shape, not {}", batch, asked));
    }
    if (batch < 1)
      throw Error(fmt::format("input '{}' takes no image: {}", input.name, result.shape.to_string()));
  }
  for (int axis = 1; axis < 4; ++axis) {
    if (result.shape[axis] == wanted[axis]) continue;
    throw Error(fmt::format(
        "input '{}' is {}, but preprocessing '{}' makes images of {}x{}; pass --resize {}x{} (--resize-mode "
        "says how), or --preprocess with the crop that fits",
        input.name, graph.to_string(input.desc.shape), pipeline.name, height, width,
        result.shape[*first ? 2 : 1], result.shape[*first ? 3 : 2]));
  }
  return result;
}

std::int64_t set_image_input(const engine::Graph& graph, const image::Pipeline& pipeline, std::int64_t asked,
                             std::int64_t fallback, engine::CompileOptions& options) {
  const engine::Value& input = only_input(graph);
  const auto given = options.shapes.find(input.name);
  const ImageInput images =
      fit_images(graph, input, given == options.shapes.end() ? input.desc.shape : given->second, pipeline,
                 asked, fallback);
  options.shapes[input.name] = images.shape;
  options.f32_inputs = true;
  // Pixels come channels-last out of the decoder, and the kernels take them so.
  if (images.channels_first) options.input_layouts[input.name] = Layout::nhwc;
  return images.shape[0];
}

}  // namespace godwit::vision
