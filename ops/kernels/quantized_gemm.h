// The GEMM core's tile on 8-bit numbers: broadcast 32 bits of A, multiply by vectors of B, add up in 32-bit
// integers.
#pragma once

#include "ops/kernels/arguments.h"
#include "ops/kernels/quantize.h"
#include "ops/kernels/simd.h"

namespace godwit::ops::kernels {

// The end of every kernel on 8-bit numbers, vector by vector; see QuantizedFinish. It holds what that holds
// in registers, where no store of bytes could have changed it.
template <class Arch>
struct Finish {
  using F32 = typename Arch::F32;
  using S32 = typename Arch::S32;
  static constexpr int kWidth = Arch::kWidth;

  explicit GODWIT_INLINE Finish(const QuantizedFinish& finish)
      : real(finish.real),
        rounds_sum(finish.rounds_sum),
        minimum(Arch::broadcast(finish.minimum)),
        maximum(Arch::broadcast(finish.maximum)),
        zero_point(Arch::to_i32(Arch::broadcast(finish.zero_point))),
        sum_minimum(Arch::broadcast(finish.sum_minimum)),
        sum_maximum(Arch::broadcast(finish.sum_maximum)),
        sum_factor(Arch::broadcast(finish.sum_factor)),
        residual_zero_point(Arch::broadcast(finish.residual_zero_point)),
        residual_factor(Arch::broadcast(finish.residual_factor)) {}

  // `value` is the sum in steps of the result (or a real number); count: how many of its lanes there are.
  // Rounds: it is known that rounds_sum.
  template <bool Whole, bool Rounds = false>
  GODWIT_INLINE F32 with_residual(F32 value, const std::uint8_t* residual, std::int64_t count) const {
    if (Rounds || rounds_sum) value = round_inside<Arch>(value, sum_minimum, sum_maximum) * sum_factor;
    const F32 added = Whole ? Arch::load(residual) : Lanes<Arch>::load_part(residual, count);
    return value + (added - residual_zero_point) * residual_factor;
  }
  GODWIT_INLINE F32 clamp(F32 value) const { return Arch::min(Arch::max(value, minimum), maximum); }
  // What is stored unless it is a real number: 0 to 255, or what store_bytes() makes of it.
  template <bool Clamps = true>
  GODWIT_INLINE S32 number(F32 value) const {
    return Arch::add_i32(Arch::round_i32(Clamps ? clamp(value) : value), zero_point);
  }

  template <bool Whole>
  GODWIT_INLINE void store(F32 value, const std::uint8_t* residual, void* dst, std::int64_t at,
                           std::int64_t count) const {
    if (residual != nullptr) value = with_residual<Whole>(value, residual + at, count);
    if (real) {
      value = clamp(value);
      float* to = static_cast<float*>(dst) + at;
      if constexpr (Whole) {
        Arch::store(to, value);
      } else {
        float lanes[kWidth];
        Arch::store(lanes, value);
        for (int i = 0; i < kWidth && i < count; ++i) to[i] = lanes[i];
      }
      return;
    }
    std::uint8_t* to = static_cast<std::uint8_t*>(dst) + at;
    const S32 bytes[1] = {number(value)};
    if constexpr (Whole) {
      Arch::store_bytes(to, bytes);
    } else {
      Lanes<Arch>::store_part(to, Arch::to_float(bytes[0]), count);
    }
  }

  bool real, rounds_sum;
  F32 minimum, maximum;
  S32 zero_point;
  F32 sum_minimum, sum_maximum, sum_factor;
  F32 residual_zero_point, residual_factor;
};

// Arch with sums of four products by way of two sums of two, which must fit into 16 bits.
template <class Arch>
struct Maddubss : Arch {
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
  // For each turn of the loop: with two, GCC keeps sums in memory where weights are in registers.
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

// What does not depend on how products are made is the same for Arch as for the one that it adds to.
template <class Arch>
struct PlainOf {
  using Type = Arch;
};
template <class Arch>
requires requires { typename Arch::Plain; }
struct PlainOf<Arch> {
  using Type = typename Arch::Plain;
};

// From a tile's sums to what is stored.
template <class Arch, int Rows, int Vectors>
struct QuantizedEnd {
  using F32 = typename Arch::F32;
  using S32 = typename Arch::S32;
  using Sums = S32[Rows][Vectors];
  static constexpr int kWidth = Arch::kWidth;
  static constexpr int kColumns = Vectors * kWidth;

  // Where rows lie, and their scales.
  struct Place {
    const std::uint8_t* residual;  // or null
    void* dst;
    std::int64_t scale_stride = 0;  // from one row's scales to the next
  };

  // Apart from the loops that make the sums: GCC 12 would keep some of those in memory for the sake of what
  // comes here. (The shortest way, bytes<false, false>(), does no such harm.)
  __attribute__((noinline)) static void run(const QuantizedTile& tile, const Place& place, const Sums& sum) {
    if (tile.columns < kColumns) {
      any<false>(tile, place, sum);
    } else if (!fits_bytes(*tile.finish, place)) {
      any<true>(tile, place, sum);
    } else {
      bytes(tile, place, sum);
    }
  }

  // Whether bytes() may end whole panels: not where they are real numbers, nor where a sum is not rounded
  // before a residual is added, which is seldom.
  static GODWIT_INLINE bool fits_bytes(const QuantizedFinish& finish, const Place& place) {
    return !finish.real && (place.residual == nullptr || finish.rounds_sum);
  }
  static GODWIT_INLINE void bytes(const QuantizedTile& tile, const Place& place, const Sums& sum) {
    const bool residual = place.residual != nullptr;
    if (Arch::kStoresClamp && tile.finish->stores_clamp) {
      if (residual) return bytes<false, true>(tile, place, sum);
      return bytes<false, false>(tile, place, sum);
    }
    if (residual) return bytes<true, true>(tile, place, sum);
    bytes<true, false>(tile, place, sum);
  }

  // Rows of vectors are packed together.
  template <bool Clamps, bool Residual>
  static GODWIT_INLINE void bytes(const QuantizedTile& tile, const Place& place, const Sums& sum) {
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
  template <bool Whole>
  static GODWIT_INLINE void any(const QuantizedTile& tile, const Place& place, const Sums& sum) {
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

// Register budget as Gemm's: Rows·Vectors accumulators + Vectors of B + 1 broadcast of A, and one for the
// products where an ISA has no instruction that also adds (avx2 6×2: 16 of 16).
template <class Arch, int Rows, int Vectors>
struct QuantizedGemm {
  using S32 = typename Arch::S32;
  static constexpr int kWidth = Arch::kWidth;

  static void run(const QuantizedTile& tile) {
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
