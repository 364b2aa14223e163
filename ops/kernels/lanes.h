// Reading and writing vectors, whole ones and those that a span or the channels of a pixel end in.
#pragma once

#include "ops/kernels/architecture.h"

namespace godwit::ops::kernels {

// Every kernel below runs whole vectors and pads the rest, by masks or through a copy, so that an element's
// value does not depend on where in a span it stands.
template <class Arch>
struct Lanes {
  using F32 = typename Arch::F32;
  static constexpr int kWidth = Arch::kWidth;

  template <class T>
  static GODWIT_INLINE F32 load_part(const T* src, std::int64_t count) {
    if constexpr (LoadsFirst<Arch, T>) {
      return Arch::load_first(src, count, Arch::broadcast(0.0F));
    } else {
      return load_copy(src, count, T{});
    }
  }
  // The lanes behind the part hold `filler`.
  static GODWIT_INLINE F32 load_part(const float* src, std::int64_t count, float filler) {
    if constexpr (LoadsFirst<Arch, float>) {
      return Arch::load_first(src, count, Arch::broadcast(filler));
    } else {
      return load_copy(src, count, filler);
    }
  }
  template <class T>
  static GODWIT_INLINE void store_part(T* dst, F32 value, std::int64_t count) {
    if constexpr (StoresFirst<Arch, T>) {
      Arch::store_first(dst, value, count);
    } else {
      T lanes[kWidth];
      Arch::store(lanes, value);
      for (int i = 0; i < kWidth && i < count; ++i) dst[i] = lanes[i];
    }
  }

 private:
  template <class T>
  static GODWIT_INLINE F32 load_copy(const T* src, std::int64_t count, T filler) {
    T lanes[kWidth];
    for (int i = 0; i < kWidth; ++i) lanes[i] = i < count ? src[i] : filler;
    return Arch::load(lanes);
  }
};

// The way a kernel reads and writes its vectors: whole ones, or the last channels of a pixel that fill none.
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
// Reads and writes by calls where the ISA has no masks: kernels unroll them, and copies are long.
template <class Arch>
struct PartVector {
  using F32 = typename Arch::F32;
  std::int64_t left;
  template <class T>
  GODWIT_INLINE F32 load(const T* p) const {
    if constexpr (LoadsFirst<Arch, T>) {
      return Lanes<Arch>::load_part(p, left);
    } else {
      return load_lanes(p, left);
    }
  }
  template <class T>
  GODWIT_INLINE void store(T* p, F32 value) const {
    if constexpr (StoresFirst<Arch, T>) {
      Lanes<Arch>::store_part(p, value, left);
    } else {
      store_lanes(p, value, left);
    }
  }

 private:
  template <class T>
  __attribute__((noinline)) static F32 load_lanes(const T* p, std::int64_t count) {
    return Lanes<Arch>::load_part(p, count);
  }
  template <class T>
  __attribute__((noinline)) static void store_lanes(T* p, F32 value, std::int64_t count) {
    Lanes<Arch>::store_part(p, value, count);
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

// Calls body.template operator()<count of vectors>(channel, how to read and write them) over blocks of four
// vectors, then single ones, then for the channels that fill no vector.
template <class Arch, class Body>
GODWIT_INLINE void over_channels(std::int64_t channels, const Body& body) {
  std::int64_t c = 0;
  for (; c + 4 * Arch::kWidth <= channels; c += 4 * Arch::kWidth) {
    body.template operator()<4>(c, WholeVector<Arch>{});
  }
  for (; c + Arch::kWidth <= channels; c += Arch::kWidth) body.template operator()<1>(c, WholeVector<Arch>{});
  if (c < channels) body.template operator()<1>(c, PartVector<Arch>{channels - c});
}

}  // namespace godwit::ops::kernels
