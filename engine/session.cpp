// Running a plan: one team of threads walks over all steps, with a barrier behind each, or every thread walks
// alone with images of its own.
#include "engine/session.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <fmt/format.h>

#include "runtime/error.h"

namespace godwit::engine {
namespace {

using Clock = std::chrono::steady_clock;

void check_tensors(std::string_view what, const std::vector<PlanInput>& expected,
                   std::span<const Tensor> given) {
  if (given.size() != expected.size()) {
    throw Error(fmt::format("{} {}s were given, the model has {}", given.size(), what, expected.size()));
  }
  for (std::size_t i = 0; i < given.size(); ++i) {
    if (!(given[i].desc() == expected[i].desc)) {
      throw Error(fmt::format("{} '{}' is {}, expected {}", what, expected[i].name,
                              given[i].desc().to_string(), expected[i].desc.to_string()));
    }
    if (given[i].empty() ||
        reinterpret_cast<std::uintptr_t>(given[i].data()) % size_of(given[i].dtype()) != 0) {
      throw Error(fmt::format("{} '{}' has no memory, or memory that is not aligned to its elements", what,
                              expected[i].name));
    }
  }
}

}  // namespace

const char* name_of(Division division) { return division == Division::layers ? "layers" : "images"; }

// The memory of one walk over a plan's steps, and pointers to every step's operands. Those into the caller's
// tensors are put in by each run.
struct Session::Lane {
  struct StepRange {
    std::size_t src = 0, dst = 0;  // where the step's pointers begin
  };
  struct Patch {
    std::size_t pointer = 0;
    std::size_t tensor = 0;
  };
  Arena arena, shared_scratch;
  std::vector<const void*> src;
  std::vector<void*> dst;
  std::vector<StepRange> steps;
  std::vector<Patch> src_from_input, src_from_output, dst_to_output;

  explicit Lane(const Plan& plan)
      : arena(plan.memory().arena_bytes), shared_scratch(plan.memory().shared_scratch_bytes) {
    for (const Step& step : plan.steps()) {
      steps.push_back({src.size(), dst.size()});
      for (const Slot& slot : step.src) {
        const Patch patch{src.size(), static_cast<std::size_t>(slot.index)};
        if (slot.kind == Slot::Kind::input) src_from_input.push_back(patch);
        if (slot.kind == Slot::Kind::output) src_from_output.push_back(patch);
        src.push_back(slot.kind == Slot::Kind::arena ? arena.at(slot.offset) : slot.constant);
      }
      for (const Slot& slot : step.dst) {
        const Patch patch{dst.size(), static_cast<std::size_t>(slot.index)};
        if (slot.kind == Slot::Kind::output) dst_to_output.push_back(patch);
        dst.push_back(slot.kind == Slot::Kind::arena ? arena.at(slot.offset) : nullptr);
      }
    }
  }

