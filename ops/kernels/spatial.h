// Kernels that vectorise over channels: depthwise convolution, pooling, sums of columns.
#pragma once

#include "ops/kernels/arguments.h"
#include "ops/kernels/elementwise.h"
#include "ops/kernels/simd.h"

namespace godwit::ops::kernels {

// Runs `body(channel, count of vectors as a constant)` over blocks of four vectors, then single ones, and
// `tail` for the channels that fill no vector.
template <class Arch, class Block, class Single, class Tail>
GODWIT_INLINE void over_channels(std::int64_t channels, const Block& block, const Single& single,
                                 const Tail& tail) {
  std::int64_t c = 0;
  for (; c + 4 * Arch::kWidth <= channels; c += 4 * Arch::kWidth) block(c);
  for (; c + Arch::kWidth <= channels; c += Arch::kWidth) single(c);
  for (; c < channels; ++c) tail(c);
}

GODWIT_INLINE float clamp(float value, float minimum, float maximum) {
  const float raised = minimum > value ? minimum : value;  // NaN stays, as in the vector code
  return maximum < raised ? maximum : raised;
}

template <class Arch>
struct Depthwise {
  using F32 = typename Arch::F32;

  static void run(const DepthwisePixel& pixel) {
    over_channels<Arch>(
        pixel.channels, [&](std::int64_t c) { vectors<4>(pixel, c); },
        [&](std::int64_t c) { vectors<1>(pixel, c); },
        [&](std::int64_t c) {
          float sum = 0.0F;
          for (std::int64_t t = 0; t < pixel.taps; ++t) {
            sum = Arch::fma_scalar(pixel.src[t][c], pixel.weights[t * pixel.channels + c], sum);
          }
          if (pixel.bias != nullptr) sum += pixel.bias[c];
          pixel.dst[c] = clamp(sum, pixel.minimum, pixel.maximum);
        });
  }

 private:
  template <int Vectors>
  static GODWIT_INLINE void vectors(const DepthwisePixel& pixel, std::int64_t c) {
    F32 sum[Vectors];
#pragma GCC unroll 4
    for (int v = 0; v < Vectors; ++v) sum[v] = Arch::broadcast(0.0F);
    for (std::int64_t t = 0; t < pixel.taps; ++t) {
      const float* src = pixel.src[t] + c;
      const float* weights = pixel.weights + t * pixel.channels + c;
#pragma GCC unroll 4
      for (int v = 0; v < Vectors; ++v) {
        sum[v] =
            Arch::fma(Arch::load(src + v * Arch::kWidth), Arch::load(weights + v * Arch::kWidth), sum[v]);
      }
    }
    const F32 minimum = Arch::broadcast(pixel.minimum);
    const F32 maximum = Arch::broadcast(pixel.maximum);
#pragma GCC unroll 4
    for (int v = 0; v < Vectors; ++v) {
      const std::int64_t at = c + v * Arch::kWidth;
      if (pixel.bias != nullptr) sum[v] = sum[v] + Arch::load(pixel.bias + at);
      Arch::store(pixel.dst + at, Arch::min(maximum, Arch::max(minimum, sum[v])));
    }
  }
};

// The sums of Pixels outputs at once: each input vector is loaded once for all outputs that it is a tap of,
// so that the FMAs and not the loads set the pace (3×3, stride 1, 4 pixels: 36 FMAs on 27 loads). Register
// budget: Pixels accumulators + Kernel weights + 1 input. load_src(i): vector i of (Kernel, columns);
// load_weights(t): of tap t.
template <class Arch, int Kernel, int Stride, int Pixels>
struct DepthwiseSums {
  using F32 = typename Arch::F32;
  static constexpr int kColumns = (Pixels - 1) * Stride + Kernel;

  template <class LoadSrc, class LoadWeights>
  static GODWIT_INLINE void run(F32 (&sum)[Pixels], const LoadSrc& load_src,
                                const LoadWeights& load_weights) {
#pragma GCC unroll 8
    for (int p = 0; p < Pixels; ++p) sum[p] = Arch::broadcast(0.0F);
#pragma GCC unroll 8
    for (int kh = 0; kh < Kernel; ++kh) {
      F32 weights[Kernel];
#pragma GCC unroll 8
      for (int kw = 0; kw < Kernel; ++kw) weights[kw] = load_weights(kh * Kernel + kw);
#pragma GCC unroll 16
      for (int j = 0; j < kColumns; ++j) {
        const F32 src = load_src(kh * kColumns + j);
#pragma GCC unroll 8
        for (int p = 0; p < Pixels; ++p) {
          const int kw = j - p * Stride;
          if (kw >= 0 && kw < Kernel) sum[p] = Arch::fma(src, weights[kw], sum[p]);
        }
      }
    }
  }
};

template <class Arch, int Kernel, int Stride, int Pixels>
struct DepthwisePixels {
  using F32 = typename Arch::F32;

  static void run(const DepthwiseBlock& block) {
    std::int64_t c = 0;
    for (; c + Arch::kWidth <= block.channels; c += Arch::kWidth) {
      channels(
          block, [&](const float* p) { return Arch::load(p + c); },
          [&](float* p, F32 value) { Arch::store(p + c, value); });
    }
    if (const std::int64_t left = block.channels - c; left > 0) {
      channels(
          block, [&](const float* p) { return Lanes<Arch>::load_part(p + c, left, 0.0F); },
          [&](float* p, F32 value) { Lanes<Arch>::store_part(p + c, value, left); });
    }
  }

