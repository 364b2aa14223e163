// A session: one plan, its memory, one run at a time. Sessions of the same plan may run side by side.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "engine/plan.h"
#include "runtime/memory.h"
#include "runtime/tensor.h"
#include "runtime/threads.h"

namespace godwit::engine {

// How a run's work is divided among threads. The answers are the same, bit for bit.
enum class BatchSchedule : std::uint8_t {
  per_layer,  // all threads share each step over the whole batch: weights are read once
  per_image,  // each thread takes whole images through all steps; what is left over is shared layer by layer
  hybrid,     // images through the first steps, whose tensors are large, then layers, whose weights are
};
const char* name_of(BatchSchedule schedule);

struct SessionOptions {
  int threads = 0;       // 0: usable_cores()
  bool profile = false;  // time every step
};

// Seconds that the first thread spent in one step over all profiled runs, those of waiting for others within
// the step included.
struct StepTime {
  double seconds = 0;
  std::int64_t runs = 0;
};

class Session {
 public:
  // Allocates everything that runs will need. Throws Error for threads < 0 or > 1024.
  explicit Session(std::shared_ptr<const Plan> plan, const SessionOptions& options = {});
  ~Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  // Computes all outputs of the plan from all its inputs, both in the plan's order; dst tensors are the
  // caller's memory. Checks dtype, shape and layout of each (Error, ErrorKind::bad_input), then neither
  // throws nor allocates.
  void run(std::span<const Tensor> src, std::span<Tensor> dst);
  // As above with results allocated once by the session and overwritten by the next run.
  std::span<const Tensor> run(std::span<const Tensor> src);

  // Runs steps [first, last) on the tensors of the run before and what it left in the arena: for measuring
  // layers alone. Requires a run, and another one where that was the last trial (see tuned()); what the
  // tensors hold afterwards is of no use.
  void run_steps(std::size_t first, std::size_t last);

  const Plan& plan() const { return *plan_; }
  int threads() const { return threads_; }
  // One entry per step of the plan; empty without SessionOptions::profile.
  std::span<const StepTime> profile() const { return times_; }
  void reset_profile();
  // How the next run is divided. Where a batch has at least as many images as there are threads and the plan
  // treats them apart, the first runs try every way kTrials times, in turn, and the fastest stays;
  // that is images alone unless another one is clearly faster.
  BatchSchedule schedule() const;
  static constexpr std::size_t kTrials = 4;
  // Whether that is no trial any more.
  bool tuned() const { return schedules_.size() == 1; }
  // Bytes of the arenas that runs use: one for the batch, one for each thread's image, or both where images
  // are mixed with layers and while all are tried.
  std::size_t arena_bytes() const;

 private:
  struct ExecutionFrame;
  // A tensor that is handed from images to layers: where it lies in the arenas of one image and of the batch.
  struct BoundaryTensor {
    std::size_t from = 0, to = 0, image_bytes = 0;
  };
  // Steps that `schedule` runs image by image, from the first on.
  std::size_t image_steps(BatchSchedule schedule) const;
  void choose_cut();
  void run_scheduled(BatchSchedule schedule, std::span<const Tensor> src, std::span<Tensor> dst);
  void run_images(std::size_t last, std::span<const Tensor> src, std::span<Tensor> dst,
                  std::atomic<std::int64_t>& next, const Worker& worker);
  void copy_to_batch(const ExecutionFrame& frame, std::int64_t image) const;
  void walk(const Plan& plan, const ExecutionFrame& frame, std::size_t first, std::size_t last,
            const Worker& worker, int member);
  static std::size_t run_from(const Plan& plan, const ExecutionFrame& frame, std::size_t first,
                              std::size_t last, const Worker& worker, std::byte* worker_scratch,
                              FusedRows::After after);
  void note_trial(double seconds);

  std::shared_ptr<const Plan> plan_;
  int threads_ = 1;
  std::unique_ptr<ExecutionFrame> whole_;                // null once images alone are known to be fastest
  std::vector<std::unique_ptr<ExecutionFrame>> frames_;  // by thread; empty where only layers are divided
  std::vector<BatchSchedule> schedules_;                 // that are still open
  BatchSchedule last_ = BatchSchedule::per_layer;        // of the run before
  std::size_t cut_ = 0;                           // steps in front of it are for images where both are mixed
  std::vector<BoundaryTensor> boundary_tensors_;  // of the tensors alive there
  Arena worker_scratch_;
  std::size_t worker_stride_ = 0;
  std::size_t trials_ = 0;        // runs made while several divisions are open
  double trial_seconds_[3] = {};  // by BatchSchedule, the least of all trials but the first
  std::vector<Tensor> results_;
  std::vector<StepTime> times_;
};

}  // namespace godwit::engine
