// The choice of a batch schedule: by a roofline, or by the least of some timed runs.
#include "engine/batch_schedule.h"

#include <algorithm>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <set>
#include <span>

#include "engine/plan.h"
#include "runtime/counted.h"
#include "runtime/error.h"

namespace godwit::engine {
namespace {

constexpr BatchSchedule kSchedules[] = {BatchSchedule::per_layer, BatchSchedule::per_image,
                                        BatchSchedule::hybrid};
constexpr int kTrials = 4;

// Images need no barriers: another schedule has to be faster than them by more than chance.
constexpr double kClearlyFaster = 0.95;

// Bytes of operands that a core multiplies while it reads one byte from memory: 32 f32 products of 4 bytes a
// cycle beside 4 bytes a cycle. Reading is hidden behind computing and the other way round.
constexpr double kMultipliedPerByteRead = 32;

std::int64_t images_of(const Plan& plan) {
  return plan.inputs().empty() || plan.inputs()[0].desc.shape.rank() == 0 ? 1
                                                                          : plan.inputs()[0].desc.shape[0];
}

// Time of a batch's step in bytes multiplied, shared by all threads and image by image.
struct StepEstimate {
  double per_layer = 0, per_image = 0;
};
StepEstimate estimate(const Step& step, double images) {
  const double element = step.src_descs.empty() ? 4.0 : static_cast<double>(size_of(step.src_descs[0].dtype));
  const double multiplied = static_cast<double>(step.cost.macs) * element;
  const auto weights = static_cast<double>(step.cost.weight_bytes);
  const auto tensors = static_cast<double>(step.cost.activation_bytes);
  return {std::max(multiplied, kMultipliedPerByteRead * (weights + tensors)),
          std::max(multiplied, kMultipliedPerByteRead * weights * images)};
}

// Times of the whole plan by schedule.
std::map<BatchSchedule, double> estimates(const Plan& plan, std::span<const BatchSchedule> schedules) {
  const auto images = static_cast<double>(images_of(plan));
  const std::size_t cut = batch_cut(plan).steps;
  std::map<BatchSchedule, double> times;
  for (std::size_t i = 0; i < plan.steps().size(); ++i) {
    const StepEstimate step = estimate(plan.steps()[i], images);
    for (const BatchSchedule schedule : schedules) {
      const bool by_image =
          schedule == BatchSchedule::per_image || (schedule == BatchSchedule::hybrid && i < cut);
      times[schedule] += by_image ? step.per_image : step.per_layer;
    }
  }
  return times;
}

BatchSchedule fastest(const std::map<BatchSchedule, double>& seconds) {
  BatchSchedule best = BatchSchedule::per_image;
  for (const auto& [schedule, time] : seconds) {
    const double handicap = best == BatchSchedule::per_image ? kClearlyFaster : 1.0;
    if (time < seconds.at(best) * handicap) best = schedule;
  }
  return best;
}

// Tensors that steps in front of the cut write and those behind it read.
std::vector<BoundaryTensor> boundary_tensors(const Plan& plan, std::size_t cut) {
  const std::vector<Step>& batch = plan.steps();
  const std::vector<Step>& one = plan.one_image()->steps();
  const auto images = static_cast<std::size_t>(images_of(plan));
  std::vector<BoundaryTensor> tensors;
  std::map<std::size_t, std::size_t> writers;  // of offsets in the batch's arena: the last step so far
  std::set<std::size_t> alive;
  for (std::size_t i = 0; i < batch.size(); ++i) {
    for (std::size_t k = 0; i >= cut && k < batch[i].src.size(); ++k) {
      const Slot& slot = batch[i].src[k];
      if (slot.kind != Slot::Kind::arena || writers[slot.offset] >= cut || !alive.insert(slot.offset).second)
        continue;
      tensors.push_back({one[i].src[k].offset, slot.offset, batch[i].src_descs[k].bytes() / images});
    }
    for (const Slot& slot : batch[i].dst) {
      if (slot.kind == Slot::Kind::arena) writers[slot.offset] = i;
    }
  }
  return tensors;
}

}  // namespace

const char* name_of(BatchSchedule schedule) {
  return schedule == BatchSchedule::per_layer   ? "per_layer"
         : schedule == BatchSchedule::per_image ? "per_image"
                                                : "hybrid";
}

std::optional<BatchSchedule> parse_batch_schedule(std::string_view name) {
  const auto* const found =
      std::ranges::find_if(kSchedules, [&](BatchSchedule each) { return name_of(each) == name; });
  if (found == std::end(kSchedules)) return std::nullopt;
  return *found;
}

BatchCut batch_cut(const Plan& plan) {
  const std::vector<Step>& steps = plan.steps();
  const auto images = static_cast<double>(images_of(plan));
  BatchCut cut;
  double cost = 0;  // of a cut here, less that of layers alone
  double least = 0;
  for (std::size_t i = 0; i < steps.size(); ++i) {
    cost += static_cast<double>(steps[i].cost.weight_bytes) * (images - 1) -
            static_cast<double>(steps[i].cost.activation_bytes);
    const bool in_chain = i + 1 < steps.size() && steps[i].chain >= 0 && steps[i].chain == steps[i + 1].chain;
    if (cost >= least || in_chain) continue;
    least = cost;
    cut.steps = i + 1;
  }
  cut.tensors = boundary_tensors(plan, cut.steps);
  return cut;
}

std::vector<BatchSchedule> possible_schedules(const Plan& plan, int threads) {
  if (plan.one_image() == nullptr || images_of(plan) < threads) return {BatchSchedule::per_layer};
  std::vector<BatchSchedule> possible{BatchSchedule::per_image, BatchSchedule::per_layer};
  const std::size_t cut = batch_cut(plan).steps;
  if (cut > 0 && cut < plan.steps().size()) possible.push_back(BatchSchedule::hybrid);
  return possible;
}

void require_possible(BatchSchedule schedule, const Plan& plan, int threads) {
  std::vector<std::string_view> names;
  for (const BatchSchedule possible : possible_schedules(plan, threads)) {
    if (possible == schedule) return;
    names.emplace_back(name_of(possible));
  }
  throw Error(fmt::format("a batch of {} cannot run {} on {}; use {}", images_of(plan), name_of(schedule),
                          counted(threads, "thread"), fmt::join(names, " or ")));
}

const ScheduleChoice* settled_schedule(const Plan& plan, int threads) {
  const std::vector<ScheduleChoice>& choices = plan.choices().schedules;
  const auto found = std::ranges::find_if(choices, [&](const ScheduleChoice& choice) {
    return choice.images == images_of(plan) && choice.threads == threads;
  });
  return found == choices.end() ? nullptr : &*found;
}

BatchSchedule choose_schedule(const Plan& plan, int threads) {
  if (const ScheduleChoice* choice = settled_schedule(plan, threads)) {
    require_possible(choice->schedule, plan, threads);
    return choice->schedule;
  }
  const std::vector<BatchSchedule> possible = possible_schedules(plan, threads);
  return possible.size() == 1 ? possible[0] : fastest(estimates(plan, possible));
}

ScheduleChoice try_schedules(const Plan& plan, int threads, const std::function<double(BatchSchedule)>& run) {
  ScheduleChoice choice{images_of(plan), threads, BatchSchedule::per_layer, {}};
  const std::vector<BatchSchedule> possible = possible_schedules(plan, threads);
  if (possible.size() == 1) return choice;
  for (int trial = 0; trial < kTrials; ++trial) {
    for (const BatchSchedule schedule : possible) {
      const double seconds = run(schedule);
      // The first run meets memory that was never touched; whatever else the machine does makes others
      // longer.
      double& least = choice.seconds[schedule];
      least = trial < 2 ? seconds : std::min(least, seconds);
    }
  }
  choice.schedule = fastest(choice.seconds);
  return choice;
}

}  // namespace godwit::engine
