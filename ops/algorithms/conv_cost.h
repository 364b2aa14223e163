// Estimates of a convolution's time by each algorithm, for the choice at compile time.
#pragma once

#include <cstdint>

#include "ops/algorithms/conv_geometry.h"
#include "ops/kernel_table.h"

namespace godwit::ops {

// Estimated time of one image, in units of one vector multiply-add of the ISA. Batch and threads are left out
// on purpose: the choice, and with it every result, is the same for all of them. `kernels` are those for f32
// where 16-bit floats are widened, so that these take half the memory of f32 and compute the same way.
// share: of the multiply-adds, where some are skipped.
double direct_cost(const ConvGeometry& geometry, const GemmTileSizes& kernels, double share = 1);
double winograd_cost(const ConvGeometry& geometry, std::int64_t m, const GemmTileSizes& kernels);
// A product for each of some taps, over `pixels` of one image altogether.
double taps_cost(const ConvGeometry& geometry, std::int64_t pixels, std::int64_t taps,
                 const GemmTileSizes& kernels);
// width: f32 in a vector.
double grouped_cost(const ConvGeometry& geometry, std::int64_t width);

// The same of 8-bit numbers, in units of one vector instruction; `kernels` are those that the weights will be
// packed for.
double quantized_direct_cost(const ConvGeometry& geometry, const QuantizedGemmKernels& kernels);
double quantized_winograd_cost(const ConvGeometry& geometry, std::int64_t m,
                               const QuantizedGemmKernels& kernels);

}  // namespace godwit::ops
