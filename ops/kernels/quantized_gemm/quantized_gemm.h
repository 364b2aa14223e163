// The GEMM core's tile on 8-bit integers: broadcast 32 bits of A, multiply by vectors of B, add up in 32-bit
// integers.
#pragma once

#include <cassert>

#include "ops/kernels/quantized_end.h"
#include "ops/kernels/quantized_gemm/arguments.h"

namespace godwit::ops::kernels {

// Arch with sums of four products by way of two sums of two, which must fit into 16 bits.
template <class Arch>
struct Maddubs : Arch {
  using Plain = Arch;
  static constexpr int kDotDepth = 4;
  static GODWIT_INLINE typename Arch::S32 dot_at(typename Arch::S32 sum, typename Arch::S32 a,
                                                 const void* b) {
    return Arch::dot_maddubs(sum, a, b);
  }
};

// Sums of products with a vector of weights that lies at b: loaded once for all rows, unless Arch reads it
// from memory each time, which takes no register.
template <class Arch>
GODWIT_INLINE typename Arch::S32 dot_at(typename Arch::S32 sum, typename Arch::S32 a, const void* b) {
  if constexpr (requires { Arch::dot_at(sum, a, b); }) {
    return Arch::dot_at(sum, a, b);
  } else {
    return Arch::dot(sum, a, Arch::load_i32(b));
  }
}

// The same of sums that stay in 16 bits for a group of steps together. A row less than others, whose register
// holds the ones that sum_pairs() multiplies by.
template <class Arch>
struct PairGroups : Arch {
  using Plain = Arch;
  static constexpr int kDotDepth = 4;
  static constexpr int kTileRows = Arch::kTileRows - 1;
};

// Adds the products of one tile's rows, `taps * Rows` pointers, by a panel to its sums.
template <class Arch, int Rows, int Vectors>
struct QuantizedProducts {
  using S32 = typename Arch::S32;
  static constexpr int kWidth = Arch::kWidth;
  static constexpr int kColumns = Vectors * kWidth;
  // Steps for each turn of the loop: with two, GCC keeps sums in memory where weights are in registers.
  static constexpr int kSteps = requires(S32 v) { Arch::dot_at(v, v, nullptr); }
  ? 2 : 1;

  template <bool Streams>
  static GODWIT_INLINE void add(const QuantizedTile& tile, const void* const* rows, const char* ahead,
                                S32 (&sum)[Rows][Vectors]) {
    const char* b = static_cast<const char*>(tile.b);
    for (std::int64_t t = 0; t < tile.taps; ++t) {
      const char* a[Rows];
#pragma GCC unroll 32
      for (int r = 0; r < Rows; ++r) a[r] = static_cast<const char*>(rows[t * Rows + r]);
      const auto step = [&](std::int64_t k, int part) __attribute__((always_inline)) {
        if constexpr (Streams) __builtin_prefetch(ahead + part * tile.ahead_step, 0, 2);
#pragma GCC unroll 32
        for (int r = 0; r < Rows; ++r) {
          const S32 src = Arch::broadcast_i32(a[r] + (k + part) * kStepBytes);
#pragma GCC unroll 4
          for (int v = 0; v < Vectors; ++v)
            sum[r][v] = dot_at<Arch>(sum[r][v], src, b + (part * kColumns + v * kWidth) * kStepBytes);
        }
      };
      std::int64_t k = 0;
      for (; k + kSteps <= tile.depth; k += kSteps) {  // the hot loop
#pragma GCC unroll 2
        for (int part = 0; part < kSteps; ++part) step(k, part);
        b += kSteps * kColumns * kStepBytes;
        ahead += kSteps * tile.ahead_step;
      }
      if (kSteps == 1 || k == tile.depth) continue;
      step(k, 0);
      b += kColumns * kStepBytes;
      ahead += tile.ahead_step;
    }
  }
};

// The same in groups of steps, whose sums of two products are added up in 16 bits.
template <class Arch, int Rows, int Vectors>
struct QuantizedProducts<PairGroups<Arch>, Rows, Vectors> {
  using S32 = typename Arch::S32;
  static constexpr int kColumns = Vectors * Arch::kWidth;

  template <bool Streams>
  static GODWIT_INLINE void add(const QuantizedTile& tile, const void* const* rows, const char* ahead,
                                S32 (&sum)[Rows][Vectors]) {
    static_assert(kLargestGroup == 4);
    assert(tile.steps != nullptr && tile.groups != nullptr);
    Panel panel{static_cast<const char*>(tile.b), tile.steps, ahead, tile.ahead_step};
    for (std::int64_t t = 0; t < tile.taps; ++t) {
      const char* a[Rows];
#pragma GCC unroll 32
      for (int r = 0; r < Rows; ++r) a[r] = static_cast<const char*>(rows[t * Rows + r]);
      const std::uint16_t* groups = tile.groups + t * kLargestGroup;
      add_groups<4, Streams>(groups[3], a, panel, sum);
      add_groups<3, Streams>(groups[2], a, panel, sum);
      add_groups<2, Streams>(groups[1], a, panel, sum);
      add_groups<1, Streams>(groups[0], a, panel, sum);
    }
  }

