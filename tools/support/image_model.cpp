// From paths of pictures to rows of probabilities.
#include "tools/support/image_model.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <cmath>
#include <fmt/format.h>
#include <limits>

#include "importers/importer.h"
#include "runtime/error.h"
#include "runtime/threads.h"

namespace godwit::tools {
namespace {

// Pictures preprocessed at a time for each thread: enough that threads which drew large pictures do not hold
// up others.
constexpr std::int64_t kPicturesPerThread = 4;

// Whether the value is Softmax's result, looking through nodes that only rename or reshape.
bool ends_in_softmax(const engine::Graph& graph, engine::ValueId value) {
  static constexpr std::array<std::string_view, 6> kTransparent{"Identity", "Reshape",   "Flatten",
                                                                "Squeeze",  "Unsqueeze", "Dropout"};
  const std::vector<engine::NodeId> producers = graph.producers();
  for (engine::NodeId id = producers[static_cast<std::size_t>(value)]; id != engine::kNoNode;) {
    const engine::Node& node = graph.nodes[static_cast<std::size_t>(id)];
    if (node.op->name == "Softmax") return true;
    if (std::ranges::find(kTransparent, node.op->name) == kTransparent.end() || node.inputs.empty())
      return false;
    const engine::ValueId source = node.inputs.front();
    if (source == engine::kNoValue) return false;
    id = producers[static_cast<std::size_t>(source)];
  }
  return false;
}

void apply_softmax(std::span<float> row) {
  const float largest_value = *std::ranges::max_element(row);
  double sum = 0;
  for (float& value : row) {
    value = std::exp(value - largest_value);
    sum += value;
  }
  for (float& value : row) value = static_cast<float>(value / sum);
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
    throw Error(
        "the model does not say how its pictures are preprocessed; pass --preprocess torch, torch-v2, caffe, "
        "tf, or a JSON file");
  }
  if (pipeline.crop <= 0) {
    throw Error(fmt::format(
        "preprocessing '{}' has no crop, expected one, since all pictures of a batch have one size",
        pipeline.name));
  }
  return pipeline;
}

void preprocess_images(std::span<const std::string> paths, const image::Pipeline& pipeline, Layout layout,
                       int threads, std::span<float> dst, std::span<std::string> errors) {
  const std::size_t size = dst.size() / paths.size();
  std::atomic<std::size_t> next{0};
  run_team(std::min(threads, static_cast<int>(paths.size())), [&](const Worker&) {
    for (std::size_t i = next++; i < paths.size(); i = next++) {
      const std::span<float> slot = dst.subspan(i * size, size);
      try {
        errors[i].clear();
        image::preprocess_file(paths[i], pipeline, layout, slot);
      } catch (const std::exception& error) {
        errors[i] = error.what();
        std::ranges::fill(slot, 0.0F);
      }
    }
  });
}

std::vector<std::int64_t> largest(std::span<const float> values, std::size_t count) {
  std::vector<std::int64_t> order(values.size());
  for (std::size_t i = 0; i < order.size(); ++i) order[i] = static_cast<std::int64_t>(i);
  const auto rank = [&](std::int64_t i) {
    const float value = values[static_cast<std::size_t>(i)];
    return std::isnan(value) ? -std::numeric_limits<float>::infinity() : value;
  };
  count = std::min(count, order.size());
  std::partial_sort(
      order.begin(), order.begin() + static_cast<std::ptrdiff_t>(count), order.end(),
      [&](std::int64_t a, std::int64_t b) { return rank(a) != rank(b) ? rank(a) > rank(b) : a < b; });
  order.resize(count);
  return order;
}

ImageModel::ImageModel(const std::string& path, const ImageModelOptions& options)
    : batch_(options.batch > 0 ? options.batch : options.default_batch) {
  engine::CompileOptions compile_options = options.engine.compile_options();
  const int threads = options.engine.thread_count();
  const Stopwatch watch;
  const engine::Graph graph = importers::load(path);
  load_seconds_ = watch.seconds();
  pipeline_ = find_pipeline(options.preprocess, graph.metadata);
  with_context([&] { return fmt::format("'{}'", path); },
               [&] {
                 choose_layout(graph, options, compile_options);
                 const Stopwatch compile_watch;
                 plan_ = engine::compile(graph, compile_options);
                 load_seconds_ += compile_watch.seconds();
                 find_scores(graph);
               });
  session_ = std::make_unique<engine::Session>(plan_, engine::SessionOptions{threads, false});
}

void ImageModel::choose_layout(const engine::Graph& graph, const ImageModelOptions& asked,
                               engine::CompileOptions& options) {
  if (graph.inputs.size() != 1) {
    throw Error(
        fmt::format("the model has {} inputs, expected one that takes pictures", graph.inputs.size()));
  }
  const engine::Value& input = graph.value(graph.inputs.front());
  Shape shape = options.shapes.contains(input.name) ? options.shapes.at(input.name) : input.desc.shape;
  const auto is_three = [&](int axis) { return shape[axis] == 3; };
  const bool channels_first = shape.rank() == 4 && (is_three(1) || (!is_known(shape[1]) && !is_three(3)));
  const bool channels_last = shape.rank() == 4 && !channels_first && is_three(3);
  if (input.desc.dtype != DType::f32 || (!channels_first && !channels_last)) {
    throw Error(fmt::format("input '{}' is {} {}, expected f32 pictures Nx3xHxW or NxHxWx3", input.name,
                            name_of(input.desc.dtype), graph.to_string(input.desc.shape)));
  }
  const std::int64_t crop = pipeline_.crop;
  const Shape wanted = channels_first ? Shape{batch_, 3, crop, crop} : Shape{batch_, crop, crop, 3};
  for (int axis = 0; axis < 4; ++axis) {
    if (!is_known(shape[axis])) shape[axis] = wanted[axis];
    if (axis == 0 && shape[0] != batch_) {
      if (asked.batch > 0) {
        throw Error(
            fmt::format("the batch size is fixed at {} by the model or --shape, not {}", shape[0], batch_));
      }
      batch_ = shape[0];
      if (batch_ < 1)
        throw Error(fmt::format("input '{}' takes no picture: {}", input.name, shape.to_string()));
    } else if (axis > 0 && shape[axis] != wanted[axis]) {
      throw Error(fmt::format(
          "input '{}' is {}, but preprocessing '{}' makes pictures of {}x{}; pass --preprocess with the crop "
          "that fits",
          input.name, graph.to_string(input.desc.shape), pipeline_.name, crop, crop));
    }
  }
  options.shapes[input.name] = shape;
  // Pixels come channels-last out of the decoder, and the kernels take them so.
  if (channels_first) options.input_layouts[input.name] = Layout::nhwc;
}

void ImageModel::find_scores(const engine::Graph& graph) {
  const engine::PlanInput& output = plan_->outputs().front();
  const Shape& shape = output.desc.shape;
  if (output.desc.dtype != DType::f32 || shape.rank() < 2 || shape[0] != batch_ ||
      shape.elements() != shape[0] * shape[1] || shape[1] < 1) {
    throw Error(fmt::format("output '{}' is {}, expected one row of f32 scores per picture", output.name,
                            output.desc.to_string()));
  }
  classes_ = shape[1];
  adds_softmax_ = !ends_in_softmax(graph, graph.outputs.front());
}

ImageTimes ImageModel::run(std::span<const std::string> paths,
                           const std::function<void(const Result&)>& each) {
  if (paths.empty()) return {};
  const Stopwatch watch;
  ImageTimes times;
  const TensorDesc& desc = plan_->inputs().front().desc;
  const auto picture = static_cast<std::size_t>(desc.shape.elements() / batch_);
  const int threads = session_->threads();
  // A whole number of batches at a time, no more than there are pictures.
  const auto total = static_cast<std::int64_t>(paths.size());
  const std::int64_t wish = std::min(std::max(batch_, kPicturesPerThread * threads), total);
  const std::int64_t chunk = (wish + batch_ - 1) / batch_ * batch_;
  Shape chunk_shape = desc.shape;
  chunk_shape[0] = chunk;
  Tensor pictures(TensorDesc{desc.dtype, chunk_shape, desc.layout});
  std::ranges::fill(pictures.mutable_values<float>(), 0.0F);
  std::vector<std::string> errors(static_cast<std::size_t>(chunk));
  std::vector<float> row(static_cast<std::size_t>(classes_));
  const auto owner = std::make_shared<Tensor>(pictures);

  for (std::int64_t begin = 0; begin < total; begin += chunk) {
    const auto count = static_cast<std::size_t>(std::min(chunk, total - begin));
    const Stopwatch preprocess_watch;
    preprocess_images(paths.subspan(static_cast<std::size_t>(begin), count), pipeline_, Layout::nhwc, threads,
                      pictures.mutable_values<float>().first(count * picture), errors);
    times.preprocess += preprocess_watch.seconds();
    for (std::size_t first = 0; first < count; first += static_cast<std::size_t>(batch_)) {
      const Tensor src(desc, pictures.values<float>().data() + first * picture, owner);
      const Stopwatch inference_watch;
      const std::span<const Tensor> results = session_->run(std::span(&src, 1));
      times.inference += inference_watch.seconds();
      const std::span<const float> scores = results.front().values<float>();
      for (std::size_t i = first; i < std::min(count, first + static_cast<std::size_t>(batch_)); ++i) {
        std::ranges::copy(scores.subspan((i - first) * row.size(), row.size()), row.begin());
        if (adds_softmax_) apply_softmax(row);
        const bool good = errors[i].empty();
        each({static_cast<std::size_t>(begin) + i, errors[i],
              good ? std::span<const float>(row) : std::span<const float>()});
      }
    }
  }
  times.total = watch.seconds();
  return times;
}

}  // namespace godwit::tools
