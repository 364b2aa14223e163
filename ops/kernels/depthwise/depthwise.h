// Depthwise convolutions of floats, vectorised over channels: one pixel of any kernel, lines of some sizes.
#pragma once

#include <cassert>

#include "ops/kernels/depthwise/arguments.h"
#include "ops/kernels/lanes.h"

namespace godwit::ops::kernels {

template <class Arch, class T>
struct Depthwise {
  using F32 = typename Arch::F32;

  static void run(const DepthwisePixel& pixel) {
    assert(pixel.src != nullptr && pixel.weights != nullptr && pixel.dst != nullptr);
    assert(pixel.taps >= 0 && pixel.channels >= 0);
    over_channels<Arch>(pixel.channels, [&]<int Vectors>(std::int64_t c, const auto& access) {
      vectors<Vectors>(pixel, c, access);
    });
  }

 private:
  template <int Vectors, class Access>
  static GODWIT_INLINE void vectors(const DepthwisePixel& pixel, std::int64_t c, const Access& access) {
    F32 sum[Vectors];
#pragma GCC unroll 4
    for (int v = 0; v < Vectors; ++v) {
      sum[v] = pixel.bias == nullptr ? Arch::broadcast(0.0F) : access.load(pixel.bias + c + v * Arch::kWidth);
    }
    for (std::int64_t t = 0; t < pixel.taps; ++t) {
      const T* src = static_cast<const T*>(pixel.src[t]) + c;
      const float* weights = pixel.weights + t * pixel.channels + c;
#pragma GCC unroll 4
      for (int v = 0; v < Vectors; ++v) {
        sum[v] =
            Arch::fma(access.load(src + v * Arch::kWidth), access.load(weights + v * Arch::kWidth), sum[v]);
      }
    }
    const F32 minimum = Arch::broadcast(pixel.minimum);
    const F32 maximum = Arch::broadcast(pixel.maximum);
#pragma GCC unroll 4
    for (int v = 0; v < Vectors; ++v) {
      const std::int64_t at = c + v * Arch::kWidth;
      access.store(static_cast<T*>(pixel.dst) + at, Arch::min(maximum, Arch::max(minimum, sum[v])));
    }
  }
};

// Pixels of a line that kernels of a fixed size take at once: most images are a multiple of 7 wide.
inline constexpr int kLinePixels = 7;

// Neighbouring pixels of a line under a kernel of so many columns, and the input columns that they need.
template <int Kernel, int Stride, int Pixels>
struct LineBlock {
  static constexpr int kColumns = (Pixels - 1) * Stride + Kernel;

  // The block that begins with output pixel `at`.
  GODWIT_INLINE LineBlock(const ConvLine& line, std::int64_t at) : left(at * Stride - line.pad) {
    const std::int64_t rest = line.pixels - at;
    pixels = rest < Pixels ? static_cast<int>(rest) : Pixels;
    const std::int64_t needed = (pixels - 1) * Stride + Kernel, inside = line.width - left;
    begin = left < 0 ? static_cast<int>(left < -kColumns ? kColumns : -left) : 0;
    end = static_cast<int>(inside < needed ? inside : needed);
  }
  GODWIT_INLINE bool whole() const { return begin == 0 && end == kColumns; }

  std::int64_t left;  // input column under the block's first one
  int pixels;         // of the result that there are
  int begin, end;     // columns of the block that lie inside of the image and are needed
};

// Depthwise convolution of whole lines. Each input vector is loaded once for all outputs that it is a tap of,
// so that the FMAs and not the loads set the pace (3×3, stride 1: 21 FMAs on 12 loads).
template <class Arch, int Kernel, int Stride, class T>
struct DepthwiseLine {
  using F32 = typename Arch::F32;
  using Block = LineBlock<Kernel, Stride, kLinePixels>;
  // Register budget, of 16 or 32: Vectors times kLinePixels sums and Kernel weights, and 1 input.
  static constexpr int kRegisters = Arch::kTileRows > 8 ? 32 : 16;
  // GCC 12 keeps sums of stride 2 in memory where there are two vectors.
  static constexpr int kVectors = Stride == 1 && 2 * (kLinePixels + Kernel) + 1 <= kRegisters ? 2 : 1;

