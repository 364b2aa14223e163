// Softmax of many short rows, one row to a lane.
#pragma once

#include <cassert>

#include "ops/kernels/elementwise/arguments.h"
#include "ops/kernels/elementwise/exp.h"
#include "ops/kernels/simd.h"

namespace godwit::ops::kernels {

template <class Arch>
struct ShortSoftmax {
  using F32 = typename Arch::F32;
  static constexpr int kWidth = Arch::kWidth;

  static void run(const ShortSoftmaxRows& rows) {
    assert(rows.src != nullptr && rows.dst != nullptr && rows.rows >= 0);
    assert(rows.count > 0 && rows.count <= kMostInShortRow);
    for (std::int64_t row = 0; row < rows.rows; row += kWidth) {
      const std::int64_t left = rows.rows - row;
      block(rows.src + row * rows.count, rows.dst + row * rows.count, rows.count,
            left < kWidth ? static_cast<int>(left) : kWidth);
    }
  }

 private:
  // Element i of `rows` rows; the last row stands in for those that are not there.
  static GODWIT_INLINE void block(const float* src, float* dst, std::int64_t count, int rows) {
    float lanes[kMostInShortRow][kWidth];
    for (int lane = 0; lane < kWidth; ++lane) {
      const float* row = src + (lane < rows ? lane : rows - 1) * count;
      for (std::int64_t i = 0; i < count; ++i) lanes[i][lane] = row[i];
    }
    F32 largest = Arch::load(lanes[0]);
    for (std::int64_t i = 1; i < count; ++i) largest = Arch::max_or_nan(largest, Arch::load(lanes[i]));
    F32 sum = Arch::broadcast(0.0F);
    for (std::int64_t i = 0; i < count; ++i) {
      const F32 e = exp<Arch>(Arch::load(lanes[i]) - largest);
      Arch::store(lanes[i], e);
      sum = sum + e;
    }
    const F32 scale = Arch::broadcast(1.0F) / sum;
    for (std::int64_t i = 0; i < count; ++i) Arch::store(lanes[i], Arch::load(lanes[i]) * scale);
    for (int lane = 0; lane < rows; ++lane) {
      for (std::int64_t i = 0; i < count; ++i) dst[lane * count + i] = lanes[i][lane];
    }
  }
};

}  // namespace godwit::ops::kernels
