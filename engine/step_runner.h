// One step of a plan on its own, again and again: for measuring what a layer takes by itself.
#pragma once

#include <cstddef>
#include <memory>
#include <vector>

#include "engine/plan.h"
#include "runtime/memory.h"
#include "runtime/tensor.h"
#include "runtime/threads.h"

namespace godwit::engine {

class StepRunner {
 public:
  // Allocates tensors for the operands and results of step `step` (constants are the plan's own). Computed
  // operands hold floats in [-1, 1), the same each time, or zeros for other types. Throws Error for a thread
  // count that is not 0 (the default) to 1024, or a step that the plan has not.
  StepRunner(std::shared_ptr<const Plan> plan, std::size_t step, int threads);

  const Step& step() const { return step_; }
  // Runs the step so many times with a barrier behind each, as a session does. Neither throws nor allocates.
  void run(int times);
  // Results of the last run, in the step's order; an output that is not wanted has no memory.
  const std::vector<Tensor>& results() const { return dst_; }

 private:
  std::shared_ptr<const Plan> plan_;
  const Step& step_;
  int threads_;
  std::vector<Tensor> src_, dst_;
  std::vector<const void*> src_pointers_;
  std::vector<void*> dst_pointers_;
  Arena shared_scratch_, worker_scratch_;
  std::size_t worker_stride_;
};

}  // namespace godwit::engine
