// Poolings of 8-bit integers, vectorised over channels.
#pragma once

#include <cassert>

#include "ops/kernels/finish.h"
#include "ops/kernels/pool/arguments.h"

namespace godwit::ops::kernels {

// Left to the compiler, which makes vectors of it. Q: the type of the elements.
template <class Arch, class Q>
struct MaxPoolBytes {
  static void run(const BytePoolPixel& pixel) {
    assert(pixel.src != nullptr && pixel.dst != nullptr);
    assert(pixel.taps > 0 && pixel.channels >= 0);
    Q* __restrict dst = static_cast<Q*>(pixel.dst);
    const std::int64_t channels = pixel.channels;
    __builtin_memcpy(dst, pixel.src[0], static_cast<unsigned long>(channels));
    for (std::int64_t t = 1; t < pixel.taps; ++t) {
      const Q* src = static_cast<const Q*>(pixel.src[t]);
      for (std::int64_t c = 0; c < channels; ++c) dst[c] = src[c] > dst[c] ? src[c] : dst[c];
    }
  }
};

template <class Arch>
struct SumPoolBytes {
  using F32 = typename Arch::F32;

  static void run(const BytePoolSum& given) {
    const BytePoolSum pixel = given;  // as above
    assert(pixel.src != nullptr && pixel.dst != nullptr && pixel.finish != nullptr);
    assert(pixel.taps >= 0 && pixel.first >= 0);
    const Finish<Arch> finish(*pixel.finish);
    const F32 zero = Arch::broadcast(pixel.zero), factor = Arch::broadcast(pixel.factor);
    const auto bytes = [&](std::int64_t t) { return static_cast<const std::uint8_t*>(pixel.src[t]); };
    std::int64_t c = pixel.first;
    for (; c + Arch::kWidth <= pixel.last; c += Arch::kWidth) {
      F32 sum = Arch::broadcast(0.0F);
      for (std::int64_t t = 0; t < pixel.taps; ++t) sum = sum + Arch::load(bytes(t) + c);
      finish.template store<true>((sum - zero) * factor, nullptr, pixel.dst, c, Arch::kWidth);
    }
    if (const std::int64_t left = pixel.last - c; left > 0) {
      F32 sum = Arch::broadcast(0.0F);
      for (std::int64_t t = 0; t < pixel.taps; ++t) sum = sum + Lanes<Arch>::load_part(bytes(t) + c, left);
      finish.template store<false>((sum - zero) * factor, nullptr, pixel.dst, c, left);
    }
  }
};

}  // namespace godwit::ops::kernels
