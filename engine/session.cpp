// Running a plan: one team of threads walks over all steps, with a barrier behind each, or every thread walks
// alone with images of its own.
#include "engine/session.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstring>
#include <fmt/format.h>

#include "engine/interpreter.h"
#include "runtime/error.h"

namespace godwit::engine {
namespace {

using Clock = std::chrono::steady_clock;

// True when `given` may hold a result: where the data decides a size, any shape of that rank will do that an
// earlier run left in memory for the bound.
bool fits(const Tensor& given, const TensorDesc& expected) {
  if (!expected.shape.at_bounds().known()) return true;  // replaced by the run's own
  if (!expected.shape.bounded()) return given.desc() == expected;
  return given.dtype() == expected.dtype && given.desc().layout == expected.layout &&
         given.shape().rank() == expected.shape.rank() && given.capacity() >= expected.most_bytes();
}

void check_tensors(std::string_view what, const std::vector<PlanInput>& expected,
                   std::span<const Tensor> given) {
  if (given.size() != expected.size()) {
    throw Error(fmt::format("{} {}s were given, the model has {}", given.size(), what, expected.size()));
  }
  for (std::size_t i = 0; i < given.size(); ++i) {
    if (!fits(given[i], expected[i].desc)) {
      throw Error(fmt::format("{} '{}' is {}, expected {}", what, expected[i].name,
                              given[i].desc().to_string(), expected[i].desc.to_string()));
    }
    if (!expected[i].desc.shape.at_bounds().known()) continue;
    if (given[i].empty() ||
        reinterpret_cast<std::uintptr_t>(given[i].data()) % size_of(given[i].dtype()) != 0) {
      throw Error(fmt::format("{} '{}' has no memory, or memory that is not aligned to its elements", what,
                              expected[i].name));
    }
  }
}

}  // namespace

// The memory of one walk over a plan's steps, and pointers to every step's operands. Those into the caller's
// tensors are put in by each run.
struct Session::ExecutionFrame {
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
  std::vector<Shape> shapes;             // that runs decide
  std::vector<const Shape*> src_shapes;  // as src and dst; empty where the plan's shapes are all known
  std::vector<Shape*> dst_shapes;

  explicit ExecutionFrame(const Plan& plan)
      : arena(plan.memory().arena_bytes),
        shared_scratch(plan.memory().shared_scratch_bytes),
        shapes(plan.decided_shapes()) {
    const auto shape_of = [&](const Slot& slot) {
      return slot.decided_shape < 0 ? nullptr : &shapes[static_cast<std::size_t>(slot.decided_shape)];
    };
    for (const Step& step : plan.steps()) {
      steps.push_back({src.size(), dst.size()});
      for (const Slot& slot : step.src) {
        const Patch patch{src.size(), static_cast<std::size_t>(slot.index)};
        if (slot.kind == Slot::Kind::input) src_from_input.push_back(patch);
        if (slot.kind == Slot::Kind::output) src_from_output.push_back(patch);
        src.push_back(slot.kind == Slot::Kind::arena ? arena.at(slot.offset) : slot.constant);
        if (!shapes.empty()) src_shapes.push_back(shape_of(slot));
      }
      for (const Slot& slot : step.dst) {
        const Patch patch{dst.size(), static_cast<std::size_t>(slot.index)};
        if (slot.kind == Slot::Kind::output) dst_to_output.push_back(patch);
        dst.push_back(slot.kind == Slot::Kind::arena ? arena.at(slot.offset) : nullptr);
        if (!shapes.empty()) dst_shapes.push_back(shape_of(slot));
      }
    }
  }

  ops::RunArgs args(std::size_t step, std::byte* worker_scratch) const {
    ops::RunArgs args{src.data() + steps[step].src, dst.data() + steps[step].dst, shared_scratch.at(0),
                      worker_scratch};
    if (shapes.empty()) return args;
    args.src_shapes = src_shapes.data() + steps[step].src;
    args.dst_shapes = dst_shapes.data() + steps[step].dst;
    return args;
  }

