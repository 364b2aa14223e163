// Kernels over flat spans: unary functions, binary arithmetic with broadcasting inner steps, scale and shift,
// softmax.
#pragma once

#include "ops/kernels/arguments.h"
#include "ops/kernels/simd.h"

namespace godwit::ops::kernels {

// Every kernel below runs whole vectors and passes the rest through a padded copy, so that an element's value
// does not depend on where in a span it stands.
template <class Arch>
struct Lanes {
  using F32 = typename Arch::F32;
  static constexpr int kWidth = Arch::kWidth;

  template <class T>
  static GODWIT_INLINE F32 load_part(const T* src, std::int64_t count, T filler = T{}) {
    T lanes[kWidth];
    for (int i = 0; i < kWidth; ++i) lanes[i] = i < count ? src[i] : filler;
    return Arch::load(lanes);
  }
  template <class T>
  static GODWIT_INLINE void store_part(T* dst, F32 value, std::int64_t count) {
    T lanes[kWidth];
    Arch::store(lanes, value);
    for (int i = 0; i < kWidth && i < count; ++i) dst[i] = lanes[i];
  }
};

// How a kernel reads and writes its vectors: whole ones, or the last channels of a pixel that fill none.
template <class Arch>
struct WholeVector {
  using F32 = typename Arch::F32;
  template <class T>
  GODWIT_INLINE F32 load(const T* p) const {
    return Arch::load(p);
  }
  template <class T>
  GODWIT_INLINE void store(T* p, F32 value) const {
    Arch::store(p, value);
  }
};
// By calls: kernels unroll what they read and write, and these are long.
template <class Arch>
struct PartVector {
  using F32 = typename Arch::F32;
  std::int64_t left;
  template <class T>
  GODWIT_INLINE F32 load(const T* p) const {
    return load_lanes(p, left);
  }
  template <class T>
  GODWIT_INLINE void store(T* p, F32 value) const {
    compress_lanes(p, value, left);
  }