 private:
  struct Panel {
    const char* b;
    const std::uint16_t* steps;
    const char* ahead;
    std::int64_t ahead_step;
  };

  template <int Size, bool Streams>
  static GODWIT_INLINE void add_groups(int count, const char* const (&a)[Rows], Panel& panel,
                                       S32 (&sum)[Rows][Vectors]) {
    for (; count > 0; --count) {  // the hot loops
      if constexpr (Streams) {
        __builtin_prefetch(panel.ahead, 0, 2);
        panel.ahead += panel.ahead_step;
      }
#pragma GCC unroll 32
      for (int r = 0; r < Rows; ++r) {
        S32 pairs[Vectors];
#pragma GCC unroll 4
        for (int k = 0; k < Size; ++k) {
          const S32 src = Arch::broadcast_i32(a[r] + panel.steps[k] * kStepBytes);
#pragma GCC unroll 4
          for (int v = 0; v < Vectors; ++v) {
            const char* b = panel.b + (k * kColumns + v * Arch::kWidth) * kStepBytes;
            pairs[v] = k == 0 ? Arch::maddubs(src, b) : Arch::add_maddubs(pairs[v], src, b);
          }
        }
#pragma GCC unroll 4
        for (int v = 0; v < Vectors; ++v) sum[r][v] = Arch::add_i32(sum[r][v], Arch::sum_pairs(pairs[v]));
      }
      panel.b += Size * kColumns * kStepBytes;
      panel.steps += Size;
    }
  }
};

// The architecture that Arch adapts: the end of a tile does not depend on how its products are made.
template <class Arch>
struct PlainOf {
  using Type = Arch;
};
template <class Arch>
requires requires { typename Arch::Plain; }
struct PlainOf<Arch> {
  using Type = typename Arch::Plain;
};

// Register budget as Gemm's: Rows·Vectors accumulators + Vectors of B + 1 broadcast of A, and one for the
// products where an ISA has no instruction that also adds (avx2 6×2: 16 of 16).
template <class Arch, int Rows, int Vectors>
struct QuantizedGemm {
  using S32 = typename Arch::S32;
  static constexpr int kWidth = Arch::kWidth;

  static void run(const QuantizedTile& tile) {
    assert(tile.a != nullptr && tile.b != nullptr && tile.dst != nullptr);
    assert(tile.taps >= 0 && tile.depth >= 0 && tile.tiles >= 0);
    // Sums as such are stored by whole panels.
    assert(tile.finish == nullptr ||
           (tile.scale != nullptr && tile.columns > 0 && tile.columns <= Vectors * kWidth));
    const std::int64_t size = tile.finish == nullptr || tile.finish->real ? 4 : 1;
    const void* const* a = tile.a;
    const char* ahead = static_cast<const char*>(tile.ahead);
    typename End::Place place{tile.residual, tile.dst};
    for (std::int64_t left = tile.tiles; left > 0; --left) {
      run_one(tile, a, ahead, place);
      a += tile.taps * Rows;
      ahead += tile.ahead_tile;
      if (place.residual != nullptr) place.residual += Rows * tile.residual_stride;
      place.dst = static_cast<char*>(place.dst) + Rows * tile.dst_stride * size;
    }
  }

 private:
  using End = QuantizedEnd<typename PlainOf<Arch>::Type, Rows, Vectors>;

  static GODWIT_INLINE void run_one(const QuantizedTile& tile, const void* const* a, const char* ahead,
                                    const typename End::Place& place) {
    S32 sum[Rows][Vectors];
#pragma GCC unroll 4
    for (int v = 0; v < Vectors; ++v) {
      const S32 bias = tile.bias == nullptr ? Arch::zero_i32() : Arch::load_i32(tile.bias + v * kWidth);
#pragma GCC unroll 32
      for (int r = 0; r < Rows; ++r) sum[r][v] = bias;
    }
    using Products = QuantizedProducts<Arch, Rows, Vectors>;
    if (tile.ahead_step != 0) {
      Products::template add<true>(tile, a, ahead, sum);
    } else {
      Products::template add<false>(tile, a, nullptr, sum);
    }
    if (tile.finish == nullptr) {
      std::int32_t* dst = static_cast<std::int32_t*>(place.dst);
#pragma GCC unroll 32
      for (int r = 0; r < Rows; ++r) {
#pragma GCC unroll 4
        for (int v = 0; v < Vectors; ++v) Arch::store_i32(dst + r * tile.dst_stride + v * kWidth, sum[r][v]);
      }
      return;
    }
    const bool whole = tile.columns == Vectors * kWidth;
    if (whole && place.residual == nullptr && Arch::kStoresClamp && tile.finish->stores_clamp)
      return End::template bytes<false, false>(tile, place, sum);
    S32 all[Rows][Vectors];  // in memory, as `sum` shall not be
#pragma GCC unroll 32
    for (int r = 0; r < Rows; ++r) {
#pragma GCC unroll 4
      for (int v = 0; v < Vectors; ++v) all[r][v] = sum[r][v];
    }
    End::run(tile, place, all);
  }
};

}  // namespace godwit::ops::kernels
