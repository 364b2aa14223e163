// Winograd's F(2×2, 3×3) on whole numbers, exact: with the filter transform scaled by 2 in each direction,
// transformed pixels (at most 4 · 255) and weights (at most 9 · 128) fit into 16 bits, and the result is 4
// times the sum, which is divided out by a shift. Sums wrap around in 32 bits on the way, which their final
// value does not show.
#pragma once

#include "ops/kernels/arguments.h"
#include "ops/kernels/quantized_gemm.h"
#include "ops/kernels/simd.h"

namespace godwit::ops::kernels {

// V = Bᵀ d B for one tile; channels come in whole vectors of 16-bit numbers.
template <class Arch>
struct ByteWinogradInputKernel {
  static constexpr int kLanes = 2 * Arch::kWidth;
  typedef std::int16_t S16 __attribute__((vector_size(2 * kLanes)));
  typedef std::uint8_t U8 __attribute__((vector_size(kLanes)));

  static void run(const ByteWinogradInput& tile) {
    for (std::int64_t c = 0; c < tile.channels; c += kLanes) {
      S16 columns[4][4];  // [column][row] of Bᵀ d
#pragma GCC unroll 4
      for (int j = 0; j < 4; ++j) {
        S16 d[4];
#pragma GCC unroll 4
        for (int i = 0; i < 4; ++i) {
          U8 bytes;
          __builtin_memcpy(&bytes, tile.src[i * 4 + j] + c, sizeof bytes);
          d[i] = widen<S16>(bytes);
        }
        transform(d, columns[j]);
      }
#pragma GCC unroll 4
      for (int i = 0; i < 4; ++i) {
        const S16 row[4] = {columns[0][i], columns[1][i], columns[2][i], columns[3][i]};
        S16 v[4];
        transform(row, v);
#pragma GCC unroll 4
        for (int j = 0; j < 4; ++j) {
          __builtin_memcpy(tile.dst + (i * 4 + j) * tile.plane + c, &v[j], sizeof v[j]);
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
  static GODWIT_INLINE void transform(const S16* d, S16* t) {
    t[0] = d[0] - d[2];
    t[1] = d[1] + d[2];
    t[2] = d[2] - d[1];
    t[3] = d[1] - d[3];
  }
};

// The sums Aᵀ s A / 4 + bias of one tile and some channels, then QuantizedFinish.
template <class Arch>
struct ByteWinogradOutputKernel {
  using S32 = typename Arch::S32;
  static constexpr int kWidth = Arch::kWidth;
  typedef std::int32_t Words __attribute__((vector_size(4 * kWidth)));

  static void run(const ByteWinogradOutput& tile) {
    const Finish<Arch> finish(*tile.finish);
    for (std::int64_t c = 0; c < tile.channels; c += kWidth) {
      Words columns[4][2];  // [column][row] of Aᵀ s
#pragma GCC unroll 4
      for (int j = 0; j < 4; ++j) {
        Words s[4];
#pragma GCC unroll 4
        for (int i = 0; i < 4; ++i) s[i] = load(tile.src + (i * 4 + j) * tile.plane + c);
        transform(s, columns[j]);
      }
      const Words bias = load(tile.bias + c);
      const auto scale = Arch::load(tile.scale + c);
#pragma GCC unroll 2
      for (int i = 0; i < 2; ++i) {
        const Words row[4] = {columns[0][i], columns[1][i], columns[2][i], columns[3][i]};
        Words y[2];
        transform(row, y);
#pragma GCC unroll 2
        for (int j = 0; j < 2; ++j) {
          void* dst = tile.dst[i * 2 + j];
          if (dst == nullptr) continue;
          const Words sum = (y[j] >> 2) + bias;
          const auto value = Arch::to_float(reinterpret_cast<S32>(sum)) * scale;
          const std::uint8_t* residual = tile.residual == nullptr ? nullptr : tile.residual[i * 2 + j];
          if (tile.channels - c >= kWidth) {
            finish.template store<true>(*tile.finish, value, residual, dst, c, kWidth);
          } else {
            finish.template store<false>(*tile.finish, value, residual, dst, c, tile.channels - c);
          }
        }
      }
    }
  }

 private:
  static GODWIT_INLINE Words load(const std::int32_t* p) {
    Words v;
    __builtin_memcpy(&v, p, sizeof v);
    return v;
  }
  // Unsigned, so that wrapping around is defined.
  static GODWIT_INLINE void transform(const Words* s, Words* y) {
    typedef std::uint32_t Unsigned __attribute__((vector_size(4 * kWidth)));
    const auto u = [s](int i) { return reinterpret_cast<Unsigned>(s[i]); };
    y[0] = reinterpret_cast<Words>(u(0) + u(1) + u(2));
    y[1] = reinterpret_cast<Words>(u(1) - u(2) - u(3));
  }
};

}  // namespace godwit::ops::kernels