  static void run(const ConvLine& given) {
    const ConvLine line = given;  // which no store can change
    assert(line.src != nullptr && line.weights != nullptr && line.dst != nullptr);
    assert(line.first >= 0 && line.last <= line.channels && line.first % Arch::kWidth == 0);
    assert(line.first_row >= 0 && line.last_row <= Kernel && line.width > 0 && line.pixels > 0);
    // Channels inside of pixels, as they lie in memory.
    for (std::int64_t at = 0; at < line.pixels; at += kLinePixels) {
      const Block block(line, at);
      if (block.whole()) {
        channels<true>(line, block, at);
      } else {
        channels<false>(line, block, at);
      }
    }
  }

 private:
  template <bool Whole>
  static GODWIT_INLINE void channels(const ConvLine& line, const Block& block, std::int64_t at) {
    std::int64_t c = line.first;
    if constexpr (kVectors > 1) {
      for (; c + kVectors * Arch::kWidth <= line.last; c += kVectors * Arch::kWidth)
        pixels<kVectors, Whole>(line, block, c, at, WholeVector<Arch>{});
    }
    for (; c + Arch::kWidth <= line.last; c += Arch::kWidth)
      pixels<1, Whole>(line, block, c, at, WholeVector<Arch>{});
    if (c < line.last) pixels<1, Whole>(line, block, c, at, PartVector<Arch>{line.last - c});
  }

  template <int Vectors, bool Whole, class Access>
  static GODWIT_INLINE void pixels(const ConvLine& line, const Block& block, std::int64_t c, std::int64_t at,
                                   const Access& access) {
    F32 sum[kLinePixels][Vectors];
#pragma GCC unroll 4
    for (int v = 0; v < Vectors; ++v) {
      const F32 bias =
          line.bias == nullptr ? Arch::broadcast(0.0F) : access.load(line.bias + c + v * Arch::kWidth);
#pragma GCC unroll 8
      for (int p = 0; p < kLinePixels; ++p) sum[p][v] = bias;
    }
    const T* src = static_cast<const T*>(line.src) + c;
    const float* weights = line.weights + line.first_row * Kernel * line.channels + c;
    std::int64_t first = block.left * line.channels;
#pragma GCC unroll 1
    for (std::int64_t row = line.first_row; row < line.last_row; ++row, first += line.line_stride) {
      F32 weight[Kernel][Vectors];
#pragma GCC unroll 8
      for (int k = 0; k < Kernel; ++k) {
#pragma GCC unroll 4
        for (int v = 0; v < Vectors; ++v) weight[k][v] = access.load(weights + v * Arch::kWidth);
        weights += line.channels;
      }
      std::int64_t column = first;
#pragma GCC unroll 32
      for (int j = 0; j < Block::kColumns; ++j, column += line.channels) {
        if (!Whole && (j < block.begin || j >= block.end)) continue;
#pragma GCC unroll 4
        for (int v = 0; v < Vectors; ++v) {
          const F32 x = access.load(src + column + v * Arch::kWidth);
#pragma GCC unroll 8
          for (int p = 0; p < kLinePixels; ++p) {
            const int k = j - p * Stride;
            if (k >= 0 && k < Kernel) sum[p][v] = Arch::fma(x, weight[k][v], sum[p][v]);
          }
        }
      }
    }
    store<Vectors, Whole>(line, block, c, at, access, sum);
  }

  template <int Vectors, bool Whole, class Access>
  static GODWIT_INLINE void store(const ConvLine& line, const Block& block, std::int64_t c, std::int64_t at,
                                  const Access& access, const F32 (&sum)[kLinePixels][Vectors]) {
    const F32 minimum = Arch::broadcast(line.minimum), maximum = Arch::broadcast(line.maximum);
    T* dst = static_cast<T*>(line.dst) + at * line.channels + c;
#pragma GCC unroll 8
    for (int p = 0; p < kLinePixels; ++p, dst += line.channels) {
      if (!Whole && p >= block.pixels) continue;
#pragma GCC unroll 4
      for (int v = 0; v < Vectors; ++v)
        access.store(dst + v * Arch::kWidth, Arch::min(maximum, Arch::max(minimum, sum[p][v])));
    }
  }
};

}  // namespace godwit::ops::kernels
