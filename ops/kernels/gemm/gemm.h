// The GEMM core's tile: broadcast one element of A, multiply vectors of B, accumulate in registers.
#pragma once

#include <cassert>

#include "ops/kernels/gemm/arguments.h"
#include "ops/kernels/lanes.h"
#include "ops/kernels/simd.h"

namespace godwit::ops::kernels {

// A step of the inner dimension that is one element: an f32 of A by vectors of T, which are widened as they
// are loaded.
template <class Arch, class T>
struct SingleStep {
  using Vector = typename Arch::F32;
  static constexpr int kNumbers = 1;
  static GODWIT_INLINE Vector load(const T* weights) { return Arch::load(weights); }
  static GODWIT_INLINE Vector broadcast(const void* a) {
    float number;
    __builtin_memcpy(&number, a, sizeof number);
    return Arch::broadcast(number);
  }
  static GODWIT_INLINE typename Arch::F32 add(typename Arch::F32 sum, Vector a, Vector b) {
    return Arch::fma(a, b, sum);
  }
};

// A step of two 16-bit floats, for an ISA that multiplies and adds pairs of them.
template <class Arch, class T>
struct PairStep {
  using Vector = typename Arch::S32;
  static constexpr int kNumbers = 2;
  static GODWIT_INLINE Vector load(const T* weights) { return Arch::load_i32(weights); }
  static GODWIT_INLINE Vector broadcast(const void* a) { return Arch::broadcast_i32(a); }
  static GODWIT_INLINE typename Arch::F32 add(typename Arch::F32 sum, Vector a, Vector b) {
    return Arch::dot_pairs(sum, a, b);
  }
};

// Rows × (Vectors · width) accumulators stay in registers; every loop over the tile is fully unrolled, the
// epilogue included, since one rolled loop makes GCC keep the accumulators in memory. Register budget:
// Rows·Vectors accumulators + Vectors of B + 1 broadcast of A (avx512 14×2: 31 of 32; avx2 and generic 6×2:
// 15 of 16).
// T: what weights, residual and result are stored as; sums are f32.
template <class Arch, int Rows, int Vectors, class T, class Step = SingleStep<Arch, T>>
struct Gemm {
  using F32 = typename Arch::F32;
  static constexpr int kWidth = Arch::kWidth;
  static constexpr int kColumns = Vectors * kWidth;
  static_assert(Arch::kTileSteps == 1 || Arch::kTileSteps == 2);

  static constexpr int kLine = 64 / sizeof(T);  // of the cache, in elements
  static constexpr int kLines = kColumns > kLine ? kColumns / kLine : 1;

  static void run(const GemmTile& tile) {
    assert(tile.a != nullptr && tile.b != nullptr && tile.dst != nullptr);
    assert(tile.taps >= 0 && tile.depth >= 0 && tile.tiles >= 0);
    assert(tile.columns > 0 && tile.columns <= kColumns);
    const std::int64_t size = tile.real ? sizeof(float) : sizeof(T);
    Place place{tile.a, static_cast<const char*>(tile.residual), static_cast<char*>(tile.dst),
                static_cast<const char*>(tile.ahead)};
    for (std::int64_t left = tile.tiles; left > 0; --left) {
      run_one(tile, place);
      place.a += tile.taps * Rows;
      if (place.residual != nullptr) place.residual += Rows * tile.residual_stride * size;
      place.dst += Rows * tile.dst_stride * size;
      place.ahead += tile.taps * tile.depth * tile.ahead_step;
    }
  }

 private:
  // Addresses of one of the tiles.
  struct Place {
    const void* const* a;
    const char* residual;
    char* dst;
    const char* ahead;
  };

  static GODWIT_INLINE void run_one(const GemmTile& tile, const Place& place) {
    // Sums begin with the bias: added at the end, it would be one more operation that waits for the last
    // product.
    F32 sum[Rows][Vectors];
#pragma GCC unroll 4
    for (int v = 0; v < Vectors; ++v) {
      const F32 bias = tile.bias == nullptr ? Arch::broadcast(0.0F) : Arch::load(tile.bias + v * kWidth);
#pragma GCC unroll 32
      for (int r = 0; r < Rows; ++r) sum[r][v] = bias;
    }

    // The epilogue's data comes to the L1 while the sums are made.
#pragma GCC unroll 32
    for (int r = 0; r < Rows; ++r) {
#pragma GCC unroll 4
      for (int line = 0; line < kLines; ++line) {
        __builtin_prefetch(reinterpret_cast<T*>(place.dst) + r * tile.dst_stride + line * kLine, 1);
        if (place.residual != nullptr) {
          __builtin_prefetch(reinterpret_cast<const T*>(place.residual) + r * tile.residual_stride +
                             line * kLine);
        }
      }
    }

    if (tile.ahead_step != 0) {
      multiply<true>(tile, place, sum);
    } else {
      multiply<false>(tile, place, sum);
    }

    if constexpr (sizeof(T) < sizeof(float)) {
      if (tile.real) return end<float>(tile, place, sum);
    }
    end<T>(tile, place, sum);
  }

