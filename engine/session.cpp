// Running a plan: one team of threads walks over all steps, with a barrier behind each.
#include "engine/session.h"

#include <charconv>
#include <chrono>
#include <fmt/format.h>

#include "runtime/cpu.h"
#include "runtime/error.h"
#include "runtime/knobs.h"

namespace godwit::engine {
namespace {

constexpr int kMaxThreads = 1024;

int default_threads() {
  const std::optional<std::string> text = knob("GODWIT_THREADS");
  if (!text) return usable_cores();
  int threads = 0;
  const char* end = text->data() + text->size();
  const auto [stop, error] = std::from_chars(text->data(), end, threads);
  if (error != std::errc{} || stop != end || threads < 1 || threads > kMaxThreads) {
    throw Error(fmt::format("GODWIT_THREADS is '{}', expected a number from 1 to {}", *text, kMaxThreads));
  }
  return threads;
}

int checked_threads(int threads) {
  if (threads < 0 || threads > kMaxThreads) {
    throw Error(fmt::format("{} threads, expected 1 to {}, or 0 for the default", threads, kMaxThreads));
  }
  return threads == 0 ? default_threads() : threads;
}

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

// Pointers to every step's operands. Those into the caller's tensors are put in by each run.
struct Session::Operands {
  struct StepRange {
    std::size_t src = 0, dst = 0;  // where the step's pointers begin
  };
  struct Patch {
    std::size_t pointer = 0;
    std::size_t tensor = 0;
  };
  std::vector<const void*> src;
  std::vector<void*> dst;
  std::vector<StepRange> steps;
  std::vector<Patch> src_from_input, src_from_output, dst_to_output;
};

Session::Session(std::shared_ptr<const Plan> plan, const SessionOptions& options)
    : plan_(std::move(plan)),
      threads_(checked_threads(options.threads)),
      arena_(plan_->memory().arena_bytes),
      shared_scratch_(plan_->memory().shared_scratch_bytes),
      worker_scratch_(align_up(plan_->memory().worker_scratch_bytes) * static_cast<std::size_t>(threads_)),
      worker_stride_(align_up(plan_->memory().worker_scratch_bytes)),
      operands_(std::make_unique<Operands>()) {
  Operands& operands = *operands_;
  for (const Step& step : plan_->steps()) {
    operands.steps.push_back({operands.src.size(), operands.dst.size()});
    for (const Slot& slot : step.src) {
      const Operands::Patch patch{operands.src.size(), static_cast<std::size_t>(slot.index)};
      if (slot.kind == Slot::Kind::input) operands.src_from_input.push_back(patch);
      if (slot.kind == Slot::Kind::output) operands.src_from_output.push_back(patch);
      operands.src.push_back(slot.kind == Slot::Kind::arena ? arena_.at(slot.offset) : slot.constant);
    }
    for (const Slot& slot : step.dst) {
      const Operands::Patch patch{operands.dst.size(), static_cast<std::size_t>(slot.index)};
      if (slot.kind == Slot::Kind::output) operands.dst_to_output.push_back(patch);
      operands.dst.push_back(slot.kind == Slot::Kind::arena ? arena_.at(slot.offset) : nullptr);
    }
  }
  for (const PlanInput& output : plan_->outputs()) results_.emplace_back(output.desc);
  if (options.profile) times_.resize(plan_->steps().size());
  // Threads are made now, not by the first run.
  run_team(threads_, [](const Worker&) {});
}

Session::~Session() = default;

void Session::bind(std::span<const Tensor> src, std::span<Tensor> dst) {
  for (const auto& [pointer, tensor] : operands_->src_from_input)
    operands_->src[pointer] = src[tensor].data();
  for (const auto& [pointer, tensor] : operands_->src_from_output)
    operands_->src[pointer] = dst[tensor].data();
  for (const auto& [pointer, tensor] : operands_->dst_to_output)
    operands_->dst[pointer] = dst[tensor].mutable_data();
}

void Session::run(std::span<const Tensor> src, std::span<Tensor> dst) {
  check_tensors("input", plan_->inputs(), src);
  check_tensors("output", plan_->outputs(), dst);
  bind(src, dst);
  run_team(threads_, [&](const Worker& worker) {
    using Clock = std::chrono::steady_clock;
    const bool times = worker.index == 0 && !times_.empty();
    std::byte* worker_scratch = worker_scratch_.at(worker_stride_ * static_cast<std::size_t>(worker.index));
    const std::vector<Step>& steps = plan_->steps();
    Clock::time_point before = times ? Clock::now() : Clock::time_point{};
    for (std::size_t i = 0; i < steps.size(); ++i) {
      const Operands::StepRange& range = operands_->steps[i];
      steps[i].executable->run({operands_->src.data() + range.src, operands_->dst.data() + range.dst,
                                shared_scratch_.at(0), worker_scratch},
                               worker);
      worker.barrier();
      if (!times) continue;
      const Clock::time_point now = Clock::now();
      times_[i].seconds += std::chrono::duration<double>(now - before).count();
      ++times_[i].runs;
      before = now;
    }
  });
}

std::span<const Tensor> Session::run(std::span<const Tensor> src) {
  run(src, results_);
  return results_;
}

void Session::run_steps(std::size_t first, std::size_t last) {
  run_team(threads_, [&](const Worker& worker) {
    std::byte* worker_scratch = worker_scratch_.at(worker_stride_ * static_cast<std::size_t>(worker.index));
    for (std::size_t i = first; i < last; ++i) {
      const Operands::StepRange& range = operands_->steps[i];
      plan_->steps()[i].executable->run({operands_->src.data() + range.src, operands_->dst.data() + range.dst,
                                         shared_scratch_.at(0), worker_scratch},
                                        worker);
      worker.barrier();
    }
  });
}

void Session::reset_profile() {
  for (StepTime& time : times_) time = {};
}

}  // namespace godwit::engine
