// A session: one plan, one arena, one run at a time. Sessions of the same plan may run side by side.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "engine/plan.h"
#include "runtime/memory.h"
#include "runtime/tensor.h"
#include "runtime/threads.h"

namespace godwit::engine {

struct SessionOptions {
  int threads = 0;       // 0: usable_cores()
  bool profile = false;  // time every step
};

// Seconds spent in one step over all profiled runs.
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

  // Runs steps [first, last) on the tensors of the run before and what it left in the arena: for measuring layers
  // alone. Requires a run; what the tensors hold afterwards is of no use.
  void run_steps(std::size_t first, std::size_t last);

  const Plan& plan() const { return *plan_; }
  int threads() const { return threads_; }
  // One entry per step of the plan; empty without SessionOptions::profile.
  std::span<const StepTime> profile() const { return times_; }
  void reset_profile();

 private:
  struct Operands;
  void bind(std::span<const Tensor> src, std::span<Tensor> dst);

  std::shared_ptr<const Plan> plan_;
  int threads_ = 1;
  Arena arena_, shared_scratch_, worker_scratch_;
  std::size_t worker_stride_ = 0;
  std::unique_ptr<Operands> operands_;
  std::vector<Tensor> results_;
  std::vector<StepTime> times_;
};

}  // namespace godwit::engine