 private:
  template <class Load, class Store>
  static GODWIT_INLINE void channels(const DepthwiseBlock& block, const Load& load, const Store& store) {
    F32 sum[Pixels];
    DepthwiseSums<Arch, Kernel, Stride, Pixels>::run(
        sum, [&](int i) { return load(block.src[i]); },
        [&](int tap) { return load(block.weights + tap * block.channels); });
    const F32 bias = block.bias == nullptr ? Arch::broadcast(0.0F) : load(block.bias);
    const F32 minimum = Arch::broadcast(block.minimum);
    const F32 maximum = Arch::broadcast(block.maximum);
#pragma GCC unroll 8
    for (int p = 0; p < Pixels; ++p) {
      store(block.dst + p * block.channels, Arch::min(maximum, Arch::max(minimum, sum[p] + bias)));
    }
  }
};

// Maximum over the taps; a NaN among them wins, as in ONNX Runtime and the reference.
template <class Arch>
struct MaxPool {
  using F32 = typename Arch::F32;

  static void run(const PoolPixel& pixel) {
    over_channels<Arch>(
        pixel.channels, [&](std::int64_t c) { vectors<4>(pixel, c); },
        [&](std::int64_t c) { vectors<1>(pixel, c); },
        [&](std::int64_t c) {
          float best = pixel.src[0][c];
          for (std::int64_t t = 1; t < pixel.taps; ++t) {
            const float value = pixel.src[t][c];
            if (!(best >= value) && best == best) best = value;
          }
          pixel.dst[c] = best;
        });
  }

 private:
  template <int Vectors>
  static GODWIT_INLINE void vectors(const PoolPixel& pixel, std::int64_t c) {
    F32 best[Vectors];
#pragma GCC unroll 4
    for (int v = 0; v < Vectors; ++v) best[v] = Arch::load(pixel.src[0] + c + v * Arch::kWidth);
    for (std::int64_t t = 1; t < pixel.taps; ++t) {
      const float* src = pixel.src[t] + c;
#pragma GCC unroll 4
      for (int v = 0; v < Vectors; ++v)
        best[v] = Arch::max_or_nan(best[v], Arch::load(src + v * Arch::kWidth));
    }
#pragma GCC unroll 4
    for (int v = 0; v < Vectors; ++v) Arch::store(pixel.dst + c + v * Arch::kWidth, best[v]);
  }
};

template <class Arch>
struct SumPool {
  using F32 = typename Arch::F32;

  static void run(const PoolPixel& pixel) {
    over_channels<Arch>(
        pixel.channels, [&](std::int64_t c) { vectors<4>(pixel, c); },
        [&](std::int64_t c) { vectors<1>(pixel, c); },
        [&](std::int64_t c) {
          float sum = pixel.src[0][c];
          for (std::int64_t t = 1; t < pixel.taps; ++t) sum += pixel.src[t][c];
          pixel.dst[c] = sum * pixel.scale;
        });
  }

 private:
  template <int Vectors>
  static GODWIT_INLINE void vectors(const PoolPixel& pixel, std::int64_t c) {
    F32 sum[Vectors];
#pragma GCC unroll 4
    for (int v = 0; v < Vectors; ++v) sum[v] = Arch::load(pixel.src[0] + c + v * Arch::kWidth);
    for (std::int64_t t = 1; t < pixel.taps; ++t) {
      const float* src = pixel.src[t] + c;
#pragma GCC unroll 4
      for (int v = 0; v < Vectors; ++v) sum[v] = sum[v] + Arch::load(src + v * Arch::kWidth);
    }
    const F32 scale = Arch::broadcast(pixel.scale);
#pragma GCC unroll 4
    for (int v = 0; v < Vectors; ++v) Arch::store(pixel.dst + c + v * Arch::kWidth, sum[v] * scale);
  }
};

template <class Arch>
struct SumColumns {
  using F32 = typename Arch::F32;

  static void run(const ColumnSum& columns) {
    over_channels<Arch>(
        columns.channels, [&](std::int64_t c) { vectors<4>(columns, c); },
        [&](std::int64_t c) { vectors<1>(columns, c); },
        [&](std::int64_t c) {
          float sum = 0.0F;
          for (std::int64_t r = 0; r < columns.rows; ++r) sum += columns.src[r * columns.stride + c];
          columns.dst[c] = sum * columns.scale;
        });
  }

 private:
  template <int Vectors>
  static GODWIT_INLINE void vectors(const ColumnSum& columns, std::int64_t c) {
    F32 sum[Vectors];
#pragma GCC unroll 4
    for (int v = 0; v < Vectors; ++v) sum[v] = Arch::broadcast(0.0F);
    for (std::int64_t r = 0; r < columns.rows; ++r) {
      const float* src = columns.src + r * columns.stride + c;
#pragma GCC unroll 4
      for (int v = 0; v < Vectors; ++v) sum[v] = sum[v] + Arch::load(src + v * Arch::kWidth);
    }
    const F32 scale = Arch::broadcast(columns.scale);
#pragma GCC unroll 4
    for (int v = 0; v < Vectors; ++v) Arch::store(columns.dst + c + v * Arch::kWidth, sum[v] * scale);
  }
};

}  // namespace godwit::ops::kernels
