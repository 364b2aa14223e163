// The division of a batch among threads: the ways there are, the cut between images and layers, and the
// choice.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace godwit::engine {

class Plan;

// The answers are the same, bit for bit.
enum class BatchSchedule : std::uint8_t {
  per_layer,  // all threads share each step over the whole batch: weights are read once
  per_image,  // each thread takes whole images through all steps; what is left over is shared layer by layer
  hybrid,     // images through the first steps, whose tensors are large, then layers, whose weights are
};
const char* name_of(BatchSchedule schedule);
std::optional<BatchSchedule> parse_batch_schedule(std::string_view name);

// A schedule settled for batches of so many images on so many threads.
struct ScheduleChoice {
  std::int64_t images = 1;
  int threads = 1;
  BatchSchedule schedule = BatchSchedule::per_layer;
  // Seconds of a run, for each schedule that a trial measured; empty where there was none.
  std::map<BatchSchedule, double> seconds = {};
};

// A tensor that is handed from images to layers: where it lies in the arenas of one image and of the batch.
struct BoundaryTensor {
  std::size_t from = 0, to = 0, image_bytes = 0;
};

struct BatchCut {
  std::size_t steps = 0;                     // of a hybrid schedule: so many first ones run image by image
  std::vector<BoundaryTensor> tensors = {};  // written in front of the cut and read behind it
};
// The cut with the least memory traffic: image by image a step reads its weights once for each image, shared
// it reads them once and its tensors go through memory. Needs Plan::one_image().
BatchCut batch_cut(const Plan& plan);

// The schedules that `threads` threads can run the plan by: per_layer always; per_image, which comes first,
// where the plan treats its images apart and there is one for each thread; hybrid where batch_cut() parts the
// steps.
std::vector<BatchSchedule> possible_schedules(const Plan& plan, int threads);

// The plan's own choice for its batch and so many threads (Choices::schedules); null where it has none.
const ScheduleChoice* settled_schedule(const Plan& plan, int threads);

// The plan's own choice. Without one, per_image where that is possible, unless another one is clearly faster
// by a roofline of compute and memory traffic. Throws Error for a choice that is not possible.
BatchSchedule choose_schedule(const Plan& plan, int threads);

// Throws Error, naming those that are possible, for another one.
void require_possible(BatchSchedule schedule, const Plan& plan, int threads);

// Runs every possible schedule four times in turn, by `run`, which returns its seconds. Of all but the first
// time the least counts; per_image stays unless another one is clearly faster. Runs nothing where one alone
// is possible.
ScheduleChoice try_schedules(const Plan& plan, int threads, const std::function<double(BatchSchedule)>& run);

}  // namespace godwit::engine
