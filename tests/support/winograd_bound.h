// Magnitudes that rounding errors of Winograd convolutions are relative to: the same transforms on absolute
// values.
#pragma once

#include <cstdint>

#include "runtime/tensor.h"

namespace godwit::support {

// Magnitude of each output of a stride-1 3×3 convolution of src (N, IC, H, W), with tiles of m×m outputs from
// the first output on: |Aᵀ| [sum over channels of (|G| |g| |Gᵀ|) times (|Bᵀ| |d| |B|)] |A|. Every term of the
// exact result passes through all the transforms' roundings, which are relative to this. f64, shape `dst`.
Tensor winograd_magnitudes(std::int64_t m, const Tensor& src, const Tensor& weights, const Shape& dst,
                           std::int64_t pad_h, std::int64_t pad_w);

}  // namespace godwit::support
