// Convolutions in groups of a few channels, channels-last: as many channels of a group before as behind.
#pragma once

#include <cassert>

#include "ops/kernels/depthwise/depthwise.h"

namespace godwit::ops::kernels {

// One vector of the result's channels at a time: part of a group, or some groups whole. Each input element
// is spread over the lanes of its group, by a load where a vector has one group and by a permutation where it
// has several, and serves all outputs that it is a tap of.
template <class Arch, int Group, int Kernel, int Stride>
struct GroupedLine {
  using F32 = typename Arch::F32;
  static constexpr int kWidth = Arch::kWidth;
  static constexpr bool kPermutes = Group < kWidth;
  static_assert(kPermutes ? kWidth % Group == 0 : Group % kWidth == 0);
  // Register budget: the sums, Kernel weights, 1 input and 1 index; 12 of 16, or 19 of 32.
  static constexpr int kPixels = Arch::kTileRows > 8 ? 14 : 7;
  using Block = LineBlock<Kernel, Stride, kPixels>;

  static void run(const ConvLine& given) {
    const ConvLine line = given;  // which no store can change
    assert(line.src != nullptr && line.weights != nullptr && line.dst != nullptr);
    assert(line.first >= 0 && line.last <= line.channels && line.first % kWidth == 0);
    assert(line.first_row >= 0 && line.last_row <= Kernel && line.width > 0 && line.pixels > 0);
    assert(line.channels % Group == 0);
    std::int64_t c = line.first;
    for (; c + kWidth <= line.last; c += kWidth) channels(line, c, WholeVector<Arch>{});
    if constexpr (kPermutes) {
      if (c < line.last) channels(line, c, PartVector<Arch>{line.last - c});
    }
  }

 private:
  // The lanes that element i of each group goes to.
  struct Spread {
    alignas(64) std::int32_t from[Group][kWidth];
    constexpr Spread() : from() {
      for (int i = 0; i < Group; ++i) {
        for (int lane = 0; lane < kWidth; ++lane) from[i][lane] = (lane / Group * Group + i) % kWidth;
      }
    }
  };

  template <class Access>
  static GODWIT_INLINE void channels(const ConvLine& line, std::int64_t c, const Access& access) {
    for (std::int64_t at = 0; at < line.pixels; at += kPixels) {
      const Block block(line, at);
      if (block.whole()) {
        pixels<true>(line, block, c, at, access);
      } else {
        pixels<false>(line, block, c, at, access);
      }
    }
  }

  template <bool Whole, class Access>
  static GODWIT_INLINE void pixels(const ConvLine& line, const Block& block, std::int64_t c, std::int64_t at,
                                   const Access& access) {
    static constexpr Spread kSpread;
    F32 sum[kPixels];
    const F32 bias = line.bias == nullptr ? Arch::broadcast(0.0F) : access.load(line.bias + c);
#pragma GCC unroll 16
    for (int p = 0; p < kPixels; ++p) sum[p] = bias;
    const float* src = static_cast<const float*>(line.src) + (kPermutes ? c : c / Group * Group);
    const float* weights = line.weights + (c * Kernel + line.first_row * kWidth) * Kernel * Group;
    std::int64_t first = block.left * line.channels;
#pragma GCC unroll 1
    for (std::int64_t row = line.first_row; row < line.last_row; ++row, first += line.line_stride) {
#pragma GCC unroll 1
      for (int i = 0; i < Group; ++i, weights += Kernel * kWidth) {
        F32 weight[Kernel];
#pragma GCC unroll 8
        for (int k = 0; k < Kernel; ++k) weight[k] = Arch::load(weights + k * kWidth);
        std::int64_t column = first;
#pragma GCC unroll 32
        for (int j = 0; j < Block::kColumns; ++j, column += line.channels) {
          if (!Whole && (j < block.begin || j >= block.end)) continue;
          F32 x;
          if constexpr (kPermutes) {
            x = Arch::permute(access.load(src + column), Arch::load_i32(kSpread.from[i]));
          } else {
            x = Arch::broadcast(src[column + i]);
          }
#pragma GCC unroll 16
          for (int p = 0; p < kPixels; ++p) {
            const int k = j - p * Stride;
            if (k >= 0 && k < Kernel) sum[p] = Arch::fma(x, weight[k], sum[p]);
          }
        }
      }
    }
    const F32 minimum = Arch::broadcast(line.minimum), maximum = Arch::broadcast(line.maximum);
    float* dst = static_cast<float*>(line.dst) + at * line.channels + c;
#pragma GCC unroll 16
    for (int p = 0; p < kPixels; ++p, dst += line.channels) {
      if (Whole || p < block.pixels) access.store(dst, Arch::min(maximum, Arch::max(minimum, sum[p])));
    }
  }
};

}  // namespace godwit::ops::kernels
