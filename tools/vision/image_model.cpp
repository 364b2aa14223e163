// From paths of images to rows of probabilities.
#include "tools/vision/image_model.h"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>
#include <limits>

#include "engine/node_properties.h"
#include "importers/importer.h"
#include "runtime/error.h"
#include "runtime/memory.h"
#include "runtime/two_stage_pipeline.h"
#include "tools/bench/measure.h"
#include "tools/cli/model.h"
#include "tools/cli/tuning.h"

namespace godwit::tools {
namespace {

// With fewer batches than this for each thread, the last ones would leave too many threads without work.
constexpr std::size_t kBatchesPerThread = 2;
// Batches for each lane among which a dozen for trials do not count.
constexpr std::size_t kBatchesWorthTuning = 1000;
// Batches being filled or waiting, beside those that are in the network.
constexpr int kSpareSlots = 2;

// True where the value is Softmax's result, seen through nodes that hand on its bytes.
bool ends_in_softmax(const engine::Graph& graph, engine::ValueId value) {
  const std::vector<engine::NodeId> producers = graph.producers();
  for (engine::NodeId id = producers[static_cast<std::size_t>(value)]; id != engine::kNoNode;) {
    const engine::Node& node = graph.nodes[static_cast<std::size_t>(id)];
    if (node.op->kind == ops::OpKind::softmax) return true;
    if (node.op->kind != ops::OpKind::movement || !engine::is_view(graph, node)) return false;
    id = producers[static_cast<std::size_t>(node.inputs.front())];
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
        "the model does not say how its images are preprocessed; pass --preprocess torch, torch-v2, caffe, "
        "tf, or a JSON file");
  }
  if (pipeline.crop <= 0) {
    throw Error(
        fmt::format("preprocessing '{}' has no crop, expected one, since all images of a batch have one size",
                    pipeline.name));
  }
  return pipeline;
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

std::int64_t set_image_input(const engine::Graph& graph, const image::Pipeline& pipeline, std::int64_t asked,
                             std::int64_t fallback, engine::CompileOptions& options) {
  std::int64_t batch = asked > 0 ? asked : fallback;
  if (graph.inputs.size() != 1) {
    throw Error(fmt::format("the model has {} inputs, expected one that takes images", graph.inputs.size()));
  }
  const engine::Value& input = graph.value(graph.inputs.front());
  Shape shape = options.shapes.contains(input.name) ? options.shapes.at(input.name) : input.desc.shape;
  const auto is_three = [&](int axis) { return shape[axis] == 3; };
  const bool channels_first = shape.rank() == 4 && (is_three(1) || (!is_known(shape[1]) && !is_three(3)));
  const bool channels_last = shape.rank() == 4 && !channels_first && is_three(3);
  if (input.desc.dtype != DType::f32 || (!channels_first && !channels_last)) {
    throw Error(fmt::format("input '{}' is {} {}, expected f32 images Nx3xHxW or NxHxWx3", input.name,
                            name_of(input.desc.dtype), graph.to_string(input.desc.shape)));
  }
  const std::int64_t crop = pipeline.crop;
  const Shape wanted = channels_first ? Shape{batch, 3, crop, crop} : Shape{batch, crop, crop, 3};
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
  // Pixels come channels-last out of the decoder, and the kernels take them so.
  if (channels_first) options.input_layouts[input.name] = Layout::nhwc;
  return batch;
}

ImageModel::ImageModel(const std::string& path, const ImageModelOptions& options)
    : threads_(options.engine.thread_count()) {
  const Stopwatch watch;
  const engine::Graph graph = importers::load(path);
  load_seconds_ = watch.seconds();
  prepare(graph, path, options);
}

ImageModel::ImageModel(const engine::Graph& graph, const std::string& name, const ImageModelOptions& options)
    : threads_(options.engine.thread_count()) {
  prepare(graph, name, options);
}

void ImageModel::prepare(const engine::Graph& graph, const std::string& name,
                         const ImageModelOptions& options) {
  engine::CompileOptions compile_options = options.engine.compile_options();
  pipeline_ = find_pipeline(options.preprocess, graph.metadata);
  with_context([&] { return fmt::format("'{}'", name); },
               [&] {
                 batch_ =
                     set_image_input(graph, pipeline_, options.batch, options.default_batch, compile_options);
                 Compiled compiled = compile_model(graph, name, options.engine, compile_options);
                 plan_ = std::move(compiled.plan);
                 load_seconds_ += compiled.seconds;
                 find_scores(graph);
               });
  set_reading(options.images.preprocess_options(options.engine.isa));
}

void ImageModel::set_reading(const image::PreprocessOptions& reading) {
  reading_ = reading;
  preprocessors_.clear();
  preprocessors_.resize(static_cast<std::size_t>(threads_));
}

void ImageModel::set_profiling(bool profiling) {
  profiling_ = profiling;
  sessions_.clear();
}

std::vector<double> ImageModel::step_seconds() const {
  std::vector<double> seconds(plan_->steps().size(), 0.0);
  for (const auto& session : sessions_) {
    if (session == nullptr) continue;
    const std::span<const engine::StepTime> times = session->profile();
    for (std::size_t i = 0; i < times.size(); ++i) seconds[i] += times[i].seconds;
  }
  return seconds;
}

void ImageModel::find_scores(const engine::Graph& graph) {
  const engine::PlanInput& output = plan_->outputs().front();
  const Shape& shape = output.desc.shape;
  if (output.desc.dtype != DType::f32 || shape.rank() < 2 || shape[0] != batch_ ||
      shape.elements() != shape[0] * shape[1] || shape[1] < 1) {
    throw Error(fmt::format("output '{}' is {}, expected one row of f32 scores per image", output.name,
                            output.desc.to_string()));
  }
  classes_ = shape[1];
  adds_softmax_ = !ends_in_softmax(graph, graph.outputs.front());
}

// A batch on its way: its images' tensors, and what is known of each image.
struct ImageModel::Slot {
  std::shared_ptr<Tensor> images;
  std::vector<std::string> paths, errors;
  std::vector<std::vector<std::string>> warnings;
  std::vector<float> probabilities;  // (batch, classes)
  std::vector<double> preprocess;    // seconds
  double inference = 0;
  Stopwatch since_first;
};

// Every thread its own session where there is enough to do and to store; else all threads in one.
int ImageModel::lanes_for(std::size_t total) const {
  const auto batch = static_cast<std::size_t>(batch_), threads = static_cast<std::size_t>(threads_);
  if (threads_ == 1 || (total > 0 && total < kBatchesPerThread * threads * batch)) return 1;
  const engine::MemoryReport& memory = plan_->memory();
  const std::size_t bytes = memory.arena_bytes + memory.shared_scratch_bytes + memory.worker_scratch_bytes;
  return bytes * threads < available_bytes() / 2 ? threads_ : 1;
}

void ImageModel::tune() {
  const int threads = lane_threads();
  if (tuned_ || engine::settled_schedule(*plan_, threads) != nullptr ||
      engine::possible_schedules(*plan_, threads).size() == 1) {
    return;
  }
  engine::Session session(plan_, {.threads = threads});
  tuned_ = session.tune(random_inputs(*plan_));
  sessions_.clear();
}

engine::SessionOptions ImageModel::session_options(int threads) const {
  engine::SessionOptions options{.threads = threads};
  if (tuned_ && tuned_->threads == threads) options.schedule = tuned_->schedule;
  return options;
}

engine::BatchSchedule ImageModel::schedule() const {
  const int threads = lane_threads();
  return session_options(threads).schedule.value_or(engine::choose_schedule(*plan_, threads));
}

void ImageModel::read_image(int worker, Slot& slot, std::size_t place) {
  const Stopwatch watch;
  auto& preprocessor = preprocessors_[static_cast<std::size_t>(worker)];
  if (preprocessor == nullptr) preprocessor = std::make_unique<image::Preprocessor>(pipeline_, reading_);
  const std::span<float> all = slot.images->mutable_values<float>();
  const std::size_t size = all.size() / static_cast<std::size_t>(batch_);
  const std::span<float> dst = all.subspan(place * size, size);
  slot.errors[place].clear();
  slot.warnings[place].clear();
  try {
    preprocessor->run(slot.paths[place], Layout::nhwc, dst);
    slot.warnings[place] = preprocessor->warnings();
  } catch (const std::exception& error) {
    slot.errors[place] = error.what();
    std::ranges::fill(dst, 0.0F);
  }
  slot.preprocess[place] = watch.seconds();
}

void ImageModel::infer(int lane, int lanes, Slot& slot) {
  auto& session = sessions_[static_cast<std::size_t>(lane)];
  if (session == nullptr) {
    engine::SessionOptions options = session_options(lanes > 1 ? 1 : threads_);
    options.profile = profiling_;
    session = std::make_unique<engine::Session>(plan_, options);
  }
  const Stopwatch watch;
  const std::span<const Tensor> results = session->run(std::span(slot.images.get(), 1));
  std::ranges::copy(results.front().values<float>(), slot.probabilities.begin());
  const auto classes = static_cast<std::size_t>(classes_);
  if (adds_softmax_) {
    for (std::size_t i = 0; i < static_cast<std::size_t>(batch_); ++i) {
      apply_softmax(std::span(slot.probabilities).subspan(i * classes, classes));
    }
  }
  slot.inference = watch.seconds();
}

ImageTimes ImageModel::run(const Take& take, std::size_t total,
                           const std::function<void(const Result&)>& each) {
  const Stopwatch watch;
  ImageTimes times;
  const auto batch = static_cast<std::size_t>(batch_), classes = static_cast<std::size_t>(classes_);
  const int lanes = lanes_for(total);
  if (total >= kBatchesWorthTuning * static_cast<std::size_t>(lanes) * batch) tune();
  if (static_cast<int>(sessions_.size()) != lanes) {
    sessions_.clear();
    sessions_.resize(static_cast<std::size_t>(lanes));
  }
  std::vector<Slot> slots(static_cast<std::size_t>(lanes + kSpareSlots));
  const auto at = [&](int slot) -> Slot& { return slots[static_cast<std::size_t>(slot)]; };
  std::size_t index = 0;

  PipelineStages stages;
  stages.take = [&](int number, std::size_t place) {
    Slot& slot = at(number);
    if (slot.images == nullptr) {
      slot.images = std::make_shared<Tensor>(plan_->inputs().front().desc);
      std::ranges::fill(slot.images->mutable_values<float>(), 0.0F);
      slot.paths.resize(batch);
      slot.errors.resize(batch);
      slot.warnings.resize(batch);
      slot.preprocess.resize(batch);
      slot.probabilities.resize(batch * classes);
    }
    if (!take(slot.paths[place])) return false;
    if (place == 0) slot.since_first = Stopwatch();
    return true;
  };
  stages.prepare = [&](int worker, int slot, std::size_t place) { read_image(worker, at(slot), place); };
  stages.work = [&](int, int lane, int slot, std::size_t) { infer(lane, lanes, at(slot)); };
  stages.deliver = [&](int number, std::size_t count) {
    const Slot& slot = at(number);
    const double seconds = slot.since_first.seconds();
    times.inference += slot.inference;
    for (std::size_t i = 0; i < count; ++i) {
      times.preprocess += slot.preprocess[i];
      const bool good = slot.errors[i].empty();
      each({index++, slot.paths[i], slot.errors[i], slot.warnings[i],
            good ? std::span(slot.probabilities).subspan(i * classes, classes) : std::span<const float>(),
            seconds});
    }
  };
  run_two_stage_pipeline({threads_, lanes, lanes + kSpareSlots, batch}, stages);
  times.total = watch.seconds();
  return times;
}

ImageTimes ImageModel::run(ImageSource& source, const std::function<void(const Result&)>& each) {
  return run([&](std::string& path) { return source.next(path); }, source.total(), each);
}

}  // namespace godwit::tools
