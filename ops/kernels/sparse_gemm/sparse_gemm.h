// Products of rows in which many elements are zero, as they are behind a ReLU: only the others are
// multiplied. A row's steps are a list that is made once for all columns (Nonzeros) and read for as many
// columns at a time as there are registers for sums; weights come from the L1, by one load for each product.
#pragma once

#include <cassert>

#include "ops/kernels/lanes.h"
#include "ops/kernels/quantized_end.h"
#include "ops/kernels/simd.h"
#include "ops/kernels/sparse_gemm/arguments.h"

namespace godwit::ops::kernels {

inline constexpr int kSparsePanels = 6;

// T: the type of the elements.
template <class Arch, class T>
struct Nonzeros {
  static SparseStep* run(const NonzeroSpan& span) {
    assert(span.src != nullptr && span.dst != nullptr && span.count >= 0);
    const T* src = static_cast<const T*>(span.src);
    SparseStep* to = span.dst;
    std::uint32_t offset = 0;
    std::int64_t k = 0;
    for (; k + Arch::kWidth <= span.count; k += Arch::kWidth) {
      to = Arch::compress_nonzeros(to, Arch::load(src + k), offset, span.step_bytes);
      offset += Arch::kWidth * span.step_bytes;
    }
    if (k == span.count) return to;
    // Filled up with zeros, which are left out.
    return Arch::compress_nonzeros(to, Lanes<Arch>::load_part(src + k, span.count - k), offset,
                                   span.step_bytes);
  }
  static_assert(Arch::kWidth <= kSparseSlack);
};

// Four u8 to a step.
template <class Arch>
struct NonzeroBytes {
  static SparseStep* run(const NonzeroSpan& span) {
    assert(span.src != nullptr && span.dst != nullptr && span.count >= 0);
    constexpr int kBytes = Arch::kWidth * kStepBytes;
    const auto* src = static_cast<const std::uint8_t*>(span.src);
    SparseStep* to = span.dst;
    std::uint32_t offset = 0;
    std::int64_t k = 0;
    for (; k + kBytes <= span.count; k += kBytes) {
      to = Arch::compress_nonzeros(to, Arch::load_i32(src + k), offset, span.step_bytes);
      offset += Arch::kWidth * span.step_bytes;
    }
    if (k == span.count) return to;
    std::uint8_t rest[kBytes] = {};
    for (int i = 0; k < span.count; ++i, ++k) rest[i] = src[k];
    return Arch::compress_nonzeros(to, Arch::load_i32(rest), offset, span.step_bytes);
  }
};

// One row at a time by Vectors vectors of columns, two of them to a panel; a single one is half a panel. What
// elements are multiplied is the derived kernel's affair:
//   Vector; Vector start(tile, v); load(sums), store(sums, v); Vector broadcast(step);
//   Vector add(sum, value, weights); void prefetch(tile, r); void end(tile, r, sum).
// Register budget: sums + 1 broadcast, and two more where a product takes them (avx2: 15 of 16).
template <class Kernel, int Width, int Vectors>
struct SparseRows {
  static constexpr int kColumns = Vectors * Width;
  static constexpr int kPanels = (Vectors + 1) / 2;
  static constexpr int kLineBytes = 64;

