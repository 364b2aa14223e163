// Depthwise convolutions of floats, vectorised over channels.
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

// Vectors of channels that a 3×3 kernel takes at once. The FMAs of one sum wait for each other: four sums
// leave the units idle half the time, eight do not. 5×5 would need more registers than AVX2 has.
template <int Kernel>
constexpr int kDepthwiseVectors = Kernel == 3 ? 2 : 1;

// The sums of Pixels outputs at once: each input vector is loaded once for all outputs that it is a tap of,
// so that the FMAs and not the loads set the pace (3×3, stride 1, 4 pixels: 36 FMAs on 27 loads). Register
// budget: Vectors times Pixels accumulators and Kernel weights, and 1 input (3×3 with two vectors: 15 of 16).
// load_src(i, v): vector v of pixel i of (Kernel, columns); load_weights(t, v): of tap t.
template <class Arch, int Kernel, int Stride, int Pixels, int Vectors>
struct DepthwiseSums {
  using F32 = typename Arch::F32;
  static constexpr int kColumns = (Pixels - 1) * Stride + Kernel;

  // begin(v): what the sums of vector v begin with.
  template <class Begin, class LoadSrc, class LoadWeights>
  static GODWIT_INLINE void run(F32 (&sum)[Pixels][Vectors], const Begin& begin, const LoadSrc& load_src,
                                const LoadWeights& load_weights) {
#pragma GCC unroll 4
    for (int v = 0; v < Vectors; ++v) {
      const F32 first = begin(v);
#pragma GCC unroll 8
      for (int p = 0; p < Pixels; ++p) sum[p][v] = first;
    }
#pragma GCC unroll 8
    for (int kh = 0; kh < Kernel; ++kh) {
      F32 weights[Kernel][Vectors];
#pragma GCC unroll 8
      for (int kw = 0; kw < Kernel; ++kw) {
#pragma GCC unroll 4
        for (int v = 0; v < Vectors; ++v) weights[kw][v] = load_weights(kh * Kernel + kw, v);
      }
#pragma GCC unroll 16
      for (int j = 0; j < kColumns; ++j) {
#pragma GCC unroll 4
        for (int v = 0; v < Vectors; ++v) {
          const F32 src = load_src(kh * kColumns + j, v);
#pragma GCC unroll 8
          for (int p = 0; p < Pixels; ++p) {
            const int kw = j - p * Stride;
            if (kw >= 0 && kw < Kernel) sum[p][v] = Arch::fma(src, weights[kw][v], sum[p][v]);
          }
        }
      }
    }
  }
};

template <class Arch, int Kernel, int Stride, int Pixels, class T>
struct DepthwisePixels {
  using F32 = typename Arch::F32;

  static void run(const DepthwiseBlock& block) {
    assert(block.src != nullptr && block.weights != nullptr && block.dst != nullptr);
    assert(block.first >= 0 && block.last <= block.channels && block.first % Arch::kWidth == 0);
    constexpr int kSeveral = kDepthwiseVectors<Kernel>;
    std::int64_t c = block.first;
    for (; kSeveral > 1 && c + kSeveral * Arch::kWidth <= block.last; c += kSeveral * Arch::kWidth) {
      channels<kSeveral>(block, c, WholeVector<Arch>{});
    }
    for (; c + Arch::kWidth <= block.last; c += Arch::kWidth) channels<1>(block, c, WholeVector<Arch>{});
    if (c < block.last) channels<1>(block, c, PartVector<Arch>{block.last - c});
  }

 private:
  template <int Vectors, class Access>
  static GODWIT_INLINE void channels(const DepthwiseBlock& block, std::int64_t c, const Access& access) {
    F32 sum[Pixels][Vectors];
    DepthwiseSums<Arch, Kernel, Stride, Pixels, Vectors>::run(
        sum,
        [&](int v) {
          return block.bias == nullptr ? Arch::broadcast(0.0F)
                                       : access.load(block.bias + c + v * Arch::kWidth);
        },
        [&](int i, int v) { return access.load(static_cast<const T*>(block.src[i]) + c + v * Arch::kWidth); },
        [&](int tap, int v) {
          return access.load(block.weights + tap * block.channels + c + v * Arch::kWidth);
        });
    const F32 minimum = Arch::broadcast(block.minimum);
    const F32 maximum = Arch::broadcast(block.maximum);
#pragma GCC unroll 4
    for (int v = 0; v < Vectors; ++v) {
      const std::int64_t at = c + v * Arch::kWidth;
#pragma GCC unroll 8
      for (int p = 0; p < Pixels; ++p) {
        access.store(static_cast<T*>(block.dst) + p * block.channels + at,
                     Arch::min(maximum, Arch::max(minimum, sum[p][v])));
      }
    }
  }
};

}  // namespace godwit::ops::kernels
