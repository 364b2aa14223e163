// Sums of two spans of 8-bit integers, each with a scale of its own.
#pragma once

#include <cassert>

#include "ops/kernels/elementwise/arguments.h"
#include "ops/kernels/finish.h"

namespace godwit::ops::kernels {

template <class Arch>
struct QuantizedAdd {
  using F32 = typename Arch::F32;

  static void run(const QuantizedAddSpan& given) {
    const QuantizedAddSpan span = given;  // as above
    assert(span.lhs != nullptr && span.dst != nullptr && span.finish != nullptr && span.count >= 0);
    const Finish<Arch> finish(*span.finish);
    const F32 step = Arch::broadcast(span.step);
    std::int64_t i = 0;
    for (; i + Arch::kWidth <= span.count; i += Arch::kWidth) {
      F32 value = term(Arch::load(span.lhs + i), span.lhs_zero_point, span.lhs_scale);
      if (span.rhs != nullptr)
        value = value + term(Arch::load(span.rhs + i), span.rhs_zero_point, span.rhs_scale);
      finish.template store<true>(value / step, nullptr, span.dst, i, Arch::kWidth);
    }
    if (const std::int64_t left = span.count - i; left > 0) {
      F32 value = term(Lanes<Arch>::load_part(span.lhs + i, left), span.lhs_zero_point, span.lhs_scale);
      if (span.rhs != nullptr) {
        value = value + term(Lanes<Arch>::load_part(span.rhs + i, left), span.rhs_zero_point, span.rhs_scale);
      }
      finish.template store<false>(value / step, nullptr, span.dst, i, left);
    }
  }

 private:
  static GODWIT_INLINE F32 term(F32 number, float zero_point, float scale) {
    return (number - Arch::broadcast(zero_point)) * Arch::broadcast(scale);
  }
};

}  // namespace godwit::ops::kernels