  // Tells results whose size the data decided how large they are.
  void set_shapes(const std::vector<PlanInput>& outputs, std::span<Tensor> results) const {
    for (std::size_t i = 0; i < outputs.size() && !shapes.empty(); ++i) {
      if (outputs[i].decided_shape < 0) continue;
      results[i].set_shape(shapes[static_cast<std::size_t>(outputs[i].decided_shape)]);
    }
  }

  // Image `image` of `images` equal parts of each tensor.
  void bind(std::span<const Tensor> inputs, std::span<Tensor> outputs, std::size_t image,
            std::size_t images) {
    const auto part = [&](const Tensor& tensor) { return tensor.capacity() / images * image; };
    for (const auto& [pointer, tensor] : src_from_input)
      src[pointer] = static_cast<const std::byte*>(inputs[tensor].data()) + part(inputs[tensor]);
    for (const auto& [pointer, tensor] : src_from_output)
      src[pointer] = static_cast<const std::byte*>(outputs[tensor].data()) + part(outputs[tensor]);
    for (const auto& [pointer, tensor] : dst_to_output)
      dst[pointer] = static_cast<std::byte*>(outputs[tensor].mutable_data()) + part(outputs[tensor]);
  }
};

Session::Session(std::shared_ptr<const Plan> plan, const SessionOptions& options)
    : plan_(std::move(plan)), threads_(chosen_threads(options.threads)) {
  if (options.schedule) require_possible(*options.schedule, *plan_, threads_);
  schedule_ = options.schedule ? *options.schedule : choose_schedule(*plan_, threads_);
  if (plan_->one_image() != nullptr) cut_ = batch_cut(*plan_);
  make_frames({&schedule_, 1});
  for (const PlanInput& output : plan_->step_outputs()) results_.emplace_back(output.desc);
  if (plan_->tail() != nullptr)
    interpreter_ = std::make_unique<Interpreter>(plan_->target(), plan_->weights(), threads_);
  if (options.profile) times_.resize(plan_->steps().size());
  // Threads are made now, not by the first run.
  run_team(threads_, [](const Worker&) {});
}

Session::~Session() = default;

void Session::make_frames(std::span<const BatchSchedule> schedules) {
  const Plan* one = plan_->one_image().get();
  std::size_t scratch = 0;
  const auto need = [&](bool needed, const Plan& plan) {
    if (needed) scratch = std::max(scratch, plan.memory().worker_scratch_bytes);
    return needed;
  };
  const auto image_by_image = [&](BatchSchedule each) { return image_steps(each) > 0; };
  const auto shared = [&](BatchSchedule each) { return image_steps(each) < plan_->steps().size(); };
  if (!need(std::ranges::any_of(schedules, shared), *plan_)) {
    whole_.reset();
  } else if (whole_ == nullptr) {
    whole_ = std::make_unique<ExecutionFrame>(*plan_);
  }
  if (one == nullptr || !need(std::ranges::any_of(schedules, image_by_image), *one)) {
    frames_.clear();
  } else {
    while (static_cast<int>(frames_.size()) < threads_)
      frames_.push_back(std::make_unique<ExecutionFrame>(*one));
  }
  worker_stride_ = align_up(scratch);
  worker_scratch_ = Arena(worker_stride_ * static_cast<std::size_t>(threads_));
}

std::size_t Session::image_steps(BatchSchedule schedule) const {
  return schedule == BatchSchedule::per_layer ? 0
         : schedule == BatchSchedule::hybrid  ? cut_.steps
                                              : plan_->steps().size();
}

std::size_t Session::arena_bytes() const {
  std::size_t bytes = whole_ == nullptr ? 0 : whole_->arena.bytes();
  for (const auto& frame : frames_) bytes += frame->arena.bytes();
  return bytes;
}

void Session::run(std::span<const Tensor> src, std::span<Tensor> dst) {
  check_tensors("input", plan_->inputs(), src);
  check_tensors("output", plan_->outputs(), dst);
  if (interpreter_ == nullptr) {
    run_steps_of(src, dst);
    return;
  }
  run_steps_of(src, results_);
  run_tail();
  for (std::size_t i = 0; i < dst.size(); ++i) {
    const TensorDesc& desc = plan_->outputs()[i].desc;
    if (!desc.shape.at_bounds().known()) {
      dst[i] = all_results_[i];
      continue;
    }
    std::memcpy(dst[i].mutable_data(), all_results_[i].data(), all_results_[i].bytes());
    dst[i].set_shape(all_results_[i].shape());
  }
}

void Session::run_steps_of(std::span<const Tensor> src, std::span<Tensor> dst) {
  run_scheduled(schedule_, src, dst);
  if (whole_ != nullptr) whole_->set_shapes(plan_->step_outputs(), dst);
  for (StepTime& time : times_) ++time.runs;
}

void Session::run_tail() {
  const DynamicTail& tail = *plan_->tail();
  std::vector<RunValue> inputs;
  for (const std::size_t i : tail.inputs) inputs.push_back(RunValue::of(results_[i]));
  const std::vector<RunValue> given = interpreter_->run(tail.graph, inputs);
  all_results_.clear();
  for (std::size_t i = 0; i < tail.outputs.size(); ++i) {
    const DynamicTail::Output& output = tail.outputs[i];
    if (!output.from_tail) {
      all_results_.push_back(results_[output.index]);
      continue;
    }
    if (given[output.index].kind != RunValue::Kind::tensor) {
      throw Error(
          fmt::format("output '{}' is {}, which is no tensor", plan_->outputs()[i].name,
                      given[output.index].kind == RunValue::Kind::list ? "a list of tensors" : "empty"));
    }
    all_results_.push_back(given[output.index].tensor);
  }
}

ScheduleChoice Session::tune(std::span<const Tensor> src) {
  check_tensors("input", plan_->inputs(), src);
  const std::vector<BatchSchedule> possible = possible_schedules(*plan_, threads_);
  if (possible.size() > 1) make_frames(possible);
  std::vector<StepTime> profile;
  std::swap(profile, times_);  // trials are not timed step by step
  ScheduleChoice choice = try_schedules(*plan_, threads_, [&](BatchSchedule schedule) {
    const Clock::time_point before = Clock::now();
    run_scheduled(schedule, src, results_);
    return std::chrono::duration<double>(Clock::now() - before).count();
  });
  std::swap(profile, times_);
  schedule_ = choice.schedule;
  make_frames({&schedule_, 1});
  return choice;
}

void Session::run_scheduled(BatchSchedule schedule, std::span<const Tensor> src, std::span<Tensor> dst) {
  const std::size_t cut = image_steps(schedule);
  const std::size_t steps = plan_->steps().size();
  if (cut < steps) whole_->bind(src, dst, 0, 1);
  std::atomic<std::int64_t> next = 0;
  run_team(threads_, [&](const Worker& worker) {
    if (cut > 0) run_images(cut, src, dst, next, worker);
    if (cut == steps) return;
    worker.barrier();
    walk(*plan_, *whole_, cut, steps, worker, worker.index);
  });
}

// Steps [0, last) for all images.
void Session::run_images(std::size_t last, std::span<const Tensor> src, std::span<Tensor> dst,
                         std::atomic<std::int64_t>& next, const Worker& worker) {
  const Plan& one = *plan_->one_image();
  const auto images = plan_->inputs()[0].desc.shape[0];
  ExecutionFrame& mine = *frames_[static_cast<std::size_t>(worker.index)];
  const std::int64_t shared = images / worker.count * worker.count;
  const auto bind = [&](ExecutionFrame& frame, std::int64_t image) {
    frame.bind(src, dst, static_cast<std::size_t>(image), static_cast<std::size_t>(images));
  };
  bind(mine, worker.index);  // for run_steps(), should others take all the images
  // A free thread takes the next image: one that loses its core for a while holds up nobody.
  for (std::int64_t image = next++; image < shared; image = next++) {
    bind(mine, image);
    walk(one, mine, 0, last, Worker{}, worker.index);
    if (last < one.steps().size()) copy_to_batch(mine, image);
  }
  for (std::int64_t image = shared; image < images; ++image) {
    worker.barrier();
    if (worker.index == 0) bind(mine, image);
    worker.barrier();
    walk(one, *frames_[0], 0, last, worker, worker.index);
    if (worker.index == 0 && last < one.steps().size()) copy_to_batch(mine, image);
  }
}

void Session::copy_to_batch(const ExecutionFrame& frame, std::int64_t image) const {
  for (const BoundaryTensor& tensor : cut_.tensors) {
    std::memcpy(whole_->arena.at(tensor.to + tensor.image_bytes * static_cast<std::size_t>(image)),
                frame.arena.at(tensor.from), tensor.image_bytes);
  }
}

// `member` is the thread's place in the whole team; `worker` its place among those that share these steps.
void Session::walk(const Plan& plan, const ExecutionFrame& frame, std::size_t first, std::size_t last,
                   const Worker& worker, int member) {
  const bool times = member == 0 && !times_.empty();
  std::byte* worker_scratch = worker_scratch_.at(worker_stride_ * static_cast<std::size_t>(member));
  Clock::time_point before = times ? Clock::now() : Clock::time_point{};
  const auto after = [&](std::size_t step) {
    if (!times) return;
    const Clock::time_point now = Clock::now();
    times_[step].seconds += std::chrono::duration<double>(now - before).count();
    before = now;
  };
  for (std::size_t i = first; i < last;) {
    const std::size_t end = run_from(plan, frame, i, last, worker, worker_scratch, after);
    worker.barrier();
    after(end - 1);
    i = end;
  }
}

// Runs step `first`, or its chain as far as it goes before `last`; returns where the next one begins. The
// caller puts a barrier behind it.
std::size_t Session::run_from(const Plan& plan, const ExecutionFrame& frame, std::size_t first,
                              std::size_t last, const Worker& worker, std::byte* worker_scratch,
                              FusedRows::After after) {
  if (const FusedRows* chain = plan.fused_rows_of(first)) {
    const std::size_t end = std::min(chain->last(), last);
    chain->run(
        first, end, [&](std::size_t step) { return frame.args(step, nullptr); }, after, worker_scratch,
        worker);
    return end;
  }
  plan.steps()[first].executable->run(frame.args(first, worker_scratch), worker);
  return first + 1;
}

std::span<const Tensor> Session::run(std::span<const Tensor> src) {
  check_tensors("input", plan_->inputs(), src);
  run_steps_of(src, results_);
  if (interpreter_ == nullptr) return results_;
  run_tail();
  return all_results_;
}

void Session::run_steps(std::size_t first, std::size_t last) {
  const std::size_t cut = std::clamp(image_steps(schedule_), first, last);
  const std::int64_t count = plan_->inputs().empty() ? 1 : plan_->inputs()[0].desc.shape[0];
  run_team(threads_, [&](const Worker& worker) {
    const auto member = static_cast<std::size_t>(worker.index);
    std::byte* worker_scratch = worker_scratch_.at(worker_stride_ * member);
    const auto run = [&](const Plan& plan, const ExecutionFrame& frame, std::size_t begin, std::size_t end,
                         const Worker& steps_worker) {
      while (begin < end) {
        begin = run_from(plan, frame, begin, end, steps_worker, worker_scratch, [](std::size_t) {});
        steps_worker.barrier();
      }
    };
    const Worker::Range mine = worker.share(count);
    for (std::int64_t image = mine.begin; first < cut && image < mine.end; ++image)
      run(*plan_->one_image(), *frames_[member], first, cut, Worker{});
    if (cut < last) run(*plan_, *whole_, cut, last, worker);
  });
}

void Session::reset_profile() {
  for (StepTime& time : times_) time = {};
}

}  // namespace godwit::engine
