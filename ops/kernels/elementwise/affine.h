// Scale and shift over flat spans.
#pragma once

#include <cassert>

#include "ops/kernels/elementwise/arguments.h"
#include "ops/kernels/lanes.h"

namespace godwit::ops::kernels {

template <class Arch>
struct Affine {
  using F32 = typename Arch::F32;

  static void run(const AffineSpan& span) {
    assert(span.src != nullptr && span.scale != nullptr && span.shift != nullptr && span.dst != nullptr);
    assert(span.count >= 0);
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

}  // namespace godwit::ops::kernels
