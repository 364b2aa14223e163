// Fused multiply-adds, as many as the core can issue, on registers alone.
#pragma once

#include <cassert>

#include "ops/kernels/peak/arguments.h"
#include "ops/kernels/simd.h"

namespace godwit::ops::kernels {

// Twelve independent chains cover a latency of four to six cycles at two instructions a cycle.
template <class Arch>
struct Peak {
  using F32 = typename Arch::F32;
  static_assert(kPeakChains == 12);

  static float run(std::int64_t rounds) {
    assert(rounds >= 0);
    F32 sum[kPeakChains];
    const F32 factor = Arch::broadcast(0.5F);
    const F32 addend = Arch::broadcast(1.0F);
#pragma GCC unroll 12
    for (int i = 0; i < kPeakChains; ++i) sum[i] = Arch::broadcast(static_cast<float>(i));
    for (std::int64_t r = 0; r < rounds; ++r) {  // the hot loop
#pragma GCC unroll 12
      for (int i = 0; i < kPeakChains; ++i) sum[i] = Arch::fma(sum[i], factor, addend);
    }
    F32 total = sum[0];
#pragma GCC unroll 12
    for (int i = 1; i < kPeakChains; ++i) total = total + sum[i];
    float lanes[Arch::kWidth];
    Arch::store(lanes, total);
    return lanes[0];
  }
};

}  // namespace godwit::ops::kernels
