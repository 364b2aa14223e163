// What a convolution is estimated to cost by each algorithm, for the choice at compile time.
#pragma once

#include <cstdint>

#include "ops/algorithms/conv_geometry.h"
#include "runtime/cpu.h"

namespace godwit::ops {

// Estimated time of one image, in units of one vector multiply-add of the ISA. Batch and threads are left out
// on purpose: the choice, and with it every result, is the same for all of them.
double direct_cost(const ConvGeometry& geometry, Isa isa);
double winograd_cost(const ConvGeometry& geometry, std::int64_t m, Isa isa);

}  // namespace godwit::ops