  // Image `image` of `images` equal parts of each tensor.
  void bind(std::span<const Tensor> inputs, std::span<Tensor> outputs, std::size_t image,
            std::size_t images) {
    const auto part = [&](const Tensor& tensor) { return tensor.bytes() / images * image; };
    for (const auto& [pointer, tensor] : src_from_input)
      src[pointer] = static_cast<const std::byte*>(inputs[tensor].data()) + part(inputs[tensor]);
    for (const auto& [pointer, tensor] : src_from_output)
      src[pointer] = static_cast<const std::byte*>(outputs[tensor].data()) + part(outputs[tensor]);
    for (const auto& [pointer, tensor] : dst_to_output)
      dst[pointer] = static_cast<std::byte*>(outputs[tensor].mutable_data()) + part(outputs[tensor]);
  }
};

Session::Session(std::shared_ptr<const Plan> plan, const SessionOptions& options)
    : plan_(std::move(plan)),
      threads_(chosen_threads(options.threads)),
      whole_(std::make_unique<Lane>(*plan_)) {
  std::size_t scratch = plan_->memory().worker_scratch_bytes;
  const Plan* one = plan_->one_image().get();
  if (one != nullptr && plan_->inputs()[0].desc.shape[0] >= threads_) {
    for (int i = 0; i < threads_; ++i) lanes_.push_back(std::make_unique<Lane>(*one));
    scratch = std::max(scratch, one->memory().worker_scratch_bytes);
  }
  worker_stride_ = align_up(scratch);
  worker_scratch_ = Arena(worker_stride_ * static_cast<std::size_t>(threads_));
  for (const PlanInput& output : plan_->outputs()) results_.emplace_back(output.desc);
  if (options.profile) times_.resize(plan_->steps().size());
  // Threads are made now, not by the first run.
  run_team(threads_, [](const Worker&) {});
}

Session::~Session() = default;

Division Session::division() const {
  if (lanes_.empty()) return Division::layers;
  if (whole_ == nullptr) return Division::images;
  return trials_ % 2 == 0 ? Division::images : Division::layers;
}

std::size_t Session::arena_bytes() const {
  std::size_t bytes = whole_ == nullptr ? 0 : whole_->arena.bytes();
  for (const auto& lane : lanes_) bytes += lane->arena.bytes();
  return bytes;
}

void Session::run(std::span<const Tensor> src, std::span<Tensor> dst) {
  check_tensors("input", plan_->inputs(), src);
  check_tensors("output", plan_->outputs(), dst);
  const bool on_trial = !lanes_.empty() && whole_ != nullptr;
  const Clock::time_point before = Clock::now();
  if (division() == Division::images) {
    run_images(src, dst);
  } else {
    run_layers(src, dst);
  }
  for (StepTime& time : times_) ++time.runs;
  if (on_trial) note_trial(std::chrono::duration<double>(Clock::now() - before).count());
}

void Session::run_layers(std::span<const Tensor> src, std::span<Tensor> dst) {
  whole_->bind(src, dst, 0, 1);
  run_team(threads_, [&](const Worker& worker) { walk(*plan_, *whole_, worker, worker.index); });
}

void Session::run_images(std::span<const Tensor> src, std::span<Tensor> dst) {
  const Plan& one = *plan_->one_image();
  const auto images = plan_->inputs()[0].desc.shape[0];
  std::atomic<std::int64_t> next = 0;
  run_team(threads_, [&](const Worker& worker) {
    Lane& mine = *lanes_[static_cast<std::size_t>(worker.index)];
    const std::int64_t shared = images / worker.count * worker.count;
    // Whoever is free takes the next one: a thread that loses its core for a while holds up nobody.
    for (std::int64_t image = next++; image < shared; image = next++) {
      mine.bind(src, dst, static_cast<std::size_t>(image), static_cast<std::size_t>(images));
      walk(one, mine, Worker{}, worker.index);
    }
    for (std::int64_t image = shared; image < images; ++image) {
      worker.barrier();
      if (worker.index == 0)
        mine.bind(src, dst, static_cast<std::size_t>(image), static_cast<std::size_t>(images));
      worker.barrier();
      walk(one, *lanes_[0], worker, worker.index);
    }
  });
}

// `member` is the thread's place in the whole team; `worker` its place among those that share these steps.
void Session::walk(const Plan& plan, const Lane& lane, const Worker& worker, int member) {
  const bool times = member == 0 && !times_.empty();
  std::byte* worker_scratch = worker_scratch_.at(worker_stride_ * static_cast<std::size_t>(member));
  const std::vector<Step>& steps = plan.steps();
  Clock::time_point before = times ? Clock::now() : Clock::time_point{};
  for (std::size_t i = 0; i < steps.size(); ++i) {
    const Lane::StepRange& range = lane.steps[i];
    steps[i].executable->run(
        {lane.src.data() + range.src, lane.dst.data() + range.dst, lane.shared_scratch.at(0), worker_scratch},
        worker);
    worker.barrier();
    if (!times) continue;
    const Clock::time_point now = Clock::now();
    times_[i].seconds += std::chrono::duration<double>(now - before).count();
    before = now;
  }
}

// The first run of each division meets memory that was never touched; the second ones are compared.
void Session::note_trial(double seconds) {
  trial_seconds_[static_cast<std::size_t>(division())] = seconds;
  if (++trials_ < 4) return;
  const bool images_win = trial_seconds_[static_cast<std::size_t>(Division::images)] <=
                          trial_seconds_[static_cast<std::size_t>(Division::layers)];
  if (images_win) {
    whole_.reset();
  } else {
    lanes_.clear();
  }
}

std::span<const Tensor> Session::run(std::span<const Tensor> src) {
  run(src, results_);
  return results_;
}

void Session::run_steps(std::size_t first, std::size_t last) {
  const bool images = division() == Division::images;
  const Plan& plan = images ? *plan_->one_image() : *plan_;
  const std::int64_t count = images ? plan_->inputs()[0].desc.shape[0] : 1;
  run_team(threads_, [&](const Worker& worker) {
    const auto member = static_cast<std::size_t>(worker.index);
    const Lane& lane = images ? *lanes_[member] : *whole_;
    std::byte* worker_scratch = worker_scratch_.at(worker_stride_ * member);
    const Worker::Range mine = images ? worker.share(count) : Worker::Range{0, 1};
    const Worker alone;
    const Worker& steps_worker = images ? alone : worker;
    for (std::size_t i = first; i < last; ++i) {
      const Lane::StepRange& range = lane.steps[i];
      for (std::int64_t image = mine.begin; image < mine.end; ++image) {
        plan.steps()[i].executable->run({lane.src.data() + range.src, lane.dst.data() + range.dst,
                                         lane.shared_scratch.at(0), worker_scratch},
                                        steps_worker);
      }
      steps_worker.barrier();
    }
  });
}

void Session::reset_profile() {
  for (StepTime& time : times_) time = {};
}

}  // namespace godwit::engine
