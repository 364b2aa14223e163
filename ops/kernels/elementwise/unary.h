// Functions of one element over flat spans.
#pragma once

#include <cassert>

#include "ops/kernels/elementwise/arguments.h"
#include "ops/kernels/elementwise/exp.h"
#include "ops/kernels/lanes.h"

namespace godwit::ops::kernels {

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
  static GODWIT_INLINE typename Arch::F32 apply(typename Arch::F32 x) {
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
    // Minus infinity times 0 would be NaN.
    const auto finite = Arch::max(Arch::broadcast(-0x1.fffffeP127F), x);
    return finite * HardSigmoid<Arch>::apply(x, alpha, beta);
  }
};

// Function(x), with the constants alpha and beta where it takes them.
template <class Arch, template <class> class Function>
GODWIT_INLINE typename Arch::F32 apply_unary(typename Arch::F32 x, typename Arch::F32 alpha,
                                             typename Arch::F32 beta) {
  if constexpr (requires { Function<Arch>::apply(x); }) {
    return Function<Arch>::apply(x);
  } else {
    return Function<Arch>::apply(x, alpha, beta);
  }
}

template <class Arch, template <class> class Function, class T>
struct Unary {
  using F32 = typename Arch::F32;

  static void run(const UnarySpan& span) {
    assert(span.src != nullptr && span.dst != nullptr && span.count >= 0);
    const F32 alpha = Arch::broadcast(span.alpha);
    const F32 beta = Arch::broadcast(span.beta);
    map_span<Arch, T, T>(span.src, span.dst, span.count,
                         [&](F32 x) { return apply_unary<Arch, Function>(x, alpha, beta); });
  }
};

}  // namespace godwit::ops::kernels
