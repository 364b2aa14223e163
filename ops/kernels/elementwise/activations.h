// Functions of one element that networks put between their layers, and roots and logarithms.
#pragma once

#include "ops/kernels/elementwise/functions.h"

namespace godwit::ops::kernels {

template <class Arch>
struct AbsOf {
  static GODWIT_INLINE typename Arch::F32 apply(typename Arch::F32 x) { return absolute<Arch>(x); }
};
template <class Arch>
struct ReciprocalOf {
  static GODWIT_INLINE typename Arch::F32 apply(typename Arch::F32 x) { return Arch::broadcast(1.0F) / x; }
};
template <class Arch>
struct SqrtOf {
  static GODWIT_INLINE typename Arch::F32 apply(typename Arch::F32 x) { return square_root<Arch>(x); }
};
template <class Arch>
struct SquareOf {
  static GODWIT_INLINE typename Arch::F32 apply(typename Arch::F32 x) { return x * x; }
};
template <class Arch>
struct ExpOf {
  // The square of e^(x/2), which neither overflows nor underflows before e^x does
  static GODWIT_INLINE typename Arch::F32 apply(typename Arch::F32 x) {
    const auto root = exp<Arch>(x * Arch::broadcast(0.5F));
    return root * root;
  }
};
template <class Arch>
struct LogOf {
  static GODWIT_INLINE typename Arch::F32 apply(typename Arch::F32 x) { return log<Arch>(x); }
};
template <class Arch>
struct ErfOf {
  static GODWIT_INLINE typename Arch::F32 apply(typename Arch::F32 x) { return erf<Arch>(x); }
};
template <class Arch>
struct TanhOf {
  static GODWIT_INLINE typename Arch::F32 apply(typename Arch::F32 x) { return tanh<Arch>(x); }
};

template <class Arch>
struct Gelu {
  // x (1 + erf(x / sqrt 2)) / 2; what lies below -6 counts as -6, whose result is less than 1e-8.
  static GODWIT_INLINE typename Arch::F32 apply(typename Arch::F32 x) {
    const auto near = Arch::max(Arch::broadcast(-6.0F), x);
    const auto half = near * Arch::broadcast(0.5F);
    return Arch::fma(half, erf<Arch>(near * Arch::broadcast(0.707106781F)), half);
  }
};

template <class Arch>
struct GeluByTanh {
  // x (1 + tanh u) / 2 = x / (1 + e^-2u), u = sqrt(2 / pi) (x + 0.044715 x³)
  static GODWIT_INLINE typename Arch::F32 apply(typename Arch::F32 x) {
    // 2 sqrt(2 / pi) in base 2, and that times 0.044715.
    const auto near = Arch::max(Arch::broadcast(-20.0F), x);
    const auto inner = Arch::fma(near * near, Arch::broadcast(0.102943240F), Arch::broadcast(2.30220820F));
    return near * sigmoid_base_2<Arch>(near * inner);
  }
};

template <class Arch>
struct Swish {
  // alpha: the slope of the sigmoid in base 2, alpha log2(e); positive
  static GODWIT_INLINE typename Arch::F32 apply(typename Arch::F32 x, typename Arch::F32 alpha,
                                                typename Arch::F32) {
    // Minus infinity times 0 would be NaN.
    const auto near = Arch::max(Arch::broadcast(-0x1.fffffeP127F), x);
    return near * sigmoid_base_2<Arch>(near * alpha);
  }
};

template <class Arch>
struct Mish {
  // x tanh(log(1 + e^x)) = x w / (w + 2), w = e^x (e^x + 2); beyond 20 it is x
  static GODWIT_INLINE typename Arch::F32 apply(typename Arch::F32 x) {
    const auto two = Arch::broadcast(2.0F);
    // Leaves 0 of large negative numbers, as ExpOf does.
    const auto root = exp<Arch>(Arch::min(Arch::broadcast(20.0F), x) * Arch::broadcast(0.5F));
    const auto e = root * root;
    const auto w = e * (e + two);
    const auto near = Arch::max(Arch::broadcast(-0x1.fffffeP127F), x);
    return near * (w / (w + two));
  }
};

template <class Arch>
struct Elu {
  // alpha (e^(beta x) - 1) below 0
  static GODWIT_INLINE typename Arch::F32 apply(typename Arch::F32 x, typename Arch::F32 alpha,
                                                typename Arch::F32 beta) {
    const auto zero = Arch::broadcast(0.0F);
    return where_less<Arch>(x, zero, alpha * expm1<Arch>(x * beta), x);
  }
};

template <class Arch>
struct Selu {
  // alpha (e^x - 1) below 0, beta x above
  static GODWIT_INLINE typename Arch::F32 apply(typename Arch::F32 x, typename Arch::F32 alpha,
                                                typename Arch::F32 beta) {
    const auto zero = Arch::broadcast(0.0F);
    return where_less<Arch>(x, zero, alpha * expm1<Arch>(x), beta * x);
  }
};

template <class Arch>
struct Softplus {
  // max(x, 0) + log(1 + e^-|x|)
  static GODWIT_INLINE typename Arch::F32 apply(typename Arch::F32 x) {
    const auto e = exp<Arch>(negative<Arch>(absolute<Arch>(x)));
    return Arch::max(Arch::broadcast(0.0F), x) + log1p_of_fraction<Arch>(e);
  }
};

}  // namespace godwit::ops::kernels