  template <class Tile>
  static GODWIT_INLINE void run(const Tile& tile) {
    assert(tile.rows != nullptr && tile.b != nullptr && tile.count >= 0);
    assert(tile.columns > 0 && tile.columns <= kColumns);
    assert(tile.sums != nullptr || (tile.first && tile.last));
    assert(tile.dst != nullptr || !tile.last);
    using Vector = typename Kernel::Vector;
    const char* panels[kPanels];
#pragma GCC unroll 8
    for (int p = 0; p < kPanels; ++p) panels[p] = static_cast<const char*>(tile.b) + p * tile.panel_bytes;
    std::int64_t ahead = 0, ahead_end = 0;
    for (std::int64_t r = 0; r < tile.count; ++r) {
      for (ahead_end += tile.ahead_step; ahead < ahead_end; ahead += kLineBytes) {
#pragma GCC unroll 8
        for (int p = 0; p < kPanels; ++p)
          __builtin_prefetch(static_cast<const char*>(tile.ahead) + p * tile.panel_bytes + ahead, 0, 2);
      }
      // The end of a row finds its data in the L1: it comes there while the last sums are made.
      if (tile.last) Kernel::prefetch(tile, r);
      Vector sum[Vectors];
      char* sums = static_cast<char*>(tile.sums) + r * kColumns * kStepBytes;
      if (tile.first) {
#pragma GCC unroll 16
        for (int v = 0; v < Vectors; ++v) sum[v] = Kernel::start(tile, v);
      } else {
#pragma GCC unroll 16
        for (int v = 0; v < Vectors; ++v) sum[v] = Kernel::load(sums + v * Width * kStepBytes);
      }
      const SparseStep* const end = tile.rows[r].begin + tile.rows[r].count;
      for (const SparseStep* step = tile.rows[r].begin; step != end; ++step) {  // the hot loop
        const Vector value = Kernel::broadcast(*step);
        const std::int64_t offset = Vectors == 1 ? step->offset / 2 : step->offset;
#pragma GCC unroll 16
        for (int v = 0; v < Vectors; ++v)
          sum[v] = Kernel::add(sum[v], value, panels[v / 2] + offset + v % 2 * Width * kStepBytes);
      }
      if (tile.last) {
        Kernel::end(tile, r, sum);
      } else {
#pragma GCC unroll 16
        for (int v = 0; v < Vectors; ++v) Kernel::store(sums + v * Width * kStepBytes, sum[v]);
      }
    }
  }
};

// T: what residual and result are stored as; weights and sums are f32, and added up in the order in which
// the GEMM core does.
template <class Arch, int Vectors, class T>
struct SparseGemm {
  using F32 = typename Arch::F32;
  using Vector = F32;
  static constexpr int kWidth = Arch::kWidth;
  static constexpr int kColumns = Vectors * kWidth;

  static void run(const SparseRealTile& tile) { SparseRows<SparseGemm, kWidth, Vectors>::run(tile); }

  static GODWIT_INLINE F32 start(const SparseRealTile& tile, int v) {
    return tile.bias == nullptr ? Arch::broadcast(0.0F) : Arch::load(tile.bias + v * kWidth);
  }
  static GODWIT_INLINE F32 load(const void* sums) { return Arch::load(static_cast<const float*>(sums)); }
  static GODWIT_INLINE void store(void* sums, F32 v) { Arch::store(static_cast<float*>(sums), v); }
  static GODWIT_INLINE F32 broadcast(const SparseStep& step) {
    float value;
    __builtin_memcpy(&value, &step.bits, sizeof value);
    return Arch::broadcast(value);
  }
  static GODWIT_INLINE F32 add(F32 sum, F32 value, const void* weights) {
    return Arch::fma(value, Arch::load(static_cast<const float*>(weights)), sum);
  }

  static GODWIT_INLINE void prefetch(const SparseRealTile& tile, std::int64_t r) {
    constexpr int kLine = 64 / sizeof(T);  // of the cache, in elements
#pragma GCC unroll 16
    for (int c = 0; c < kColumns; c += kLine) {
      __builtin_prefetch(static_cast<T*>(tile.dst) + r * tile.dst_stride + c, 1);
      if (tile.residual != nullptr)
        __builtin_prefetch(static_cast<const T*>(tile.residual) + r * tile.residual_stride + c);
    }
  }

  static GODWIT_INLINE void end(const SparseRealTile& tile, std::int64_t r, F32 (&sum)[Vectors]) {
    if (sizeof(T) < sizeof(float) && tile.real) return end_row<float>(tile, r, sum);
    end_row<T>(tile, r, sum);
  }

 private:
  template <class To>
  static GODWIT_INLINE void end_row(const SparseRealTile& tile, std::int64_t r, F32 (&sum)[Vectors]) {
    const To* residual =
        tile.residual == nullptr ? nullptr : static_cast<const To*>(tile.residual) + r * tile.residual_stride;
    To* dst = static_cast<To*>(tile.dst) + r * tile.dst_stride;
    if (tile.columns != kColumns) {
      float rest[kColumns];
#pragma GCC unroll 16
      for (int v = 0; v < Vectors; ++v) Arch::store(rest + v * kWidth, sum[v]);
      return finish_part(tile, rest, residual, dst);
    }
    const F32 minimum = Arch::broadcast(tile.minimum);
    const F32 maximum = Arch::broadcast(tile.maximum);
    if (residual != nullptr) {
#pragma GCC unroll 16
      for (int v = 0; v < Vectors; ++v) sum[v] = sum[v] + Arch::load(residual + v * kWidth);
    }
#pragma GCC unroll 16
    for (int v = 0; v < Vectors; ++v)
      Arch::store(dst + v * kWidth, Arch::min(maximum, Arch::max(minimum, sum[v])));
  }

