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
    float largest = row.src[0];
    for (std::int64_t i = 1; i < row.count; ++i) largest = row.src[i] > largest ? row.src[i] : largest;
    const F32 shift = Arch::broadcast(largest);
    float sum = 0.0F;
    float lanes[Arch::kWidth];
    for (std::int64_t i = 0; i < row.count; i += Arch::kWidth) {
      const std::int64_t left = row.count - i;
      const F32 src =
          left >= Arch::kWidth ? Arch::load(row.src + i) : Lanes<Arch>::load_part(row.src + i, left, largest);
      Arch::store(lanes, exp<Arch>(src - shift));
      for (int lane = 0; lane < Arch::kWidth && lane < left; ++lane) {
        row.dst[i + lane] = lanes[lane];
        sum += lanes[lane];
      }
    }
    const F32 scale = Arch::broadcast(1.0F / sum);
    for (std::int64_t i = 0; i < row.count; i += Arch::kWidth) {
      const std::int64_t left = row.count - i;
      if (left >= Arch::kWidth) {
        Arch::store(row.dst + i, Arch::load(row.dst + i) * scale);
      } else {
        Lanes<Arch>::store_part(row.dst + i, Lanes<Arch>::load_part(row.dst + i, left, 0.0F) * scale, left);
      }
    }
  }
};

}  // namespace godwit::ops::kernels
