// A session: one plan, its memory, one run at a time. Sessions of the same plan may run side by side.
#pragma once

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
enum class Division : std::uint8_t {
  layers,  // all threads share each step over the whole batch
  images,  // each thread takes whole images through all steps; what is left over is shared layer by layer
};
const char* name_of(Division division);

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
  // caller's memory. Checks dtype, shape and layout of each (Error, Fault::bad_input), then neither throws
  // nor allocates.
  void run(std::span<const Tensor> src, std::span<Tensor> dst);
  // As above with results allocated once by the session and overwritten by the next run.
  std::span<const Tensor> run(std::span<const Tensor> src);

  // Runs steps [first, last) on the tensors of the run before and what it left in the arena: for measuring
  // layers alone. Requires a run; what the tensors hold afterwards is of no use.
  void run_steps(std::size_t first, std::size_t last);

  const Plan& plan() const { return *plan_; }
  int threads() const { return threads_; }
  // One entry per step of the plan; empty without SessionOptions::profile.
  std::span<const StepTime> profile() const { return times_; }
  void reset_profile();
  // How the next run is divided. Where a batch has at least as many images as there are threads and the plan
  // treats them apart, the first four runs try both ways in turn, and the faster one stays.
  Division division() const;
  // Bytes of the arenas that runs use: one for the batch, or one for each thread's image; both while they are
  // tried.
  std::size_t arena_bytes() const;

 private:
  struct Lane;
  void run_layers(std::span<const Tensor> src, std::span<Tensor> dst);
  void run_images(std::span<const Tensor> src, std::span<Tensor> dst);
  void walk(const Plan& plan, const Lane& lane, const Worker& worker, int member);
  void note_trial(double seconds);

  std::shared_ptr<const Plan> plan_;
  int threads_ = 1;
  std::unique_ptr<Lane> whole_;               // null once images are known to be faster
  std::vector<std::unique_ptr<Lane>> lanes_;  // by thread; empty where only layers can be divided
  Arena worker_scratch_;
  std::size_t worker_stride_ = 0;
  int trials_ = 0;                // runs made while both divisions are open
  double trial_seconds_[2] = {};  // by Division, of its second trial
  std::vector<Tensor> results_;
  std::vector<StepTime> times_;
};

}  // namespace godwit::engine
