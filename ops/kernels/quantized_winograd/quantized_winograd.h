// Winograd's F(m×m, 3×3) on integers, exact. The matrices are those of ops/kernels/winograd/winograd.h, each
// row of G and Aᵀ scaled until it is whole; what that multiplies a result by is divided out of its sum,
// without a remainder. Sums wrap around in 32 bits on the way, which their final value does not show:
//   m = 2: G doubled. Transformed pixels are at most 4 · 255, weights 9 · 128; results 4 times themselves.
//   m = 4: rows of G times 4, -6, -6, 24, 24, 1. Transformed pixels are at most 17,340 (rows 1 of Bᵀ twice),
//   weights 49 · 128; rows of Aᵀ meet those factors with 24, 12, 6 and 6, so that a result is 9 · 2ⁱ times
//   itself, i at most 6. 9 has an inverse modulo 2³², so that results below 2²⁵ come out.
#pragma once

#include <cassert>

#include "ops/kernels/finish.h"
#include "ops/kernels/quantized_winograd/arguments.h"
#include "ops/kernels/simd.h"

namespace godwit::ops::kernels {

template <int M>
struct ByteWinograd;

template <>
struct ByteWinograd<2> {
  // t = Bᵀ d, for one column (or row).
  template <class S16>
  static GODWIT_INLINE void input(const S16* d, S16* t) {
    t[0] = d[0] - d[2];
    t[1] = d[1] + d[2];
    t[2] = d[2] - d[1];
    t[3] = d[1] - d[3];
  }
  // y = Aᵀ s, modulo 2³²
  template <class U32>
  static GODWIT_INLINE void output(const U32* s, U32* y) {
    y[0] = s[0] + s[1] + s[2];
    y[1] = s[1] - s[2] - s[3];
  }
  // Inverse of the odd part of the factor of results; the rest is 2^shift for result (i, j).
  static constexpr std::uint32_t kInverse = 1;
  static constexpr int shift(int, int) { return 2; }
};

template <>
struct ByteWinograd<4> {
  template <class S16>
  static GODWIT_INLINE void input(const S16* d, S16* t) {
    const S16 even = d[4] - (d[2] << 2);
    const S16 odd = d[3] - (d[1] << 2);
    const S16 near_even = d[4] - d[2];
    const S16 near_odd = d[3] - d[1];
    t[0] = ((d[0] - d[2]) << 2) + near_even;
    t[1] = even + odd;
    t[2] = even - odd;
    t[3] = near_even + (near_odd << 1);
    t[4] = near_even - (near_odd << 1);
    t[5] = ((d[1] - d[3]) << 2) + (d[5] - d[3]);
  }
  template <class U32>
  static GODWIT_INLINE void output(const U32* s, U32* y) {
    const U32 sum1 = s[1] + s[2];
    const U32 difference1 = s[1] - s[2];
    const U32 sum2 = s[3] + s[4];
    const U32 difference2 = s[3] - s[4];
    y[0] = s[0] * 6 - (sum1 << 2) + sum2;                // 24 times
    y[1] = difference2 - (difference1 << 1);             // 12 times
    y[2] = sum2 - sum1;                                  // 6 times
    y[3] = (difference2 << 1) - difference1 + s[5] * 6;  // 6 times
  }
  static constexpr std::uint32_t kInverse = 0x38E38E39;  // of 9
  static_assert(kInverse * 9 == 1);
  static constexpr int shift(int i, int j) { return shift(i) + shift(j); }

 private:
  static constexpr int shift(int i) { return i == 0 ? 3 : i == 1 ? 2 : 1; }
};

// V = Bᵀ d B for one tile; channels come in whole vectors of 16-bit integers.
template <class Arch, int M>
struct ByteWinogradInputKernel {
  static constexpr int kEdge = M + 2;
  static constexpr int kLanes = 2 * Arch::kWidth;
  typedef std::int16_t S16 __attribute__((vector_size(2 * kLanes)));
  typedef std::uint8_t U8 __attribute__((vector_size(kLanes)));

  static void run(const ByteWinogradInput& tile) {
    assert(tile.src != nullptr && tile.dst != nullptr);
    assert(tile.channels >= 0 && tile.channels % kLanes == 0 && tile.plane >= tile.channels);
    for (std::int64_t c = 0; c < tile.channels; c += kLanes) {
      S16 columns[kEdge][kEdge];  // [column][row] of Bᵀ d
#pragma GCC unroll 6
      for (int j = 0; j < kEdge; ++j) {
        S16 d[kEdge];
#pragma GCC unroll 6
        for (int i = 0; i < kEdge; ++i) {
          U8 bytes;
          __builtin_memcpy(&bytes, tile.src[i * kEdge + j] + c, sizeof bytes);
          d[i] = widen<S16>(bytes);
        }
        ByteWinograd<M>::input(d, columns[j]);
      }
#pragma GCC unroll 6
      for (int i = 0; i < kEdge; ++i) {
        S16 row[kEdge], v[kEdge];
#pragma GCC unroll 6
        for (int j = 0; j < kEdge; ++j) row[j] = columns[j][i];
        ByteWinograd<M>::input(row, v);
#pragma GCC unroll 6
        for (int j = 0; j < kEdge; ++j) {
          __builtin_memcpy(tile.dst + (i * kEdge + j) * tile.plane + c, &v[j], sizeof v[j]);
        }
      }
    }
  }

