// Arithmetic on two spans, either of which may be one repeated element.
#pragma once

#include <cassert>

#include "ops/kernels/elementwise/arguments.h"
#include "ops/kernels/elementwise/functions.h"
#include "ops/kernels/lanes.h"

namespace godwit::ops::kernels {

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

// Slope b below 0; where b is infinite as well.
template <class Arch>
struct PReluOf {
  static GODWIT_INLINE typename Arch::F32 apply(typename Arch::F32 a, typename Arch::F32 b) {
    return where_less<Arch>(a, Arch::broadcast(0.0F), a * b, a);
  }
};
// NaN where either is.
template <class Arch>
struct LargerOf {
  static GODWIT_INLINE typename Arch::F32 apply(typename Arch::F32 a, typename Arch::F32 b) {
    return Arch::max_or_nan(a, b);
  }
};
template <class Arch>
struct SmallerOf {
  static GODWIT_INLINE typename Arch::F32 apply(typename Arch::F32 a, typename Arch::F32 b) {
    return negative<Arch>(Arch::max_or_nan(negative<Arch>(a), negative<Arch>(b)));
  }
};

template <class Arch, template <class> class Function, class T>
struct Binary {
  using F32 = typename Arch::F32;

  static void run(const BinarySpan& span) {
    assert(span.lhs != nullptr && span.rhs != nullptr && span.dst != nullptr && span.count >= 0);
    assert((span.lhs_step == 0 || span.lhs_step == 1) && (span.rhs_step == 0 || span.rhs_step == 1));
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
  // Elements of vector i, or the one element that is repeated.
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

}  // namespace godwit::ops::kernels
