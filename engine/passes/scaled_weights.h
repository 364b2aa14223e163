// Weights times one factor for each result channel.
#pragma once

#include <cstddef>
#include <vector>

#include "runtime/tensor.h"

namespace godwit::engine::passes {

// Each f32 weight times the factor of its channel, which is (i / inner) % factors.size(), rounded once. Made
// when it is asked for: packing is mostly all that reads it.
Tensor scaled_weights(const Tensor& weights, std::vector<double> factors, std::size_t inner);

}  // namespace godwit::engine::passes
