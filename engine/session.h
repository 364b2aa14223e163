// A session: one plan, its memory, one run at a time. Sessions of the same plan may run side by side.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "engine/batch_schedule.h"
#include "engine/plan.h"
#include "runtime/memory.h"
#include "runtime/tensor.h"
#include "runtime/threads.h"

namespace godwit::engine {

class Interpreter;

struct SessionOptions {
  int threads = 0;       // 0: usable_cores()
  bool profile = false;  // time every step
  // Default: the plan's choice for its batch and so many threads (Choices::schedules), else an estimate's.
  std::optional<BatchSchedule> schedule = {};
};

// Seconds that the first thread spent in one step over all profiled runs, those of waiting for others within
// the step included.
struct StepTime {
  double seconds = 0;
  std::int64_t runs = 0;
};

class Session {
 public:
  // Allocates everything that runs will need. Throws Error for threads < 0 or > 1024, and for a schedule that
  // the plan does not allow on so many threads (possible_schedules()).
  explicit Session(std::shared_ptr<const Plan> plan, const SessionOptions& options = {});
  ~Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  // Computes all outputs of the plan from all its inputs, both in the plan's order; dst tensors are the
  // caller's memory. Checks dtype, shape and layout of each (Error, ErrorKind::bad_input), then neither
  // throws nor allocates. An output whose size only the data decides takes a Tensor made for the plan's desc,
  // with room for the bound, and gets its true shape. Behind a tail (Plan::tail()) an output without a bound
  // becomes a tensor of the run's own, whatever dst has there; such runs allocate, and throw Error where
  // operands do not fit.
  void run(std::span<const Tensor> src, std::span<Tensor> dst);
  // Runs with results allocated once by the session and overwritten by the next run.
  std::span<const Tensor> run(std::span<const Tensor> src);

  // Tries the schedules that the plan allows on src, as run() takes it, and goes on with the fastest
  // (try_schedules()): up to 12 runs. Throws as run() does and allocates; the results of the run before are
  // overwritten, the profile stays.
  ScheduleChoice tune(std::span<const Tensor> src);
  // The division of every run.
  BatchSchedule schedule() const { return schedule_; }

  // Runs steps [first, last) on the tensors of the run before and what it left in the arena: for measuring
  // layers alone. Requires a run since the last tune(); what the tensors hold afterwards is of no use.
  void run_steps(std::size_t first, std::size_t last);

  const Plan& plan() const { return *plan_; }
  int threads() const { return threads_; }
  // One entry per step of the plan; empty without SessionOptions::profile.
  std::span<const StepTime> profile() const { return times_; }
  void reset_profile();
  // Bytes of the arenas that runs use: one for the batch, one for each thread's image, or both where images
  // are mixed with layers.
  std::size_t arena_bytes() const;

 private:
  struct ExecutionFrame;
  // Steps that `schedule` runs image by image, from the first on.
  std::size_t image_steps(BatchSchedule schedule) const;
  // Makes the frames that these schedules need and lets go of others.
  void make_frames(std::span<const BatchSchedule> schedules);
  void run_steps_of(std::span<const Tensor> src, std::span<Tensor> dst);
  void run_tail();
  void run_scheduled(BatchSchedule schedule, std::span<const Tensor> src, std::span<Tensor> dst);
  void run_images(std::size_t last, std::span<const Tensor> src, std::span<Tensor> dst,
                  std::atomic<std::int64_t>& next, const Worker& worker);
  void copy_to_batch(const ExecutionFrame& frame, std::int64_t image) const;
  void walk(const Plan& plan, const ExecutionFrame& frame, std::size_t first, std::size_t last,
            const Worker& worker, int member);
  static std::size_t run_from(const Plan& plan, const ExecutionFrame& frame, std::size_t first,
                              std::size_t last, const Worker& worker, std::byte* worker_scratch,
                              FusedRows::After after);

  std::shared_ptr<const Plan> plan_;
  int threads_ = 1;
  std::unique_ptr<ExecutionFrame> whole_;                // null where images alone are divided
  std::vector<std::unique_ptr<ExecutionFrame>> frames_;  // by thread; empty where only layers are divided
  BatchSchedule schedule_ = BatchSchedule::per_layer;
  BatchCut cut_;  // of a hybrid schedule
  Arena worker_scratch_;
  std::size_t worker_stride_ = 0;
  std::vector<Tensor> results_;               // of the steps
  std::unique_ptr<Interpreter> interpreter_;  // null without a tail
  std::vector<Tensor> all_results_;           // with the tail's
  std::vector<StepTime> times_;
};

}  // namespace godwit::engine
