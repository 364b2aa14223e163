// Winograd's minimal filtering F(m×m, 3×3): transforms of input and output tiles, vectorised over channels.
// Lavin and Gray, "Fast Algorithms for Convolutional Neural Networks" (2016), section 4: Y = Aᵀ[(G g Gᵀ) ⊙
// (Bᵀ d B)]A, interpolation points 0, ±1, ∞ for m = 2 and 0, ±1, ±2, ∞ for m = 4.
#pragma once

#include <cassert>

#include "ops/kernels/lanes.h"
#include "ops/kernels/simd.h"
#include "ops/kernels/winograd/arguments.h"

namespace godwit::ops::kernels {

template <class Arch, int M>
struct Winograd;

template <class Arch>
struct Winograd<Arch, 2> {
  using F32 = typename Arch::F32;
  static constexpr int kEdge = 4;

  // t = Bᵀ d, for one column (or row) of four.
  static GODWIT_INLINE void input(const F32* d, F32* t) {
    t[0] = d[0] - d[2];
    t[1] = d[1] + d[2];
    t[2] = d[2] - d[1];
    t[3] = d[1] - d[3];
  }
  // y = Aᵀ s
  static GODWIT_INLINE void output(const F32* s, F32* y) {
    y[0] = s[0] + s[1] + s[2];
    y[1] = s[1] - s[2] - s[3];
  }
};

template <class Arch>
struct Winograd<Arch, 4> {
  using F32 = typename Arch::F32;
  static constexpr int kEdge = 6;

  static GODWIT_INLINE void input(const F32* d, F32* t) {
    const F32 two = Arch::broadcast(2.0F);
    const F32 four = Arch::broadcast(4.0F);
    const F32 minus_four = Arch::broadcast(-4.0F);
    const F32 minus_five = Arch::broadcast(-5.0F);
    const F32 even = Arch::fma(minus_four, d[2], d[4]);  // -4 d2 + d4
    const F32 odd = Arch::fma(minus_four, d[1], d[3]);   // -4 d1 + d3
    const F32 near_even = d[4] - d[2];
    const F32 near_odd = two * (d[3] - d[1]);
    t[0] = Arch::fma(four, d[0], Arch::fma(minus_five, d[2], d[4]));
    t[1] = even + odd;
    t[2] = even - odd;
    t[3] = near_even + near_odd;
    t[4] = near_even - near_odd;
    t[5] = Arch::fma(four, d[1], Arch::fma(minus_five, d[3], d[5]));
  }
  static GODWIT_INLINE void output(const F32* s, F32* y) {
    const F32 sum1 = s[1] + s[2];
    const F32 difference1 = s[1] - s[2];
    const F32 sum2 = s[3] + s[4];
    const F32 difference2 = s[3] - s[4];
    y[0] = s[0] + sum1 + sum2;
    y[1] = Arch::fma(Arch::broadcast(2.0F), difference2, difference1);
    y[2] = Arch::fma(Arch::broadcast(4.0F), sum2, sum1);
    y[3] = Arch::fma(Arch::broadcast(8.0F), difference2, difference1) + s[5];
  }
};

// V = Bᵀ d B for one tile, all channels.
template <class Arch, int M, class T>
struct WinogradInputKernel {
  using F32 = typename Arch::F32;
  using Filter = Winograd<Arch, M>;
  static constexpr int kEdge = Filter::kEdge;

  static void run(const WinogradInput& tile) {
    assert(tile.src != nullptr && tile.dst != nullptr);
    assert(tile.channels >= 0 && tile.plane >= tile.channels);
    std::int64_t c = 0;
    for (; c + Arch::kWidth <= tile.channels; c += Arch::kWidth) {
      transform(tile, c, WholeVector<Arch>{});
    }
    if (c < tile.channels) transform(tile, c, PartVector<Arch>{tile.channels - c});
  }

 private:
  template <class Access>
  static GODWIT_INLINE void transform(const WinogradInput& tile, std::int64_t c, const Access& access) {
    F32 columns[kEdge][kEdge];  // [column][row] of Bᵀ d
#pragma GCC unroll 6
    for (int j = 0; j < kEdge; ++j) {
      F32 d[kEdge];
#pragma GCC unroll 6
      for (int i = 0; i < kEdge; ++i) {
        d[i] = access.load(static_cast<const T*>(tile.src[i * kEdge + j]) + c);
      }
      Filter::input(d, columns[j]);
    }
#pragma GCC unroll 6
    for (int i = 0; i < kEdge; ++i) {
      F32 row[kEdge], v[kEdge];
#pragma GCC unroll 6
      for (int j = 0; j < kEdge; ++j) row[j] = columns[j][i];
      Filter::input(row, v);
#pragma GCC unroll 6
      for (int j = 0; j < kEdge; ++j) {
        access.store(tile.dst + (i * kEdge + j) * tile.plane + c, v[j]);
      }
    }
  }
};

// Y = Aᵀ s A for one tile and some channels, with the epilogue.
template <class Arch, int M, class T>
struct WinogradOutputKernel {
  using F32 = typename Arch::F32;
  using Filter = Winograd<Arch, M>;
  static constexpr int kEdge = Filter::kEdge;

  static void run(const WinogradOutput& tile) {
    assert(tile.src != nullptr && tile.dst != nullptr);
    assert(tile.channels >= 0 && tile.plane >= tile.channels);
    const F32 minimum = Arch::broadcast(tile.minimum);
    const F32 maximum = Arch::broadcast(tile.maximum);
    for (std::int64_t c = 0; c < tile.channels; c += Arch::kWidth) {
      const std::int64_t left = tile.channels - c;
      F32 y[M][M];
      transform(tile, c, y);
      // src and bias are padded to whole vectors, the tensors are not.
      const F32 bias = tile.bias == nullptr ? Arch::broadcast(0.0F) : Arch::load(tile.bias + c);
#pragma GCC unroll 16
      for (int i = 0; i < M * M; ++i) {
        if (tile.dst[i] == nullptr) continue;
        F32 value = y[i / M][i % M] + bias;
        if (tile.residual != nullptr) {
          const T* residual = static_cast<const T*>(tile.residual[i]) + c;
          value =
              value + (left >= Arch::kWidth ? Arch::load(residual) : Lanes<Arch>::load_part(residual, left));
        }
        value = Arch::min(maximum, Arch::max(minimum, value));
        T* dst = static_cast<T*>(tile.dst[i]) + c;
        if (left >= Arch::kWidth) {
          Arch::store(dst, value);
        } else {
          Lanes<Arch>::store_part(dst, value, left);
        }
      }
    }
  }

 private:
  static GODWIT_INLINE void transform(const WinogradOutput& tile, std::int64_t c, F32 (&y)[M][M]) {
    F32 columns[kEdge][M];  // [column][row] of Aᵀ s
#pragma GCC unroll 6
    for (int j = 0; j < kEdge; ++j) {
      F32 s[kEdge];
#pragma GCC unroll 6
      for (int i = 0; i < kEdge; ++i) s[i] = Arch::load(tile.src + (i * kEdge + j) * tile.plane + c);
      Filter::output(s, columns[j]);
    }
#pragma GCC unroll 4
    for (int i = 0; i < M; ++i) {
      F32 row[kEdge];
#pragma GCC unroll 6
      for (int j = 0; j < kEdge; ++j) row[j] = columns[j][i];
      Filter::output(row, y[i]);
    }
  }
};

}  // namespace godwit::ops::kernels
