// Keys as a packed panel, and scores made weights.
#pragma once

#include <cassert>

#include "ops/kernels/attention/arguments.h"
#include "ops/kernels/elementwise/exp.h"
#include "ops/kernels/lanes.h"

namespace godwit::ops::kernels {

// Blocks of 4 × 4 elements change places in registers, so that neither side is touched element by element.
template <class Arch>
struct TransposePanel {
  static void run(const TransposedPanel& panel) {
    assert(panel.src != nullptr && panel.dst != nullptr);
    assert(panel.rows > 0 && panel.rows <= panel.width && panel.width % 4 == 0 && panel.depth > 0);
    const std::int64_t whole_rows = panel.rows / 4 * 4, whole_depth = panel.depth / 4 * 4;
    for (std::int64_t r = 0; r < whole_rows; r += 4) {
      const float* src = panel.src + r * panel.stride;
      for (std::int64_t d = 0; d < whole_depth; d += 4)
        block(src + d, panel.stride, panel.dst + d * panel.width + r, panel.width);
    }
    // Depths that fill no block, then rows that fill none.
    for (std::int64_t d = whole_depth; d < panel.depth; ++d) column(panel, d, 0, panel.rows);
    for (std::int64_t d = 0; d < whole_depth; ++d) column(panel, d, whole_rows, panel.rows);
    for (std::int64_t d = 0; d < panel.depth && panel.rows < panel.width; ++d) {
      for (std::int64_t r = panel.rows; r < panel.width; ++r) panel.dst[d * panel.width + r] = 0.0F;
    }
  }

 private:
  using Four = float __attribute__((vector_size(16)));

  static GODWIT_INLINE Four load(const float* p) {
    Four four;
    __builtin_memcpy(&four, p, sizeof four);
    return four;
  }
  static GODWIT_INLINE void store(float* p, Four four) { __builtin_memcpy(p, &four, sizeof four); }

  static GODWIT_INLINE void block(const float* src, std::int64_t stride, float* dst, std::int64_t width) {
    const Four a = load(src), b = load(src + stride), c = load(src + 2 * stride), d = load(src + 3 * stride);
    const Four low_ab = __builtin_shufflevector(a, b, 0, 4, 1, 5);
    const Four low_cd = __builtin_shufflevector(c, d, 0, 4, 1, 5);
    const Four high_ab = __builtin_shufflevector(a, b, 2, 6, 3, 7);
    const Four high_cd = __builtin_shufflevector(c, d, 2, 6, 3, 7);
    store(dst, __builtin_shufflevector(low_ab, low_cd, 0, 1, 4, 5));
    store(dst + width, __builtin_shufflevector(low_ab, low_cd, 2, 3, 6, 7));
    store(dst + 2 * width, __builtin_shufflevector(high_ab, high_cd, 0, 1, 4, 5));
    store(dst + 3 * width, __builtin_shufflevector(high_ab, high_cd, 2, 3, 6, 7));
  }
  static GODWIT_INLINE void column(const TransposedPanel& panel, std::int64_t d, std::int64_t begin,
                                   std::int64_t end) {
    for (std::int64_t r = begin; r < end; ++r)
      panel.dst[d * panel.width + r] = panel.src[r * panel.stride + d];
  }
};

template <class Arch>
struct AttentionWeights {
  using F32 = typename Arch::F32;
  static constexpr int kWidth = Arch::kWidth;

  static void run(const AttentionRow& row) {
    assert(row.scores != nullptr && row.sum != nullptr && row.count > 0);
    const F32 scale = Arch::broadcast(row.scale);
    const std::int64_t whole = row.count / kWidth * kWidth, left = row.count - whole;
    const F32 largest =
        row.mask == nullptr ? shift<false>(row, scale, whole, left) : shift<true>(row, scale, whole, left);
    const F32 most = Arch::broadcast(largest_of(largest));
    F32 sums = Arch::broadcast(0.0F);
    for (std::int64_t i = 0; i < whole; i += kWidth) {
      const F32 e = exp<Arch>(Arch::load(row.scores + i) - most);
      Arch::store(row.scores + i, e);
      sums = sums + e;
    }
    float lanes[kWidth];
    if (left > 0) {
      const float last = row.scores[whole];
      const F32 e = exp<Arch>(Lanes<Arch>::load_part(row.scores + whole, left, last) - most);
      Arch::store(lanes, e);
      for (int lane = 0; lane < kWidth; ++lane) lanes[lane] = lane < left ? lanes[lane] : 0.0F;
      Lanes<Arch>::store_part(row.scores + whole, Arch::load(lanes), left);
      sums = sums + Arch::load(lanes);
    }
    Arch::store(lanes, sums);
    for (int half = kWidth / 2; half > 0; half /= 2) {
      for (int lane = 0; lane < half; ++lane) lanes[lane] += lanes[lane + half];
    }
    *row.sum = lanes[0];
  }

 private:
  // Scores scaled and masked, in place, and the largest in each lane: NaN where there is one.
  template <bool kMasked>
  static GODWIT_INLINE F32 shift(const AttentionRow& row, F32 scale, std::int64_t whole, std::int64_t left) {
    F32 largest = Arch::broadcast(-__builtin_huge_valf());
    const auto shifted = [&](F32 score, F32 mask) __attribute__((always_inline)) {
      if constexpr (kMasked) return Arch::fma(score, scale, mask);
      return F32(score * scale);
    };
    for (std::int64_t i = 0; i < whole; i += kWidth) {
      const F32 t = shifted(Arch::load(row.scores + i), Arch::load(kMasked ? row.mask + i : row.scores + i));
      Arch::store(row.scores + i, t);
      largest = Arch::max_or_nan(largest, t);
    }
    if (left > 0) {
      const float* mask = kMasked ? row.mask : row.scores;
      const F32 t = shifted(Lanes<Arch>::load_part(row.scores + whole, left, row.scores[whole]),
                            Lanes<Arch>::load_part(mask + whole, left, mask[whole]));
      Lanes<Arch>::store_part(row.scores + whole, t, left);
      largest = Arch::max_or_nan(largest, t);
    }
    return largest;
  }
  static GODWIT_INLINE float largest_of(F32 vector) {
    float lanes[kWidth];
    Arch::store(lanes, vector);
    for (int half = kWidth / 2; half > 0; half /= 2) {
      for (int lane = 0; lane < half; ++lane) {
        const float a = lanes[lane], b = lanes[lane + half];
        lanes[lane] = a > b || a != a ? a : b;
      }
    }
    return lanes[0];
  }
};

}  // namespace godwit::ops::kernels
