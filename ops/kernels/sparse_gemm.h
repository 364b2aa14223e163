// Products of rows in which many numbers are zero, as they are behind a rectifier: only the others are
// multiplied. A row's steps are a list that is made once for all columns (Nonzeros) and read for as many
// columns at a time as there are registers for sums; weights come from the L1, so that a multiply-add takes
// one load as the GEMM core's tiles of equal speed do.
#pragma once

#include "ops/kernels/arguments.h"
#include "ops/kernels/elementwise.h"
#include "ops/kernels/simd.h"

namespace godwit::ops::kernels {

inline constexpr int kSparsePanels = 6;

// T: what the numbers are stored as.
template <class Arch, class T>
struct Nonzeros {
  static SparseStep* run(const NonzeroSpan& span) {
    const T* src = static_cast<const T*>(span.src);
    SparseStep* to = span.dst;
    std::uint32_t offset = 0;
    std::int64_t k = 0;
    for (; k + Arch::kWidth <= span.count; k += Arch::kWidth) {
      to = Arch::store_nonzeros(to, Arch::load(src + k), offset, span.step_bytes);
      offset += Arch::kWidth * span.step_bytes;
    }
    if (k == span.count) return to;
    // Filled up with zeros, which are left out.
    return Arch::store_nonzeros(to, Lanes<Arch>::load_part(src + k, span.count - k), offset, span.step_bytes);
  }
  static_assert(Arch::kWidth <= kSparseSlack);
};

// One row at a time by Vectors vectors of columns, two of them to a panel; a single one is half a panel.
// Register budget: sums + 1 broadcast (13 of 16 with six panels).
// T: what residual and result are stored as; weights and sums are f32, and added up in the order in which
// the GEMM core does.
template <class Arch, int Vectors, class T>
struct SparseGemm {
  using F32 = typename Arch::F32;
  static constexpr int kWidth = Arch::kWidth;
  static constexpr int kColumns = Vectors * kWidth;
  static constexpr int kPanels = (Vectors + 1) / 2;

  static void run(const SparseTile& tile) {
    const char* panels[kPanels];
#pragma GCC unroll 8
    for (int p = 0; p < kPanels; ++p)
      panels[p] = reinterpret_cast<const char*>(tile.b) + p * tile.panel_bytes;
    std::int64_t ahead = 0, ahead_end = 0;
    for (std::int64_t r = 0; r < tile.count; ++r) {
      for (ahead_end += tile.ahead_step; ahead < ahead_end; ahead += kLineBytes) {
#pragma GCC unroll 8
        for (int p = 0; p < kPanels; ++p)
          __builtin_prefetch(static_cast<const char*>(tile.ahead) + p * tile.panel_bytes + ahead, 0, 2);
      }
      if (tile.last) prefetch_row(tile, r);
      F32 sum[Vectors];
      float* sums = tile.sums + r * kColumns;
      if (tile.first) {
#pragma GCC unroll 16
        for (int v = 0; v < Vectors; ++v) sum[v] = Arch::broadcast(0.0F);
      } else {
#pragma GCC unroll 16
        for (int v = 0; v < Vectors; ++v) sum[v] = Arch::load(sums + v * kWidth);
      }
      const SparseStep* const end = tile.rows[r].begin + tile.rows[r].count;
      for (const SparseStep* step = tile.rows[r].begin; step != end; ++step) {  // the hot loop
        const F32 value = Arch::broadcast(step->value);
        const std::int64_t offset = Vectors == 1 ? step->offset / 2 : step->offset;
#pragma GCC unroll 16
        for (int v = 0; v < Vectors; ++v) {
          const auto* weights = reinterpret_cast<const float*>(panels[v / 2] + offset) + v % 2 * kWidth;
          sum[v] = Arch::fma(value, Arch::load(weights), sum[v]);
        }
      }
      if (!tile.last) {
#pragma GCC unroll 16
        for (int v = 0; v < Vectors; ++v) Arch::store(sums + v * kWidth, sum[v]);
      } else if (sizeof(T) < sizeof(float) && tile.real) {
        end_row<float>(tile, r, sum);
      } else {
        end_row<T>(tile, r, sum);
      }
    }
  }

 private:
  static constexpr int kLineBytes = 64;
  static constexpr int kLine = kLineBytes / sizeof(T);  // of the cache, in numbers

  // What the end of a row will read and write comes to the L1 while its last sums are made.
  static GODWIT_INLINE void prefetch_row(const SparseTile& tile, std::int64_t r) {
#pragma GCC unroll 16
    for (int c = 0; c < kColumns; c += kLine) {
      __builtin_prefetch(static_cast<T*>(tile.dst) + r * tile.dst_stride + c, 1);
      if (tile.residual != nullptr)
        __builtin_prefetch(static_cast<const T*>(tile.residual) + r * tile.residual_stride + c);
    }
  }

  template <class To>
  static GODWIT_INLINE void end_row(const SparseTile& tile, std::int64_t r, F32 (&sum)[Vectors]) {
    if (tile.bias != nullptr) {
#pragma GCC unroll 16
      for (int v = 0; v < Vectors; ++v) sum[v] = sum[v] + Arch::load(tile.bias + v * kWidth);
    }
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
  __attribute__((noinline)) static void finish_part(const SparseTile& tile, const float (&sums)[kColumns],
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

}  // namespace godwit::ops::kernels