 private:
  template <class T>
  __attribute__((noinline)) static F32 load_lanes(const T* p, std::int64_t count) {
    return Lanes<Arch>::load_part(p, count);
  }
  template <class T>
  __attribute__((noinline)) static void compress_lanes(T* p, F32 value, std::int64_t count) {
    Lanes<Arch>::store_part(p, value, count);
  }
};

// e^x: x = n·ln2 + r with |r| <= ln2/2, ln2 split in two (Cody and Waite, "Software Manual for the Elementary
// Functions", 1980), e^r by its Taylor polynomial to r^7 (remainder below 2^-26), times 2^n. Inputs are
// clamped to
// [-87, 88], where the result is a normal number. NaN gives NaN.
template <class Arch>
GODWIT_INLINE typename Arch::F32 exp(typename Arch::F32 x) {
  using F32 = typename Arch::F32;
  x = Arch::min(Arch::broadcast(88.0F), Arch::max(Arch::broadcast(-87.0F), x));
  const F32 n = Arch::round(x * Arch::broadcast(1.44269504F));
  F32 r = Arch::fma(n, Arch::broadcast(-0.693359375F), x);
  r = Arch::fma(n, Arch::broadcast(2.12194440e-4F), r);
  F32 p = Arch::broadcast(1.0F / 5040.0F);
  p = Arch::fma(p, r, Arch::broadcast(1.0F / 720.0F));
  p = Arch::fma(p, r, Arch::broadcast(1.0F / 120.0F));
  p = Arch::fma(p, r, Arch::broadcast(1.0F / 24.0F));
  p = Arch::fma(p, r, Arch::broadcast(1.0F / 6.0F));
  p = Arch::fma(p, r, Arch::broadcast(0.5F));
  p = Arch::fma(p, r, Arch::broadcast(1.0F));
  p = Arch::fma(p, r, Arch::broadcast(1.0F));
  return p * Arch::exp2_whole(n);
}

template <class Arch>
struct Clamp {
  // alpha, beta: the bounds.
  static GODWIT_INLINE typename Arch::F32 apply(typename Arch::F32 x, typename Arch::F32 alpha,
                                                typename Arch::F32 beta) {
    return Arch::min(beta, Arch::max(alpha, x));
  }
};

template <class Arch>
struct LeakyRelu {
  // alpha: the slope below zero.
  static GODWIT_INLINE typename Arch::F32 apply(typename Arch::F32 x, typename Arch::F32 alpha,
                                                typename Arch::F32) {
    const auto zero = Arch::broadcast(0.0F);
    return Arch::max(zero, x) + alpha * Arch::min(zero, x);
  }
};

template <class Arch>
struct Sigmoid {
  static GODWIT_INLINE typename Arch::F32 apply(typename Arch::F32 x, typename Arch::F32,
                                                typename Arch::F32) {
    const auto one = Arch::broadcast(1.0F);
    return one / (one + exp<Arch>(Arch::broadcast(0.0F) - x));
  }
};

template <class Arch>
struct HardSigmoid {
  // clamp(alpha·x + beta, 0, 1)
  static GODWIT_INLINE typename Arch::F32 apply(typename Arch::F32 x, typename Arch::F32 alpha,
                                                typename Arch::F32 beta) {
    return Arch::min(Arch::broadcast(1.0F), Arch::max(Arch::broadcast(0.0F), Arch::fma(x, alpha, beta)));
  }
};

template <class Arch>
struct HardSwish {
  // x · clamp(alpha·x + beta, 0, 1), with ONNX's alpha = 1/6, beta = 1/2
  static GODWIT_INLINE typename Arch::F32 apply(typename Arch::F32 x, typename Arch::F32 alpha,
                                                typename Arch::F32 beta) {
    return x * HardSigmoid<Arch>::apply(x, alpha, beta);
  }
};

// dst[i] = function(src[i]) for vectors of From and To.
template <class Arch, class From, class To, class Function>
GODWIT_INLINE void map_span(const void* from, void* to, std::int64_t count, const Function& function) {
  const auto* src = static_cast<const From*>(from);
  auto* dst = static_cast<To*>(to);
  std::int64_t i = 0;
  for (; i + Arch::kWidth <= count; i += Arch::kWidth) Arch::store(dst + i, function(Arch::load(src + i)));
  if (i < count) {
    const PartVector<Arch> part{count - i};
    part.store(dst + i, function(part.load(src + i)));
  }
}

template <class Arch, template <class> class Function, class T>
struct Unary {
  using F32 = typename Arch::F32;

  static void run(const UnarySpan& span) {
    const F32 alpha = Arch::broadcast(span.alpha);
    const F32 beta = Arch::broadcast(span.beta);
    map_span<Arch, T, T>(span.src, span.dst, span.count,
                         [&](F32 x) { return Function<Arch>::apply(x, alpha, beta); });
  }
};

template <class Arch, class From, class To>
struct Convert {
  static void run(const ConvertSpan& span) {
    map_span<Arch, From, To>(span.src, span.dst, span.count, [](typename Arch::F32 x) { return x; });
  }
};

template <class Arch>
struct AddOf {
  static GODWIT_INLINE typename Arch::F32 apply(typename Arch::F32 a, typename Arch::F32 b) { return a + b; }
};
template <class Arch>
struct SubOf {
  static GODWIT_INLINE typename Arch::F32 apply(typename Arch::F32 a, typename Arch::F32 b) { return a - b; }
};
template <class Arch>
struct MulOf {
  static GODWIT_INLINE typename Arch::F32 apply(typename Arch::F32 a, typename Arch::F32 b) { return a * b; }
};
template <class Arch>
struct DivOf {
  static GODWIT_INLINE typename Arch::F32 apply(typename Arch::F32 a, typename Arch::F32 b) { return a / b; }
};

template <class Arch, template <class> class Function, class T>
struct Binary {
  using F32 = typename Arch::F32;

  static void run(const BinarySpan& span) {
    if (span.lhs_step == 1 && span.rhs_step == 1) {
      loop<true, true>(span);
    } else if (span.lhs_step == 1) {
      loop<true, false>(span);
    } else if (span.rhs_step == 1) {
      loop<false, true>(span);
    } else {
      loop<false, false>(span);
    }
  }

