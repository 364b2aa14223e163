// Facts drawn from a plan.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "engine/plan.h"

namespace godwit::tools {

// The first dimension of the plan's first input: how many images one run takes. 1 where there is none.
std::int64_t batch_of(const engine::Plan& plan);

// Bytes of packed weights and of the constants that steps read as they are.
std::size_t weight_bytes(const engine::Plan& plan);

// The model's own layers done in a step: "conv1 + conv1_bn + relu1".
std::string layers_of(const engine::Step& step);

}  // namespace godwit::tools
