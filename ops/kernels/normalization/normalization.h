// Moments and normalisation, vector by vector.
#pragma once

#include <cassert>

#include "ops/kernels/lanes.h"
#include "ops/kernels/normalization/arguments.h"

namespace godwit::ops::kernels {

template <class Arch>
struct Moments {
  using F32 = typename Arch::F32;
  static constexpr std::int64_t kWidth = Arch::kWidth;

  static void run(const MomentsRow& row) {
    assert(row.src != nullptr && row.mean != nullptr && row.squares != nullptr && row.count > 0);
    const float count = static_cast<float>(row.count);
    const float mean =
        row.about_zero ? 0.0F : sum(row, Arch::broadcast(0.0F), [](F32 s, F32 x) { return s + x; }) / count;
    const F32 middle = Arch::broadcast(mean);
    *row.squares = sum(row, middle, [&](F32 s, F32 x) {
      const F32 distance = x - middle;
      return Arch::fma(distance, distance, s);
    });
    *row.mean = mean;
  }

 private:
  // Four sums side by side, so that no addition waits for the one before; `filler` adds nothing.
  template <class Add>
  static GODWIT_INLINE float sum(const MomentsRow& row, F32 filler, const Add& add) {
    const F32 zero = Arch::broadcast(0.0F);
    F32 a = zero, b = zero, c = zero, d = zero;
    std::int64_t i = 0;
    for (; i + 4 * kWidth <= row.count; i += 4 * kWidth) {
      a = add(a, Arch::load(row.src + i));
      b = add(b, Arch::load(row.src + i + kWidth));
      c = add(c, Arch::load(row.src + i + 2 * kWidth));
      d = add(d, Arch::load(row.src + i + 3 * kWidth));
    }
    for (; i + kWidth <= row.count; i += kWidth) a = add(a, Arch::load(row.src + i));
    if (i < row.count) {
      float lanes[kWidth];
      Arch::store(lanes, filler);
      b = add(b, Lanes<Arch>::load_part(row.src + i, row.count - i, lanes[0]));
    }
    float lanes[kWidth];
    Arch::store(lanes, (a + b) + (c + d));
    float total = 0.0F;
    for (const float lane : lanes) total += lane;
    return total;
  }
};

template <class Arch>
struct Normalize {
  using F32 = typename Arch::F32;
  static constexpr std::int64_t kWidth = Arch::kWidth;

  static void run(const NormalizeRow& row) {
    assert(row.src != nullptr && row.dst != nullptr && row.count >= 0);
    assert(row.scale != nullptr && row.shift != nullptr && (row.step == 0 || row.step == 1));
    const F32 mean = Arch::broadcast(row.mean), factor = Arch::broadcast(row.factor);
    const auto result = [&](F32 x, F32 scale, F32 shift) {
      return Arch::fma((x - mean) * factor, scale, shift);
    };
    if (row.step == 0) {
      const F32 scale = Arch::broadcast(*row.scale), shift = Arch::broadcast(*row.shift);
      return map_span<Arch, float, float>(row.src, row.dst, row.count,
                                          [&](F32 x) { return result(x, scale, shift); });
    }
    std::int64_t i = 0;
    for (; i + kWidth <= row.count; i += kWidth)
      Arch::store(row.dst + i,
                  result(Arch::load(row.src + i), Arch::load(row.scale + i), Arch::load(row.shift + i)));
    if (i < row.count) {
      const PartVector<Arch> part{row.count - i};
      part.store(row.dst + i,
                 result(part.load(row.src + i), part.load(row.scale + i), part.load(row.shift + i)));
    }
  }
};

template <class Arch>
struct MomentsOfColumns {
  using F32 = typename Arch::F32;

  static void run(const ColumnMoments& columns) {
    assert(columns.src != nullptr && columns.origin != nullptr && columns.rows >= 0 && columns.count >= 0);
    assert(columns.sums != nullptr && columns.squares != nullptr && columns.stride >= columns.count);
    over_channels<Arch>(columns.count, [&]<int kVectors>(std::int64_t c, const auto& vector) {
      F32 origin[kVectors], sums[kVectors], squares[kVectors];
#pragma GCC unroll 4
      for (int v = 0; v < kVectors; ++v) {
        origin[v] = vector.load(columns.origin + c + v * Arch::kWidth);
        sums[v] = squares[v] = Arch::broadcast(0.0F);
      }
      const float* src = columns.src + c;
      for (std::int64_t row = 0; row < columns.rows; ++row, src += columns.stride) {
#pragma GCC unroll 4
        for (int v = 0; v < kVectors; ++v) {
          const F32 distance = vector.load(src + v * Arch::kWidth) - origin[v];
          sums[v] = sums[v] + distance;
          squares[v] = Arch::fma(distance, distance, squares[v]);
        }
      }
#pragma GCC unroll 4
      for (int v = 0; v < kVectors; ++v) {
        vector.store(columns.sums + c + v * Arch::kWidth, sums[v]);
        vector.store(columns.squares + c + v * Arch::kWidth, squares[v]);
      }
    });
  }
};

}  // namespace godwit::ops::kernels