 private:
  // Of vector i, or the one number that is repeated.
  template <bool Step>
  static GODWIT_INLINE F32 operand(const T* p, F32 repeated, std::int64_t i, std::int64_t left) {
    if constexpr (!Step) return repeated;
    return left >= Arch::kWidth ? Arch::load(p + i) : Lanes<Arch>::load_part(p + i, left);
  }
  static GODWIT_INLINE F32 repeat(const T* p) {
    T lanes[Arch::kWidth];
    for (T& lane : lanes) lane = *p;
    return Arch::load(lanes);
  }

  template <bool LhsStep, bool RhsStep>
  static GODWIT_INLINE void loop(const BinarySpan& span) {
    const F32 minimum = Arch::broadcast(span.minimum);
    const F32 maximum = Arch::broadcast(span.maximum);
    const auto *lhs = static_cast<const T*>(span.lhs), *rhs = static_cast<const T*>(span.rhs);
    auto* dst = static_cast<T*>(span.dst);
    if (span.count == 0) return;
    const F32 first_lhs = repeat(lhs), first_rhs = repeat(rhs);
    for (std::int64_t i = 0; i < span.count; i += Arch::kWidth) {
      const std::int64_t left = span.count - i;
      const F32 result = Function<Arch>::apply(operand<LhsStep>(lhs, first_lhs, i, left),
                                               operand<RhsStep>(rhs, first_rhs, i, left));
      const F32 clamped = Arch::min(maximum, Arch::max(minimum, result));
      if (left >= Arch::kWidth) {
        Arch::store(dst + i, clamped);
      } else {
        Lanes<Arch>::store_part(dst + i, clamped, left);
      }
    }
  }
};

template <class Arch>
struct Affine {
  using F32 = typename Arch::F32;

  static void run(const AffineSpan& span) {
    const F32 minimum = Arch::broadcast(span.minimum);
    const F32 maximum = Arch::broadcast(span.maximum);
    const auto result = [&](F32 src, F32 scale, F32 shift) {
      return Arch::min(maximum, Arch::max(minimum, Arch::fma(src, scale, shift)));
    };
    std::int64_t i = 0;
    for (; i + Arch::kWidth <= span.count; i += Arch::kWidth) {
      Arch::store(span.dst + i,
                  result(Arch::load(span.src + i), Arch::load(span.scale + i), Arch::load(span.shift + i)));
    }
    if (const std::int64_t left = span.count - i; left > 0) {
      Lanes<Arch>::store_part(span.dst + i,
                              result(Lanes<Arch>::load_part(span.src + i, left, 0.0F),
                                     Lanes<Arch>::load_part(span.scale + i, left, 0.0F),
                                     Lanes<Arch>::load_part(span.shift + i, left, 0.0F)),
                              left);
    }
  }
};

template <class Arch>
struct Softmax {
  using F32 = typename Arch::F32;

  static void run(const SoftmaxRow& row) {
    float largest = row.src[0];
    for (std::int64_t i = 1; i < row.count; ++i) largest = row.src[i] > largest ? row.src[i] : largest;
    const F32 shift = Arch::broadcast(largest);
    float sum = 0.0F;
    float lanes[Arch::kWidth];
    for (std::int64_t i = 0; i < row.count; i += Arch::kWidth) {
      const std::int64_t left = row.count - i;
      const F32 src =
          left >= Arch::kWidth ? Arch::load(row.src + i) : Lanes<Arch>::load_part(row.src + i, left, largest);
      Arch::store(lanes, exp<Arch>(src - shift));
      for (int lane = 0; lane < Arch::kWidth && lane < left; ++lane) {
        row.dst[i + lane] = lanes[lane];
        sum += lanes[lane];
      }
    }
    const F32 scale = Arch::broadcast(1.0F / sum);
    for (std::int64_t i = 0; i < row.count; i += Arch::kWidth) {
      const std::int64_t left = row.count - i;
      if (left >= Arch::kWidth) {
        Arch::store(row.dst + i, Arch::load(row.dst + i) * scale);
      } else {
        Lanes<Arch>::store_part(row.dst + i, Lanes<Arch>::load_part(row.dst + i, left, 0.0F) * scale, left);
      }
    }
  }
};

}  // namespace godwit::ops::kernels
