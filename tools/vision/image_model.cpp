// From paths of images to rows of probabilities.
#include "tools/vision/image_model.h"

#include <algorithm>
#include <fmt/format.h>

#include "engine/nonfinite.h"
#include "importers/importer.h"
#include "runtime/error.h"
#include "runtime/image/preprocess.h"
#include "runtime/memory.h"
#include "runtime/stopwatch.h"
#include "runtime/threads.h"
#include "runtime/two_stage_pipeline.h"
#include "tools/vision/failure_text.h"
#include "tools/vision/image_input.h"
#include "tools/vision/image_source.h"
#include "tools/vision/labels.h"
#include "tools/vision/nonfinite_images.h"
#include "tools/vision/random_input.h"

namespace godwit::vision {
namespace {

// With fewer batches than this for each thread, the last ones would leave too many threads without work.
constexpr std::size_t kBatchesPerThread = 2;
// Batches for each lane among which a dozen for trials do not count.
constexpr std::size_t kBatchesWorthTuning = 1000;
// Batches being filled or waiting, beside those that are in the network.
constexpr int kSpareSlots = 2;

Compiled compile_timed(const engine::Graph& graph, const engine::CompileOptions& options) {
  const Stopwatch watch;
  Compiled result{engine::compile(graph, options), 0};
  result.seconds = watch.seconds();
  return result;
}

bool is_scores(const TensorDesc& desc, std::int64_t images) {
  const Shape& shape = desc.shape;
  return desc.dtype == DType::f32 && shape.known() && shape.rank() >= 2 && shape[0] == images &&
         shape[1] >= 1 && shape.elements() == shape[0] * shape[1];
}

// Advice where the first output holds no scores.
std::string other_outputs(const engine::Graph& graph, const std::vector<engine::PlanInput>& outputs,
                          std::int64_t images) {
  std::string all, scores;
  for (const engine::PlanInput& output : outputs) {
    if (is_scores(output.desc, images))
      scores += fmt::format("{}'{}' ({})", scores.empty() ? "" : ", ", output.name, output.desc.to_string());
  }
  if (!scores.empty()) return "pass --output with another: " + scores;
  for (const engine::ValueId id : graph.outputs)
    all += fmt::format("{}'{}'", all.empty() ? "" : ", ", graph.value(id).name);
  return fmt::format("the model's outputs are {}; --output NAME takes these and any other tensor in it", all);
}

// Errors name the path themselves.
std::string failure_in(const std::string& path, const std::exception& failure) {
  const bool named = dynamic_cast<const Error*>(&failure) != nullptr;
  return named ? failure_text(failure) : fmt::format("'{}': {}", path, failure_text(failure));
}

}  // namespace

ImageModel::ImageModel(const std::string& path, const ImageModelOptions& options)
    : threads_(chosen_threads(options.threads)) {
  const Stopwatch watch;
  const engine::Graph graph = importers::load(path);
  load_seconds_ = watch.seconds();
  prepare(graph, path, options, [path] { return importers::load(path); });
}

ImageModel::ImageModel(const engine::Graph& graph, const std::string& name, const ImageModelOptions& options)
    : threads_(chosen_threads(options.threads)) {
  prepare(graph, name, options, [graph] { return graph; });
}

ImageModel::~ImageModel() = default;

void ImageModel::prepare(const engine::Graph& graph, const std::string& name,
                         const ImageModelOptions& options, std::function<engine::Graph()> again) {
  engine::CompileOptions compile_options = options.compile;
  compile_options.threads = threads_;
  compile_options.f32_outputs = true;
  with_context([&] { return fmt::format("'{}'", name); },
               [&] {
                 pipeline_ = pipeline_for(graph, options.preprocess);
                 batch_ =
                     set_image_input(graph, pipeline_, options.batch, options.default_batch, compile_options);
                 Compiled compiled = options.make_plan ? options.make_plan(graph, compile_options)
                                                       : compile_timed(graph, compile_options);
                 plan_ = std::move(compiled.plan);
                 load_seconds_ += compiled.seconds;
                 find_scores(graph, options.scores);
               });
  nonfinite_ = std::make_unique<NonfiniteImages>(plan_, compile_options, std::move(again));
  labels_file_ = options.labels;
  set_reading(options.reading);
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

void ImageModel::find_scores(const engine::Graph& graph, Scores asked) {
  const std::vector<engine::PlanInput>& outputs = plan_->outputs();
  const engine::PlanInput& output = outputs.front();
  if (!is_scores(output.desc, batch_)) {
    throw Error(fmt::format("output '{}' is {}, expected one row of scores per image; {}", output.name,
                            output.desc.to_string(), other_outputs(graph, outputs, batch_)));
  }
  classes_ = output.desc.shape[1];
  scores_ = find_score_facts(graph, graph.find_value(output.name), classes_, asked);
}

// A batch on its way: its images' tensors, and what is known of each image.
struct ImageModel::Slot {
  std::shared_ptr<Tensor> images;
  std::vector<std::string> paths, errors;
  std::vector<std::vector<std::string>> warnings;
  std::vector<float> probabilities;        // (batch, classes)
  std::vector<engine::Nonfinite> numbers;  // of each image's scores
  std::vector<std::string> improper;       // why its scores are no probabilities
  std::vector<double> preprocess;          // seconds
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
    slot.errors[place] = failure_in(slot.paths[place], error);
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
  for (std::size_t i = 0; i < static_cast<std::size_t>(batch_); ++i) finish_row(slot, i);
  slot.inference = watch.seconds();
}

void ImageModel::finish_row(Slot& slot, std::size_t place) {
  const auto classes = static_cast<std::size_t>(classes_);
  const std::span<float> row = std::span(slot.probabilities).subspan(place * classes, classes);
  const bool exponents = scores_.applied == ScoreFunction::exp;  // -inf is the logarithm of 0
  engine::Nonfinite& numbers = slot.numbers[place];
  if (exponents) apply(ScoreFunction::exp, row);
  numbers = engine::count_nonfinite(row);
  slot.improper[place].clear();
  if (numbers.any() || !slot.errors[place].empty()) return;
  if (exponents || (scores_.probabilities && scores_.applied == ScoreFunction::none))
    slot.improper[place] = improper_text(row, scores_.are == Scores::softmax && !exponents);
  if (exponents) return;
  if (scores_.applied == ScoreFunction::softmax && resemble_probabilities(row)) resembled_ = true;
  apply(scores_.applied, row);
}

std::string ImageModel::nonfinite_error(const Slot& slot, std::size_t place) {
  const std::span<const float> all = slot.images->values<float>();
  const std::size_t size = all.size() / static_cast<std::size_t>(batch_);
  return nonfinite_->describe(slot.paths[place], slot.numbers[place], all.subspan(place * size, size));
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
      slot.numbers.resize(batch);
      slot.improper.resize(batch);
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
      if (slot.errors[i].empty() && !slot.improper[i].empty()) {
        throw Error(fmt::format(
            "the model ends in {}, whose scores are taken for probabilities, but for '{}' {}; pass "
            "--scores raw, which takes them as they are",
            scores_.last_layer, slot.paths[i], slot.improper[i]));
      }
      const bool nonfinite = slot.errors[i].empty() && slot.numbers[i].any();
      const std::string error = nonfinite ? nonfinite_error(slot, i) : slot.errors[i];
      each({index++, slot.paths[i], error, slot.warnings[i],
            error.empty() ? std::span(slot.probabilities).subspan(i * classes, classes)
                          : std::span<const float>(),
            seconds, nonfinite});
    }
  };
  run_two_stage_pipeline({threads_, lanes, lanes + kSpareSlots, batch}, stages);
  times.total = watch.seconds();
  return times;
}

const std::map<std::string, std::string>& ImageModel::metadata() const { return plan_->metadata(); }

const std::vector<std::string>& ImageModel::labels() {
  if (!labels_) labels_ = find_labels(labels_file_, metadata(), classes_);
  return *labels_;
}

std::vector<ScoredLabel> ImageModel::label(const std::string& path, std::size_t count) {
  const std::vector<std::string>& names = labels();
  std::vector<ScoredLabel> result;
  ImageSource one(std::vector<std::string>{path});
  run(one, [&](const Result& image) {
    if (!image.error.empty()) throw Error(image.error);
    for (const std::int64_t index : largest(image.probabilities, count)) {
      result.push_back(
          {index, label_of(names, index, 0), image.probabilities[static_cast<std::size_t>(index)]});
    }
  });
  return result;
}

ImageTimes ImageModel::run(ImageSource& source, const std::function<void(const Result&)>& each) {
  return run([&](std::string& path) { return source.next(path); }, source.total(), each);
}

}  // namespace godwit::vision
