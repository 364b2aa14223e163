// Depthwise convolutions of 8-bit integers, vectorised over channels.
#pragma once

#include <cassert>

#include "ops/kernels/depthwise/arguments.h"
#include "ops/kernels/finish.h"
#include "ops/kernels/lanes.h"

namespace godwit::ops::kernels {

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

// Sums of products of 8-bit integers and the bias are whole and stay below 2^24, where f32 is exact: the same
// FMAs as for floats give the same bits on every ISA.
template <class Arch>
struct QuantizedDepthwiseStore {
  using F32 = typename Arch::F32;

  // A sum as the Finish takes it.
  static GODWIT_INLINE F32 value(const QuantizedDepthwiseBlock& block, F32 sum, std::int64_t c) {
    return sum * Arch::load(block.scale + c);
  }
  template <bool Whole>
  static GODWIT_INLINE void store(const Finish<Arch>& finish, const QuantizedDepthwiseBlock& block, F32 sum,
                                  std::int64_t pixel, std::int64_t c, std::int64_t count) {
    const std::int64_t size = finish.real ? 4 : 1;
    finish.template store<Whole>(value(block, sum, c), nullptr,
                                 static_cast<char*>(block.dst) + pixel * block.channels * size, c, count);
  }
};

// A square kernel of fixed size and stride; see DepthwiseSums.
template <class Arch, int Kernel, int Stride, int Pixels>
struct QuantizedDepthwisePixels {
  using F32 = typename Arch::F32;

  static void run(const QuantizedDepthwiseBlock& given) {
    const QuantizedDepthwiseBlock block = given;  // which no store of bytes can change
    assert(block.src != nullptr && block.weights != nullptr && block.bias != nullptr);
    assert(block.scale != nullptr && block.dst != nullptr && block.finish != nullptr);
    assert(block.first >= 0 && block.last <= block.channels && block.first % Arch::kWidth == 0);
    assert(block.padded >= block.channels && block.padded % Arch::kWidth == 0);
    const Finish<Arch> finish(*block.finish);
    constexpr int kSeveral = kDepthwiseVectors<Kernel>;
    const auto load = [&](const std::uint8_t* src) { return Arch::load(src); };
    std::int64_t c = block.first;
    for (; kSeveral > 1 && c + kSeveral * Arch::kWidth <= block.last; c += kSeveral * Arch::kWidth) {
      channels<kSeveral, true>(block, finish, c, load);
    }
    for (; c + Arch::kWidth <= block.last; c += Arch::kWidth) channels<1, true>(block, finish, c, load);
    if (const std::int64_t left = block.last - c; left > 0) {
      channels<1, false>(block, finish, c,
                         [&](const std::uint8_t* src) { return PartVector<Arch>{left}.load(src); });
    }
  }

 private:
  template <int Vectors, bool Whole, class Load>
  static GODWIT_INLINE void channels(const QuantizedDepthwiseBlock& block, const Finish<Arch>& finish,
                                     std::int64_t c, const Load& load) {
    F32 sum[Pixels][Vectors];
    DepthwiseSums<Arch, Kernel, Stride, Pixels, Vectors>::run(
        sum, [&](int v) { return Arch::load(block.bias + c + v * Arch::kWidth); },
        [&](int i, int v) { return load(block.src[i] + c + v * Arch::kWidth); },
        [&](int tap, int v) {
          return Arch::load(block.weights + tap * block.padded + c + v * Arch::kWidth);
        });
    if (Whole && !finish.real) {
      if (Arch::kStoresClamp && block.finish->stores_clamp) return store_bytes<false>(block, finish, c, sum);
      return store_bytes<true>(block, finish, c, sum);
    }
#pragma GCC unroll 8
    for (int p = 0; p < Pixels; ++p) {
#pragma GCC unroll 4
      for (int v = 0; v < Vectors; ++v) {
        const std::int64_t at = c + v * Arch::kWidth;
        QuantizedDepthwiseStore<Arch>::template store<Whole>(finish, block, sum[p][v], p, at,
                                                             block.last - at);
      }
    }
  }

  // Whole vectors of 8-bit integers, packed together.
  template <bool Clamps, int Vectors>
  static GODWIT_INLINE void store_bytes(const QuantizedDepthwiseBlock& block, const Finish<Arch>& finish,
                                        std::int64_t c, const F32 (&sum)[Pixels][Vectors]) {
    std::uint8_t* dst = static_cast<std::uint8_t*>(block.dst) + c;
#pragma GCC unroll 8
    for (int p = 0; p < Pixels; ++p) {
      typename Arch::S32 numbers[Vectors];
#pragma GCC unroll 4
      for (int v = 0; v < Vectors; ++v) {
        const std::int64_t at = c + v * Arch::kWidth;
        numbers[v] =
            finish.template number<Clamps>(QuantizedDepthwiseStore<Arch>::value(block, sum[p][v], at));
      }
      Arch::store_bytes(dst + p * block.channels, numbers);
    }
  }
};

// Any kernel, one pixel.
template <class Arch>
struct QuantizedDepthwise {
  using F32 = typename Arch::F32;

  static void run(const QuantizedDepthwiseBlock& given) {
    const QuantizedDepthwiseBlock block = given;  // which no store of bytes can change
    assert(block.src != nullptr && block.weights != nullptr && block.bias != nullptr);
    assert(block.scale != nullptr && block.dst != nullptr && block.finish != nullptr);
    assert(block.first >= 0 && block.last <= block.channels && block.first % Arch::kWidth == 0);
    assert(block.padded >= block.channels && block.padded % Arch::kWidth == 0);
    const Finish<Arch> finish(*block.finish);
    std::int64_t c = block.first;
    for (; c + Arch::kWidth <= block.last; c += Arch::kWidth) {
      F32 sum = Arch::load(block.bias + c);
      for (std::int64_t t = 0; t < block.taps; ++t) {
        sum = Arch::fma(Arch::load(block.src[t] + c), Arch::load(block.weights + t * block.padded + c), sum);
      }
      QuantizedDepthwiseStore<Arch>::template store<true>(finish, block, sum, 0, c, Arch::kWidth);
    }
    if (const std::int64_t left = block.last - c; left > 0) {
      F32 sum = Arch::load(block.bias + c);
      for (std::int64_t t = 0; t < block.taps; ++t) {
        sum = Arch::fma(Lanes<Arch>::load_part(block.src[t] + c, left),
                        Arch::load(block.weights + t * block.padded + c), sum);
      }
      QuantizedDepthwiseStore<Arch>::template store<false>(finish, block, sum, 0, c, left);
    }
  }
};

}  // namespace godwit::ops::kernels
