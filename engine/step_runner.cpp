// Tensors for one step, and the loop around it.
#include "engine/step_runner.h"

#include <cstring>
#include <fmt/format.h>
#include <random>

#include "runtime/error.h"

namespace godwit::engine {
namespace {

Tensor made_up(const TensorDesc& desc, std::uint32_t seed) {
  Tensor tensor(desc);
  std::memset(tensor.mutable_data(), 0, tensor.bytes());
  if (desc.dtype == DType::f32) {
    std::minstd_rand random(seed);
    std::uniform_real_distribution<float> values(-1.0F, 1.0F);
    for (float& value : tensor.mutable_values<float>()) value = values(random);
  }
  return tensor;
}

const Step& checked_step(const Plan& plan, std::size_t step) {
  if (step >= plan.steps().size())
    throw Error(fmt::format("step {} of a plan that has {}", step, plan.steps().size()));
  return plan.steps()[step];
}

}  // namespace

StepRunner::StepRunner(std::shared_ptr<const Plan> plan, std::size_t step, int threads)
    : plan_(std::move(plan)),
      step_(checked_step(*plan_, step)),
      threads_(chosen_threads(threads)),
      shared_scratch_(step_.executable->scratch().shared),
      worker_scratch_(align_up(step_.executable->scratch().per_worker) * static_cast<std::size_t>(threads_)),
      worker_stride_(align_up(step_.executable->scratch().per_worker)) {
  for (std::size_t i = 0; i < step_.src.size(); ++i) {
    const bool computed = step_.src[i].kind != Slot::Kind::none && step_.src[i].kind != Slot::Kind::constant;
    src_.push_back(computed ? made_up(step_.src_descs[i], static_cast<std::uint32_t>(i + 1)) : Tensor{});
    src_pointers_.push_back(computed ? src_.back().data() : step_.src[i].constant);
  }
  for (std::size_t i = 0; i < step_.dst.size(); ++i) {
    const bool wanted = step_.dst[i].kind != Slot::Kind::none;
    dst_.push_back(wanted ? made_up(step_.dst_descs[i], 0) : Tensor{});
    dst_pointers_.push_back(wanted ? dst_.back().mutable_data() : nullptr);
  }
}

void StepRunner::run(int times) {
  run_team(threads_, [&](const Worker& worker) {
    const ops::RunArgs args{src_pointers_.data(), dst_pointers_.data(), shared_scratch_.at(0),
                            worker_scratch_.at(worker_stride_ * static_cast<std::size_t>(worker.index))};
    for (int i = 0; i < times; ++i) {
      step_.executable->run(args, worker);
      worker.barrier();
    }
  });
}

}  // namespace godwit::engine