 private:
  // A template of its own, since GCC 12 does not take the conversion for one of vectors otherwise.
  template <class To, class From>
  static GODWIT_INLINE To widen(From from) {
    return __builtin_convertvector(from, To);
  }
};

// The sums Aᵀ s A + bias of one tile and some channels, then QuantizedFinish.
template <class Arch, int M>
struct ByteWinogradOutputKernel {
  using S32 = typename Arch::S32;
  static constexpr int kEdge = M + 2;
  static constexpr int kWidth = Arch::kWidth;
  typedef std::int32_t Words __attribute__((vector_size(4 * kWidth)));
  // So that wrapping around is defined.
  typedef std::uint32_t Unsigned __attribute__((vector_size(4 * kWidth)));

  static void run(const ByteWinogradOutput& given) {
    const ByteWinogradOutput tile = given;  // which no store of bytes can change
    assert(tile.src != nullptr && tile.dst != nullptr && tile.bias != nullptr);
    assert(tile.scale != nullptr && tile.finish != nullptr);
    assert(tile.channels >= 0 && tile.plane >= tile.channels);
    const Finish<Arch> finish(*tile.finish);
    if (tile.residual != nullptr || finish.real) return channels<false, true>(tile, finish, 0);
    // Whole vectors to bytes, then what is left.
    const std::int64_t whole = tile.channels / kWidth * kWidth;
    if (Arch::kStoresClamp && tile.finish->stores_clamp) {
      channels<true, false>(tile, finish, 0);
    } else {
      channels<true, true>(tile, finish, 0);
    }
    if (whole < tile.channels) channels<false, true>(tile, finish, whole);
  }

 private:
  // From channel `c` on. Bytes: whole vectors only, stored as such.
  template <bool Bytes, bool Clamps>
  static GODWIT_INLINE void channels(const ByteWinogradOutput& tile, const Finish<Arch>& finish,
                                     std::int64_t c) {
    for (; Bytes ? c + kWidth <= tile.channels : c < tile.channels; c += kWidth) {
      Unsigned columns[kEdge][M];  // [column][row] of Aᵀ s
#pragma GCC unroll 6
      for (int j = 0; j < kEdge; ++j) {
        Unsigned s[kEdge];
#pragma GCC unroll 6
        for (int i = 0; i < kEdge; ++i) s[i] = load(tile.src + (i * kEdge + j) * tile.plane + c);
        ByteWinograd<M>::output(s, columns[j]);
      }
      const Unsigned bias = load(tile.bias + c);
      const auto scale = Arch::load(tile.scale + c);
#pragma GCC unroll 4
      for (int i = 0; i < M; ++i) {
        Unsigned row[kEdge], y[M];
#pragma GCC unroll 6
        for (int j = 0; j < kEdge; ++j) row[j] = columns[j][i];
        ByteWinograd<M>::output(row, y);
#pragma GCC unroll 4
        for (int j = 0; j < M; ++j) {
          void* dst = tile.dst[i * M + j];
          if (dst == nullptr) continue;
          const Words exact =
              reinterpret_cast<Words>(y[j] * ByteWinograd<M>::kInverse) >> ByteWinograd<M>::shift(i, j);
          const Unsigned sum = reinterpret_cast<Unsigned>(exact) + bias;
          const auto value = Arch::to_float(reinterpret_cast<S32>(sum)) * scale;
          if constexpr (Bytes) {
            const S32 numbers[1] = {finish.template number<Clamps>(value)};
            Arch::store_bytes(static_cast<std::uint8_t*>(dst) + c, numbers);
            continue;
          }
          const std::uint8_t* residual = tile.residual == nullptr ? nullptr : tile.residual[i * M + j];
          if (tile.channels - c >= kWidth) {
            finish.template store<true>(value, residual, dst, c, kWidth);
          } else {
            finish.template store<false>(value, residual, dst, c, tile.channels - c);
          }
        }
      }
    }
  }

  static GODWIT_INLINE Unsigned load(const std::int32_t* p) {
    Unsigned v;
    __builtin_memcpy(&v, p, sizeof v);
    return v;
  }
};

}  // namespace godwit::ops::kernels
