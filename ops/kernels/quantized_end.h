// From the sums of a tile of 8-bit products to what is stored.
#pragma once

#include "ops/kernels/finish.h"

namespace godwit::ops::kernels {

// From a tile's sums to what is stored.
template <class Arch, int Rows, int Vectors>
struct QuantizedEnd {
  using F32 = typename Arch::F32;
  using S32 = typename Arch::S32;
  using Sums = S32[Rows][Vectors];
  static constexpr int kWidth = Arch::kWidth;
  static constexpr int kColumns = Vectors * kWidth;

  // Addresses of rows, and their scales.
  struct Place {
    const std::uint8_t* residual;  // or null
    void* dst;
    std::int64_t scale_stride = 0;  // from one row's scales to the next
  };

  // Tile: QuantizedTile, or what else has its finish, scale, strides and columns.
  //
  // Apart from the loops that make the sums: GCC 12 would keep some of those in memory for the sake of what
  // comes here. (The shortest way, bytes<false, false>(), does no such harm.)
  template <class Tile>
  __attribute__((noinline)) static void run(const Tile& tile, const Place& place, const Sums& sum) {
    if (tile.columns < kColumns) {
      any<false>(tile, place, sum);
    } else if (!fits_bytes(*tile.finish, place)) {
      any<true>(tile, place, sum);
    } else {
      bytes(tile, place, sum);
    }
  }

  // True where bytes() may end whole panels: not where they are f32, nor where a sum is not rounded before a
  // residual is added, which is seldom.
  static GODWIT_INLINE bool fits_bytes(const QuantizedFinish& finish, const Place& place) {
    return !finish.real && (place.residual == nullptr || finish.rounds_sum);
  }
  template <class Tile>
  static GODWIT_INLINE void bytes(const Tile& tile, const Place& place, const Sums& sum) {
    const bool residual = place.residual != nullptr;
    if (Arch::kStoresClamp && tile.finish->stores_clamp) {
      if (residual) return bytes<false, true>(tile, place, sum);
      return bytes<false, false>(tile, place, sum);
    }
    if (residual) return bytes<true, true>(tile, place, sum);
    bytes<true, false>(tile, place, sum);
  }

  // Rows of vectors are packed together.
  template <bool Clamps, bool Residual, class Tile>
  static GODWIT_INLINE void bytes(const Tile& tile, const Place& place, const Sums& sum) {
    const Finish<Arch> finish(*tile.finish);
    const float* scale = tile.scale;
    const std::uint8_t* residual = place.residual;
    std::uint8_t* dst = static_cast<std::uint8_t*>(place.dst);
    const std::int64_t residual_stride = tile.residual_stride, dst_stride = tile.dst_stride;
    const std::int64_t scale_stride = place.scale_stride;
#pragma GCC unroll 32
    for (int r = 0; r < Rows; ++r) {
      S32 numbers[Vectors];
#pragma GCC unroll 4
      for (int v = 0; v < Vectors; ++v) {
        F32 value = Arch::to_float(sum[r][v]) * Arch::load(scale + v * kWidth);
        if constexpr (Residual) {
          value = finish.template with_residual<true, true>(value, residual + v * kWidth, kWidth);
        }
        numbers[v] = finish.template number<Clamps>(value);
      }
      Arch::store_bytes(dst, numbers);
      if constexpr (Residual) residual += residual_stride;
      dst += dst_stride;
      scale += scale_stride;
    }
  }

 private:
  template <bool Whole, class Tile>
  static GODWIT_INLINE void any(const Tile& tile, const Place& place, const Sums& sum) {
    const Finish<Arch> finish(*tile.finish);
    const std::int64_t size = finish.real ? 4 : 1;
    for (int r = 0; r < Rows; ++r) {
      const std::uint8_t* residual =
          place.residual == nullptr ? nullptr : place.residual + r * tile.residual_stride;
#pragma GCC unroll 4
      for (int v = 0; v < Vectors; ++v) {
        const F32 scale = Arch::load(tile.scale + r * place.scale_stride + v * kWidth);
        finish.template store<Whole>(Arch::to_float(sum[r][v]) * scale, residual,
                                     static_cast<char*>(place.dst) + r * tile.dst_stride * size, v * kWidth,
                                     tile.columns - v * kWidth);
      }
    }
  }
};

}  // namespace godwit::ops::kernels
