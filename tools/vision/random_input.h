// Input to time a plan on.
#pragma once

#include <cstdint>
#include <vector>

#include "engine/plan.h"
#include "runtime/tensor.h"

namespace godwit::vision {

// Values that look like data and are the same in every run: floats in [-1, 1), integers and booleans 0 or 1.
Tensor random_tensor(const TensorDesc& desc, std::uint64_t seed);

// Values for every input of the plan, the same in every run of the program.
std::vector<Tensor> random_inputs(const engine::Plan& plan);

}  // namespace godwit::vision
