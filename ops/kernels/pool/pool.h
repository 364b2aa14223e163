// Poolings and sums of columns of floats, vectorised over channels.
#pragma once

#include <cassert>

#include "ops/kernels/lanes.h"
#include "ops/kernels/pool/arguments.h"

namespace godwit::ops::kernels {

// One result for each channel out of its elements at some pixels: dst = end(step(… step(first, second) …)).
template <class Arch, class T, class Step, class End>
GODWIT_INLINE void reduce_pixels(const PoolPixel& pixel, const Step& step, const End& end) {
  assert(pixel.src != nullptr && pixel.dst != nullptr);
  assert(pixel.taps > 0 && pixel.channels >= 0);
  using F32 = typename Arch::F32;
  over_channels<Arch>(pixel.channels, [&]<int Vectors>(std::int64_t c, const auto& access) {
    F32 result[Vectors];
    const auto at = [&](std::int64_t t) { return static_cast<const T*>(pixel.src[t]) + c; };
#pragma GCC unroll 4
    for (int v = 0; v < Vectors; ++v) result[v] = access.load(at(0) + v * Arch::kWidth);
    for (std::int64_t t = 1; t < pixel.taps; ++t) {
#pragma GCC unroll 4
      for (int v = 0; v < Vectors; ++v) result[v] = step(result[v], access.load(at(t) + v * Arch::kWidth));
    }
#pragma GCC unroll 4
    for (int v = 0; v < Vectors; ++v) {
      access.store(static_cast<T*>(pixel.dst) + c + v * Arch::kWidth, end(result[v]));
    }
  });
}

// Maximum over the taps; a NaN among them wins, as in ONNX Runtime and the reference.
template <class Arch, class T>
struct MaxPool {
  using F32 = typename Arch::F32;
  static void run(const PoolPixel& pixel) {
    reduce_pixels<Arch, T>(
        pixel, [](F32 best, F32 next) { return Arch::max_or_nan(best, next); },
        [](F32 best) { return best; });
  }
};

template <class Arch, class T>
struct SumPool {
  using F32 = typename Arch::F32;
  static void run(const PoolPixel& pixel) {
    const F32 scale = Arch::broadcast(pixel.scale);
    reduce_pixels<Arch, T>(
        pixel, [](F32 sum, F32 next) { return sum + next; }, [&](F32 sum) { return sum * scale; });
  }
};

template <class Arch, class T>
struct SumColumns {
  using F32 = typename Arch::F32;

  static void run(const ColumnSum& columns) {
    assert(columns.src != nullptr && columns.dst != nullptr);
    assert(columns.rows >= 0 && columns.channels >= 0 && columns.stride >= columns.channels);
    const F32 scale = Arch::broadcast(columns.scale);
    over_channels<Arch>(columns.channels, [&]<int Vectors>(std::int64_t c, const auto& access) {
      F32 sum[Vectors];
#pragma GCC unroll 4
      for (int v = 0; v < Vectors; ++v) sum[v] = Arch::broadcast(0.0F);
      for (std::int64_t r = 0; r < columns.rows; ++r) {
        const T* src = static_cast<const T*>(columns.src) + r * columns.stride + c;
#pragma GCC unroll 4
        for (int v = 0; v < Vectors; ++v) sum[v] = sum[v] + access.load(src + v * Arch::kWidth);
      }
#pragma GCC unroll 4
      for (int v = 0; v < Vectors; ++v) {
        access.store(static_cast<T*>(columns.dst) + c + v * Arch::kWidth, sum[v] * scale);
      }
    });
  }
};

}  // namespace godwit::ops::kernels
