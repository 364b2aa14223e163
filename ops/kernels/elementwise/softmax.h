// Softmax of a row.
#pragma once

#include <cassert>

#include "ops/kernels/elementwise/arguments.h"
#include "ops/kernels/elementwise/exp.h"
#include "ops/kernels/lanes.h"

namespace godwit::ops::kernels {

template <class Arch>
struct Softmax {
  using F32 = typename Arch::F32;

  static void run(const SoftmaxRow& row) {
    assert(row.src != nullptr && row.dst != nullptr && row.count > 0);
    const std::int64_t whole = row.count / Arch::kWidth * Arch::kWidth, left = row.count - whole;
    const F32 shift = Arch::broadcast(largest_of(row, whole, left));
    F32 sums = Arch::broadcast(0.0F);
    for (std::int64_t i = 0; i < whole; i += Arch::kWidth) {
      const F32 e = exp<Arch>(Arch::load(row.src + i) - shift);
      Arch::store(row.dst + i, e);
      sums = sums + e;
    }
    if (left > 0) {
      float lanes[Arch::kWidth];
      Arch::store(lanes, exp<Arch>(Lanes<Arch>::load_part(row.src + whole, left, row.src[whole]) - shift));
      for (int lane = 0; lane < Arch::kWidth; ++lane) lanes[lane] = lane < left ? lanes[lane] : 0.0F;
      sums = sums + Arch::load(lanes);
      Lanes<Arch>::store_part(row.dst + whole, Arch::load(lanes), left);
    }
    float lanes[Arch::kWidth];
    Arch::store(lanes, sums);
    float sum = 0.0F;
    for (int lane = 0; lane < Arch::kWidth; ++lane) sum += lanes[lane];
    const F32 scale = Arch::broadcast(1.0F / sum);
    for (std::int64_t i = 0; i < whole; i += Arch::kWidth)
      Arch::store(row.dst + i, Arch::load(row.dst + i) * scale);
    if (left > 0) {
      const F32 last = Lanes<Arch>::load_part(row.dst + whole, left, 0.0F);
      Lanes<Arch>::store_part(row.dst + whole, last * scale, left);
    }
  }

 private:
  // NaN where there is one.
  static GODWIT_INLINE float largest_of(const SoftmaxRow& row, std::int64_t whole, std::int64_t left) {
    F32 largest = Arch::broadcast(row.src[0]);
    for (std::int64_t i = 0; i < whole; i += Arch::kWidth)
      largest = Arch::max_or_nan(largest, Arch::load(row.src + i));
    if (left > 0)
      largest = Arch::max_or_nan(largest, Lanes<Arch>::load_part(row.src + whole, left, row.src[whole]));
    float lanes[Arch::kWidth];
    Arch::store(lanes, largest);
    float result = lanes[0];
    for (int lane = 1; lane < Arch::kWidth; ++lane)
      result = lanes[lane] > result || lanes[lane] != lanes[lane] ? lanes[lane] : result;
    return result;
  }
};

}  // namespace godwit::ops::kernels
