// Functions of vectors that several kernels share: choices, roots, logarithms, the error function.
#pragma once

#include "ops/kernels/elementwise/exp.h"
#include "ops/kernels/simd.h"

namespace godwit::ops::kernels {

// x in lanes where a < b, else y (also where either is NaN). xsimd's batches bring a select of their own.
template <class Arch>
GODWIT_INLINE typename Arch::F32 where_less(typename Arch::F32 a, typename Arch::F32 b, typename Arch::F32 x,
                                            typename Arch::F32 y) {
  if constexpr (requires { Arch::select(a < b, x, y); }) {
    return Arch::select(a < b, x, y);
  } else {
    return select(a < b, x, y);
  }
}

template <class Arch>
GODWIT_INLINE typename Arch::F32 negative(typename Arch::F32 x) {
  return Arch::broadcast(-0.0F) - x;
}
template <class Arch>
GODWIT_INLINE typename Arch::F32 absolute(typename Arch::F32 x) {
  // The second operand where x is NaN, which is NaN as well.
  return Arch::max(x, negative<Arch>(x));
}

template <class Arch>
GODWIT_INLINE typename Arch::F32 square_root(typename Arch::F32 x) {
  if constexpr (requires { x[0]; }) {
    for (int i = 0; i < Arch::kWidth; ++i) x[i] = __builtin_sqrtf(x[i]);
    return x;
  } else {
    return sqrt(x);
  }
}

// Held between the largest finite numbers: infinity times 0 would be NaN.
template <class Arch>
GODWIT_INLINE typename Arch::F32 finite(typename Arch::F32 x) {
  constexpr float kLargest = 0x1.fffffeP127F;
  return Arch::min(Arch::broadcast(kLargest), Arch::max(Arch::broadcast(-kLargest), x));
}

// e^x - 1, exact relatively to itself: x = n·ln2 + r as in exp(), then 2^n (e^r - 1) + (2^n - 1), where for
// small x n is 0 and r is x. e^r - 1 by its Taylor polynomial to r^7 (the rest is below 2^-25 of it). -1
// below -88; beyond 88 it stays what it is there.
template <class Arch>
GODWIT_INLINE typename Arch::F32 expm1(typename Arch::F32 x) {
  using F32 = typename Arch::F32;
  x = Arch::min(Arch::broadcast(88.0F), Arch::max(Arch::broadcast(-88.0F), x));
  const ExpParts<Arch> parts = exp_parts<Arch>(x);
  const F32 p = Arch::fma(parts.tail * parts.r, parts.r, parts.r);
  const F32 power = Arch::exp2_whole(parts.n);
  return Arch::fma(power, p, power - Arch::broadcast(1.0F));
}

// sinh(x)/cosh(x) by e = e^2x - 1: e / (e + 2). Beyond 9.02 it rounds to 1.
template <class Arch>
GODWIT_INLINE typename Arch::F32 tanh(typename Arch::F32 x) {
  using F32 = typename Arch::F32;
  const F32 near = Arch::min(Arch::broadcast(10.0F), Arch::max(Arch::broadcast(-10.0F), x));
  const F32 e = expm1<Arch>(near + near);
  return e / (e + Arch::broadcast(2.0F));
}

// The bits of floats as integers, and an integer in every lane.
template <class Arch>
GODWIT_INLINE auto bits_of(typename Arch::F32 x) {
  if constexpr (requires { Arch::as_i32(x); }) {
    return Arch::as_i32(x);
  } else {
    return reinterpret_cast<typename Arch::S32>(x);
  }
}
template <class Arch, class Bits>
GODWIT_INLINE typename Arch::F32 from_bits(Bits bits) {
  if constexpr (requires { Arch::as_f32(bits); }) {
    return Arch::as_f32(bits);
  } else {
    return reinterpret_cast<typename Arch::F32>(bits);
  }
}
template <class Arch, class Bits>
GODWIT_INLINE Bits in_every_lane(Bits, std::int32_t value) {
  if constexpr (requires(Bits bits) { Arch::as_f32(bits); }) {
    return Bits(value);
  } else {
    return Bits{} + value;
  }
}

// 2·artanh(s) for |s| <= 1/3 by its series to s^15; the rest is below 2^-26 of it.
template <class Arch>
GODWIT_INLINE typename Arch::F32 twice_artanh(typename Arch::F32 s) {
  using F32 = typename Arch::F32;
  const F32 z = s * s;
  F32 p = Arch::broadcast(2.0F / 15.0F);
  p = Arch::fma(p, z, Arch::broadcast(2.0F / 13.0F));
  p = Arch::fma(p, z, Arch::broadcast(2.0F / 11.0F));
  p = Arch::fma(p, z, Arch::broadcast(2.0F / 9.0F));
  p = Arch::fma(p, z, Arch::broadcast(2.0F / 7.0F));
  p = Arch::fma(p, z, Arch::broadcast(2.0F / 5.0F));
  p = Arch::fma(p, z, Arch::broadcast(2.0F / 3.0F));
  return Arch::fma(p * z, s, s + s);
}

// log(1 + t) for t in [0, 1]: 2·artanh(t / (2 + t)).
template <class Arch>
GODWIT_INLINE typename Arch::F32 log1p_of_fraction(typename Arch::F32 t) {
  return twice_artanh<Arch>(t / (Arch::broadcast(2.0F) + t));
}

// log(x) = e·ln2 + log(m), m in [sqrt(1/2), sqrt(2)): 2·artanh((m - 1) / (m + 1)). Minus infinity for 0, NaN
// below.
template <class Arch>
GODWIT_INLINE typename Arch::F32 log(typename Arch::F32 x) {
  using F32 = typename Arch::F32;
  const F32 zero = Arch::broadcast(0.0F), one = Arch::broadcast(1.0F);
  const F32 smallest = Arch::broadcast(0x1p-126F);
  const F32 normal = where_less<Arch>(x, smallest, x * Arch::broadcast(0x1p24F), x);
  const auto bits = bits_of<Arch>(normal);
  const auto root = in_every_lane<Arch>(bits, 0x3f3504f3);  // sqrt(1/2)
  const auto whole = (bits - root) >> 23;
  const F32 m = from_bits<Arch>(bits - (whole << 23));
  const F32 shift = where_less<Arch>(x, smallest, Arch::broadcast(24.0F), zero);
  const F32 e = Arch::to_float(whole) - shift;
  F32 result = twice_artanh<Arch>((m - one) / (m + one));
  result = Arch::fma(e, Arch::broadcast(-2.12194440e-4F), result);
  result = Arch::fma(e, Arch::broadcast(0.693359375F), result);
  const F32 infinity = Arch::broadcast(__builtin_inff());
  const F32 special = where_less<Arch>(x, zero, Arch::broadcast(__builtin_nanf("")), zero - infinity);
  return where_less<Arch>(x, infinity, where_less<Arch>(zero, x, result, special), x);
}

// The error function: odd, x P(x²) / Q(x²) with coefficients of a minimax fit on |x| <= 3.92 whose relative
// error is 5.3e-8, beyond that 1 to half a rounding. Never outside of [-1, 1].
template <class Arch>
GODWIT_INLINE typename Arch::F32 erf(typename Arch::F32 x) {
  using F32 = typename Arch::F32;
  x = Arch::min(Arch::broadcast(3.92F), Arch::max(Arch::broadcast(-3.92F), x));
  const F32 z = x * x;
  F32 p = Arch::broadcast(1.99228237891e-8F);
  p = Arch::fma(p, z, Arch::broadcast(-1.95811343598e-6F));
  p = Arch::fma(p, z, Arch::broadcast(1.41918138749e-4F));
  p = Arch::fma(p, z, Arch::broadcast(3.70427888919e-3F));
  p = Arch::fma(p, z, Arch::broadcast(5.05814052229e-2F));
  p = Arch::fma(p, z, Arch::broadcast(0.199986288395F));
  p = Arch::fma(p, z, Arch::broadcast(1.12837910769F));
  F32 q = Arch::broadcast(9.56701994082e-4F);
  q = Arch::fma(q, z, Arch::broadcast(1.43584759938e-2F));
  q = Arch::fma(q, z, Arch::broadcast(0.115023891427F));
  q = Arch::fma(q, z, Arch::broadcast(0.510564863511F));
  q = Arch::fma(q, z, Arch::broadcast(1.0F));
  const F32 one = Arch::broadcast(1.0F);
  return Arch::min(one, Arch::max(Arch::broadcast(-1.0F), x * p / q));
}

// 1 / (1 + 2^-y), 0 below -128, its power by a minimax polynomial of degree 5 whose relative error is
// 7.5e-8.
template <class Arch>
GODWIT_INLINE typename Arch::F32 sigmoid_base_2(typename Arch::F32 y) {
  using F32 = typename Arch::F32;
  y = Arch::min(Arch::broadcast(128.0F), Arch::max(Arch::broadcast(-127.0F), negative<Arch>(y)));
  const F32 n = Arch::round(y), f = y - n;
  F32 p = Arch::broadcast(1.32763235007e-3F);
  p = Arch::fma(p, f, Arch::broadcast(9.67554758443e-3F));
  p = Arch::fma(p, f, Arch::broadcast(5.55071381981e-2F));
  p = Arch::fma(p, f, Arch::broadcast(0.240221194893F));
  p = Arch::fma(p, f, Arch::broadcast(0.693146966623F));
  p = Arch::fma(p, f, Arch::broadcast(1.00000007175F));
  const F32 one = Arch::broadcast(1.0F);
  return one / Arch::fma(p, Arch::exp2_whole(n), one);
}

}  // namespace godwit::ops::kernels
