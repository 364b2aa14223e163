// The exponential function of vectors.
#pragma once

#include "ops/kernels/simd.h"

namespace godwit::ops::kernels {

// Parts of x as n·ln2 + r with |r| <= ln2/2; tail: what follows 1 + r in the Taylor polynomial of e^r to r^7,
// over r².
template <class Arch>
struct ExpParts {
  typename Arch::F32 n, r, tail;
};
template <class Arch>
GODWIT_INLINE ExpParts<Arch> exp_parts(typename Arch::F32 x) {
  using F32 = typename Arch::F32;
  const F32 n = Arch::round(x * Arch::broadcast(1.44269504F));
  F32 r = Arch::fma(n, Arch::broadcast(-0.693359375F), x);
  r = Arch::fma(n, Arch::broadcast(2.12194440e-4F), r);
  F32 p = Arch::broadcast(1.0F / 5040.0F);
  p = Arch::fma(p, r, Arch::broadcast(1.0F / 720.0F));
  p = Arch::fma(p, r, Arch::broadcast(1.0F / 120.0F));
  p = Arch::fma(p, r, Arch::broadcast(1.0F / 24.0F));
  p = Arch::fma(p, r, Arch::broadcast(1.0F / 6.0F));
  return {n, r, Arch::fma(p, r, Arch::broadcast(0.5F))};
}

// e^x: x = n·ln2 + r with |r| <= ln2/2, ln2 split in two (Cody and Waite, "Software Manual for the Elementary
// Functions", 1980), e^r by its Taylor polynomial to r^7 (remainder below 2^-26), times 2^n. 0 below
// -126.5 ln 2 = -87.68, where e^x is less than the smallest normal number, infinity above 127.5 ln 2 = 88.37.
// NaN gives NaN.
template <class Arch>
GODWIT_INLINE typename Arch::F32 exp(typename Arch::F32 x) {
  const auto one = Arch::broadcast(1.0F);
  // Bounds at which n is -127 and 128, whose powers are 0 and infinity.
  x = Arch::min(Arch::broadcast(89.0F), Arch::max(Arch::broadcast(-88.0F), x));
  const ExpParts<Arch> parts = exp_parts<Arch>(x);
  return Arch::fma(Arch::fma(parts.tail, parts.r, one), parts.r, one) * Arch::exp2_whole(parts.n);
}

}  // namespace godwit::ops::kernels