  // The last columns, fewer than the kernel has.
  template <class To>
  __attribute__((noinline)) static void finish_part(const SparseRealTile& tile, const float (&sums)[kColumns],
                                                    const To* residual, To* dst) {
    const F32 minimum = Arch::broadcast(tile.minimum);
    const F32 maximum = Arch::broadcast(tile.maximum);
    for (int c = 0; c < tile.columns; c += kWidth) {
      const PartVector<Arch> access{tile.columns - c};
      F32 value = Arch::load(&sums[c]);
      if (residual != nullptr) value = value + access.load(residual + c);
      access.store(dst + c, Arch::min(maximum, Arch::max(minimum, value)));
    }
  }
};

// Tiles of 8-bit integers. Rows end panel by panel as those of the GEMM core's tiles do.
template <class Arch, int Vectors>
struct SparseQuantized {
  using S32 = typename Arch::S32;
  using Vector = S32;
  static constexpr int kWidth = Arch::kWidth;
  static constexpr int kInPanel = Vectors == 1 ? 1 : 2;

  static void run(const SparseQuantizedTile& tile) {
    SparseRows<SparseQuantized, kWidth, Vectors>::run(tile);
  }

  static GODWIT_INLINE S32 start(const SparseQuantizedTile& tile, int v) {
    return Arch::load_i32(tile.bias + v * kWidth);
  }
  static GODWIT_INLINE S32 load(const void* sums) { return Arch::load_i32(sums); }
  static GODWIT_INLINE void store(void* sums, S32 v) { Arch::store_i32(sums, v); }
  static GODWIT_INLINE S32 broadcast(const SparseStep& step) { return Arch::broadcast_i32(&step.bits); }
  static GODWIT_INLINE S32 add(S32 sum, S32 value, const void* weights) {
    return Arch::dot_maddubs(sum, value, weights);
  }
  static GODWIT_INLINE void prefetch(const SparseQuantizedTile&, std::int64_t) {}

  static GODWIT_INLINE void end(const SparseQuantizedTile& tile, std::int64_t r, S32 (&sum)[Vectors]) {
    S32 all[Vectors / kInPanel][kInPanel];
#pragma GCC unroll 16
    for (int v = 0; v < Vectors; ++v) all[v / kInPanel][v % kInPanel] = sum[v];
    end_row(tile, r, all);
  }

 private:
  // One row of panels as QuantizedEnd takes it.
  struct PanelEnd {
    const QuantizedFinish* finish;
    const float* scale;
    std::int64_t residual_stride, dst_stride;
    std::int64_t columns;
  };

  // Out of the loop over rows, whose registers are all in use.
  __attribute__((noinline)) static void end_row(const SparseQuantizedTile& tile, std::int64_t r,
                                                S32 (&sum)[Vectors / kInPanel][kInPanel]) {
    using Panel = QuantizedEnd<Arch, 1, kInPanel>;
    using Panels = QuantizedEnd<Arch, Vectors / kInPanel, kInPanel>;
    const std::int64_t size = tile.finish->real ? 4 : 1;
    PanelEnd panel{tile.finish, tile.scale, 0, 0, 0};
    const std::uint8_t* residual =
        tile.residual == nullptr ? nullptr : tile.residual + r * tile.residual_stride;
    char* dst = static_cast<char*>(tile.dst) + r * tile.dst_stride * size;
    // Panels next to each other are to it what rows below each other are.
    const typename Panels::Place place{residual, dst, Panel::kColumns};
    if (tile.columns == Vectors * kWidth && Panels::fits_bytes(*tile.finish, place)) {
      panel.residual_stride = panel.dst_stride = Panel::kColumns;
      return Panels::bytes(panel, place, sum);
    }
    for (std::int64_t p = 0, column = 0; column < tile.columns; ++p, column += Panel::kColumns) {
      panel.scale = tile.scale + column;
      panel.columns = tile.columns - column < Panel::kColumns ? tile.columns - column : Panel::kColumns;
      S32 row[1][kInPanel];
#pragma GCC unroll 2
      for (int v = 0; v < kInPanel; ++v) row[0][v] = sum[p][v];
      Panel::run(panel, {residual == nullptr ? nullptr : residual + column, dst + column * size}, row);
    }
  }
};

}  // namespace godwit::ops::kernels
