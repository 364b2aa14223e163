// Values that look like data.
#include "tools/vision/random_input.h"

#include <random>

namespace godwit::vision {

Tensor random_tensor(const TensorDesc& desc, std::uint64_t seed) {
  Tensor tensor(desc);
  std::mt19937_64 random(seed);
  visit_dtype(desc.dtype, [&]<class T>() {
    for (T& value : tensor.mutable_values<T>()) {
      const std::uint64_t bits = random();
      if (is_float(desc.dtype)) {
        // 24 bits fill a float's significand: [0, 2^24) × 2^-23 - 1.
        value = static_cast<T>(static_cast<float>(bits >> 40) * 0x1p-23F - 1.0F);
      } else {
        value = static_cast<T>(static_cast<float>(bits & 1));
      }
    }
  });
  return tensor;
}

std::vector<Tensor> random_inputs(const engine::Plan& plan) {
  constexpr std::uint64_t kSeed = 20260101;
  std::vector<Tensor> inputs;
  for (const engine::PlanInput& input : plan.inputs())
    inputs.push_back(random_tensor(input.desc, kSeed + inputs.size()));
  return inputs;
}

}  // namespace godwit::vision
