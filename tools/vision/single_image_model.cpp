// Loading, sizes and preprocessing of models that take one image at a time.
#include "tools/vision/single_image_model.h"

#include <fmt/format.h>

#include "engine/nonfinite.h"
#include "importers/importer.h"
#include "runtime/error.h"
#include "runtime/stopwatch.h"
#include "runtime/threads.h"
#include "tools/vision/image_input.h"

namespace godwit::vision {
namespace {

const engine::Value& only_input(const engine::Graph& graph) {
  if (graph.inputs.size() != 1) {
    throw Error(fmt::format("the model has {} inputs, expected one that takes images", graph.inputs.size()));
  }
  return graph.value(graph.inputs.front());
}

bool is_channels(std::int64_t dim) { return dim == 1 || dim == 3; }

// Axis of the height; the width's is the next.
int height_axis(const engine::Graph& graph, const engine::Value& input) {
  const Shape& shape = input.desc.shape;
  if (shape.rank() == 4 && is_channels(shape[1])) return 2;
  if (shape.rank() == 4 && is_channels(shape[3])) return 1;
  throw Error(fmt::format("input '{}' is {}, expected images Nx3xHxW or NxHxWx3", input.name,
                          graph.to_string(input.desc.shape)));
}

// The input's shape for one image. Sizes that the model leaves open are those of the preprocessing, or of
// --resize alone.
Shape image_shape(const engine::Graph& graph, const engine::Value& input,
                  const image::PreprocessChoice& choice, bool explicit_pipeline) {
  Shape shape = input.desc.shape;
  const int axis = height_axis(graph, input);
  if (!is_known(shape[0])) shape[0] = 1;
  if (is_known(shape[axis]) && is_known(shape[axis + 1])) return shape;
  image::Size size;
  if (explicit_pipeline) {
    size = pipeline_for(graph, input, choice).crop;
  } else if (!choice.changes.resize.empty()) {
    image::Pipeline pipeline;
    image::change(pipeline, choice.changes);
    size = pipeline.crop;
  }
  if (size.empty()) {
    throw Error(
        fmt::format("input '{}' is {}; pass the size that it was trained with, such as --resize 640x640",
                    input.name, graph.to_string(input.desc.shape)));
  }
  if (!is_known(shape[axis])) shape[axis] = size.height;
  if (!is_known(shape[axis + 1])) shape[axis + 1] = size.width;
  return shape;
}

}  // namespace

SingleImageModel::SingleImageModel(const std::string& path, const SingleImageOptions& options)
    : path_(path), options_(options) {
  const engine::Graph graph = importers::load(path);
  options_.threads = chosen_threads(options.threads);
  metadata_ = graph.metadata;
  with_context([&] { return fmt::format("'{}'", path); },
               [&] {
                 const engine::Value& input = only_input(graph);
                 const image::PreprocessChoice& choice = options_.preprocess;
                 has_pipeline_ = !choice.preset_or_file.empty() || metadata_.contains("godwit.preprocess");
                 const Shape shape = image_shape(graph, input, choice, has_pipeline_);
                 const int axis = height_axis(graph, input);
                 size_ = {static_cast<int>(shape[axis]), static_cast<int>(shape[axis + 1])};
                 layout_ = axis == 2 ? Layout::nchw : Layout::nhwc;
                 interface_.metadata = metadata_;
                 engine::Value value = input;
                 value.desc.shape = shape;
                 interface_.values.push_back(value);
                 interface_.inputs = {0};
                 if (has_pipeline_) settle(pipeline_for(interface_, interface_.values[0], choice));

                 engine::CompileOptions& compile = options_.compile;
                 compile.threads = options_.threads;
                 compile.f32_inputs = true;
                 compile.f32_outputs = true;
                 compile.shapes[input.name] = shape;
                 plan_ = options_.make_plan ? options_.make_plan(graph, compile).plan
                                            : engine::compile(graph, compile);
                 pixels_ = Tensor(TensorDesc{DType::f32, shape, Layout::nchw});
               });
  session_ = std::make_unique<engine::Session>(plan_, engine::SessionOptions{options_.threads, false});
}

SingleImageModel::~SingleImageModel() = default;

void SingleImageModel::settle(image::Pipeline pipeline) {
  fit_images(interface_, interface_.values[0], interface_.values[0].desc.shape, pipeline, 1, 1);
  pipeline_ = std::move(pipeline);
  preprocessor_ = std::make_unique<image::Preprocessor>(pipeline_, options_.reading);
}

void SingleImageModel::use_pipeline(std::string_view text, const std::string& source) {
  const std::string json =
      fmt::format("{{\"resize\": [{}, {}], {}", size_.height, size_.width, text.substr(1));
  image::Pipeline pipeline = image::pipeline_from_text(json, source);
  pipeline.name = source;
  image::change(pipeline, options_.preprocess.changes);
  with_context([&] { return fmt::format("'{}'", path_); }, [&] { settle(std::move(pipeline)); });
}

SingleImageModel::Results SingleImageModel::run(const std::string& path) {
  Results results;
  const Stopwatch decoding;
  results.placement = image::placement(path, pipeline_, options_.reading);
  preprocessor_->run(path, layout_, pixels_.mutable_values<float>());
  results.preprocess = decoding.seconds();
  results.warnings = preprocessor_->warnings();
  const Stopwatch watch;
  results.outputs = session_->run(std::span<const Tensor>(&pixels_, 1));
  results.inference = watch.seconds();
  return results;
}

image::Image SingleImageModel::read(const std::string& path, image::Size size) const {
  image::Pipeline whole;
  whole.resize = {};
  whole.crop = size;
  image::Image image{size.width, size.height, std::vector<std::uint8_t>(whole.elements())};
  image::Preprocessor(whole, options_.reading)
      .run(path, Layout::nhwc, image::pixel_table(), std::span<std::uint8_t>(image.pixels));
  return image;
}

void SingleImageModel::require_numbers(const std::string& path, const Results& results,
                                       std::span<const int> outputs) const {
  for (const int output : outputs) {
    if (output < 0) continue;
    const auto place = static_cast<std::size_t>(output);
    const engine::Nonfinite numbers = engine::count_nonfinite(results.outputs[place].view());
    if (numbers.nan == 0) continue;
    std::string text =
        fmt::format("'{}': output '{}': {}", path, plan_->outputs()[place].name, numbers.to_string());
    const auto first = engine::first_nonfinite(importers::load(path_), options_.compile, *plan_,
                                               std::span<const Tensor>(&pixels_, 1));
    if (first) text += fmt::format("; the first are those of {}", first->to_string());
    throw Error(text);
  }
}

}  // namespace godwit::vision
