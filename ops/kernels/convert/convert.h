// Conversions between element types over flat spans.
#pragma once

#include <cassert>

#include "ops/kernels/convert/arguments.h"
#include "ops/kernels/finish.h"
#include "ops/kernels/lanes.h"

namespace godwit::ops::kernels {

template <class Arch, class From, class To>
struct Convert {
  static void run(const ConvertSpan& span) {
    assert(span.src != nullptr && span.dst != nullptr && span.count >= 0);
    map_span<Arch, From, To>(span.src, span.dst, span.count, [](typename Arch::F32 x) { return x; });
  }
};

template <class Arch, class Q>
struct Quantize {
  using F32 = typename Arch::F32;

  static void run(const QuantizeSpan& span) {
    assert(span.src != nullptr && span.dst != nullptr && span.count >= 0);
    const F32 scale = Arch::broadcast(span.scale), zero = Arch::broadcast(span.zero_point);
    const F32 lowest = Arch::broadcast(span.lowest), highest = Arch::broadcast(span.highest);
    const auto apply = [&](F32 x) { return round_inside<Arch>(x / scale, lowest, highest) + zero; };
    Q* dst = static_cast<Q*>(span.dst);
    std::int64_t i = 0;
    for (; i + Arch::kWidth <= span.count; i += Arch::kWidth) {
      Arch::store(dst + i, apply(Arch::load(span.src + i)));
    }
    if (i == span.count) return;
    const PartVector<Arch> part{span.count - i};
    part.store(dst + i, apply(part.load(span.src + i)));
  }
};

template <class Arch, class Q>
struct Dequantize {
  using F32 = typename Arch::F32;

  static void run(const DequantizeSpan& span) {
    assert(span.src != nullptr && span.dst != nullptr && span.count >= 0);
    const F32 scale = Arch::broadcast(span.scale), zero = Arch::broadcast(span.zero_point);
    const Q* src = static_cast<const Q*>(span.src);
    std::int64_t i = 0;
    for (; i + Arch::kWidth <= span.count; i += Arch::kWidth) {
      Arch::store(span.dst + i, (Arch::load(src + i) - zero) * scale);
    }
    if (i == span.count) return;
    const PartVector<Arch> part{span.count - i};
    part.store(span.dst + i, (part.load(src + i) - zero) * scale);
  }
};

// Left to the compiler, which makes vectors of it.
template <class Arch>
struct WidenBytes {
  static void run(const ConvertSpan& span) {
    assert(span.src != nullptr && span.dst != nullptr && span.count >= 0);
    const auto* __restrict src = static_cast<const std::uint8_t*>(span.src);
    auto* __restrict dst = static_cast<std::int16_t*>(span.dst);
    const std::int64_t count = span.count;
    for (std::int64_t i = 0; i < count; ++i) dst[i] = src[i];
  }
};

}  // namespace godwit::ops::kernels
