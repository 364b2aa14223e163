// The GEMM core's tile: broadcast one element of A, multiply vectors of B, accumulate in registers.
#pragma once

#include "ops/kernels/arguments.h"
#include "ops/kernels/elementwise.h"
#include "ops/kernels/simd.h"

namespace godwit::ops::kernels {

// Rows × (Vectors · width) accumulators stay in registers; every loop over the tile is fully unrolled, the
// epilogue included, since one rolled loop makes GCC keep the accumulators in memory. Register budget:
// Rows·Vectors accumulators + Vectors of B + 1 broadcast of A (avx512 14×2: 31 of 32; avx2 and generic 6×2:
// 15 of 16).
// T: what weights, residual and result are stored as; sums are f32.
template <class Arch, int Rows, int Vectors, class T>
struct Gemm {
  using F32 = typename Arch::F32;
  static constexpr int kWidth = Arch::kWidth;
  static constexpr int kColumns = Vectors * kWidth;

  static constexpr int kLine = 64 / sizeof(T);  // of the cache, in numbers
  static constexpr int kLines = kColumns > kLine ? kColumns / kLine : 1;

  static void run(const GemmTile& tile) {
    F32 sum[Rows][Vectors];
#pragma GCC unroll 32
    for (int r = 0; r < Rows; ++r) {
#pragma GCC unroll 4
      for (int v = 0; v < Vectors; ++v) sum[r][v] = Arch::broadcast(0.0F);
    }

    // What the epilogue will read and write comes to L1 while the sums are made.
#pragma GCC unroll 32
    for (int r = 0; r < Rows; ++r) {
#pragma GCC unroll 4
      for (int line = 0; line < kLines; ++line) {
        __builtin_prefetch(static_cast<T*>(tile.dst) + r * tile.dst_stride + line * kLine, 1);
        if (tile.residual != nullptr) {
          __builtin_prefetch(static_cast<const T*>(tile.residual) + r * tile.residual_stride + line * kLine);
        }
      }
    }

    const T* b = static_cast<const T*>(tile.b);
    const char* ahead = static_cast<const char*>(tile.ahead);
    for (std::int64_t t = 0; t < tile.taps; ++t) {
      const float* a[Rows];
#pragma GCC unroll 32
      for (int r = 0; r < Rows; ++r) a[r] = static_cast<const float*>(tile.a[t * Rows + r]);
      for (std::int64_t k = 0; k < tile.depth; ++k) {  // the hot loop
        F32 weights[Vectors];
#pragma GCC unroll 4
        for (int v = 0; v < Vectors; ++v) weights[v] = Arch::load(b + v * kWidth);
        b += kColumns;
        __builtin_prefetch(ahead, 0, 2);
        ahead += tile.ahead_step;
#pragma GCC unroll 32
        for (int r = 0; r < Rows; ++r) {
          const F32 src = Arch::broadcast(a[r][k]);
#pragma GCC unroll 4
          for (int v = 0; v < Vectors; ++v) sum[r][v] = Arch::fma(src, weights[v], sum[r][v]);
        }
      }
    }

    if constexpr (sizeof(T) < sizeof(float)) {
      if (tile.real) return end<float>(tile, sum);
    }
    end<T>(tile, sum);
  }

 private:
  template <class To>
  static GODWIT_INLINE void end(const GemmTile& tile, F32 (&sum)[Rows][Vectors]) {
    if (tile.columns == kColumns) {
      finish<To, true>(tile, sum);
    } else {
      finish<To, false>(tile, sum);
    }
  }

  template <class To, bool Whole>
  static GODWIT_INLINE void finish(const GemmTile& tile, F32 (&sum)[Rows][Vectors]) {
    const F32 minimum = Arch::broadcast(tile.minimum);
    const F32 maximum = Arch::broadcast(tile.maximum);
    if (tile.bias != nullptr) {
#pragma GCC unroll 4
      for (int v = 0; v < Vectors; ++v) {
        const F32 bias = Arch::load(tile.bias + v * kWidth);
#pragma GCC unroll 32
        for (int r = 0; r < Rows; ++r) sum[r][v] = sum[r][v] + bias;
      }
    }
    if (tile.residual != nullptr) {
#pragma GCC unroll 32
      for (int r = 0; r < Rows; ++r) {
        const To* residual = static_cast<const To*>(tile.residual) + r * tile.residual_stride;
#pragma GCC unroll 4
        for (int v = 0; v < Vectors; ++v) {
          sum[r][v] =
              sum[r][v] + (Whole ? Arch::load(residual + v * kWidth)
                                 : Lanes<Arch>::load_part(residual + v * kWidth, tile.columns - v * kWidth));
        }
      }
    }
#pragma GCC unroll 32
    for (int r = 0; r < Rows; ++r) {
      To* dst = static_cast<To*>(tile.dst) + r * tile.dst_stride;
#pragma GCC unroll 4
      for (int v = 0; v < Vectors; ++v) {
        const F32 result = Arch::min(maximum, Arch::max(minimum, sum[r][v]));
        if constexpr (Whole) {
          Arch::store(dst + v * kWidth, result);
        } else {
          Lanes<Arch>::store_part(dst + v * kWidth, result, tile.columns - v * kWidth);
        }
      }
    }
  }
};

}  // namespace godwit::ops::kernels