  // Takes Arch::kTileSteps steps a turn: instructions beside the products cost issue slots, of which there
  // are few where another thread shares the core.
  template <bool Streams>
  static GODWIT_INLINE void multiply(const GemmTile& tile, const Place& place, F32 (&sum)[Rows][Vectors]) {
    const T* b = static_cast<const T*>(tile.b);
    const char* ahead = place.ahead;
    for (std::int64_t t = 0; t < tile.taps; ++t) {
      const char* a[Rows];
#pragma GCC unroll 32
      for (int r = 0; r < Rows; ++r) a[r] = static_cast<const char*>(place.a[t * Rows + r]);
      const auto step = [&](std::int64_t k, int part) __attribute__((always_inline)) {
        typename Step::Vector weights[Vectors];
#pragma GCC unroll 4
        for (int v = 0; v < Vectors; ++v) {
          weights[v] = Step::load(b + (part * kColumns + v * kWidth) * Step::kNumbers);
        }
        if constexpr (Streams) __builtin_prefetch(ahead + part * tile.ahead_step, 0, 2);
#pragma GCC unroll 32
        for (int r = 0; r < Rows; ++r) {
          const typename Step::Vector src = Step::broadcast(a[r] + (k + part) * kStepBytes);
#pragma GCC unroll 4
          for (int v = 0; v < Vectors; ++v) sum[r][v] = Step::add(sum[r][v], src, weights[v]);
        }
      };
      std::int64_t k = 0;
      for (; k + Arch::kTileSteps <= tile.depth; k += Arch::kTileSteps) {  // the hot loop
#pragma GCC unroll 2
        for (int part = 0; part < Arch::kTileSteps; ++part) step(k, part);
        b += Arch::kTileSteps * kColumns * Step::kNumbers;
        ahead += Arch::kTileSteps * tile.ahead_step;
      }
      if (Arch::kTileSteps == 1 || k == tile.depth) continue;
      step(k, 0);
      b += kColumns * Step::kNumbers;
      ahead += tile.ahead_step;
    }
  }

  template <class To>
  static GODWIT_INLINE void end(const GemmTile& tile, const Place& place, F32 (&sum)[Rows][Vectors]) {
    if (tile.columns == kColumns) {
      finish<To>(tile, place, sum);
    } else {
      float sums[Rows][kColumns];
#pragma GCC unroll 32
      for (int r = 0; r < Rows; ++r) {
#pragma GCC unroll 4
        for (int v = 0; v < Vectors; ++v) Arch::store(&sums[r][v * kWidth], sum[r][v]);
      }
      finish_part<To>(tile, place, sums);
    }
  }

  // The last columns, fewer than the panel has: rare, and long where it is unrolled.
  template <class To>
  __attribute__((noinline)) static void finish_part(const GemmTile& tile, const Place& place,
                                                    const float (&sums)[Rows][kColumns]) {
    const F32 minimum = Arch::broadcast(tile.minimum);
    const F32 maximum = Arch::broadcast(tile.maximum);
    for (int r = 0; r < Rows; ++r) {
      To* dst = reinterpret_cast<To*>(place.dst) + r * tile.dst_stride;
      for (int c = 0; c < tile.columns; c += kWidth) {
        const PartVector<Arch> access{tile.columns - c};
        F32 sum = Arch::load(&sums[r][c]);
        if (place.residual != nullptr) {
          sum = sum + access.load(reinterpret_cast<const To*>(place.residual) + r * tile.residual_stride + c);
        }
        access.store(dst + c, Arch::min(maximum, Arch::max(minimum, sum)));
      }
    }
  }

  template <class To>
  static GODWIT_INLINE void finish(const GemmTile& tile, const Place& place, F32 (&sum)[Rows][Vectors]) {
    const F32 minimum = Arch::broadcast(tile.minimum);
    const F32 maximum = Arch::broadcast(tile.maximum);
    if (place.residual != nullptr) {
#pragma GCC unroll 32
      for (int r = 0; r < Rows; ++r) {
        const To* residual = reinterpret_cast<const To*>(place.residual) + r * tile.residual_stride;
#pragma GCC unroll 4
        for (int v = 0; v < Vectors; ++v) {
          sum[r][v] = sum[r][v] + Arch::load(residual + v * kWidth);
        }
      }
    }
#pragma GCC unroll 32
    for (int r = 0; r < Rows; ++r) {
      To* dst = reinterpret_cast<To*>(place.dst) + r * tile.dst_stride;
#pragma GCC unroll 4
      for (int v = 0; v < Vectors; ++v) {
        Arch::store(dst + v * kWidth, Arch::min(maximum, Arch::max(minimum, sum[r][v])));
      }
    }
  }
};

}  // namespace godwit::ops::kernels
