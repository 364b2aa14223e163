// The functions of architecture.h over an xsimd architecture; always an explicit one, never the compiler's
// default. A new ISA starts from them and replaces those that it has instructions for.
#pragma once

#include <xsimd/xsimd.hpp>

#include "ops/kernels/simd.h"

namespace godwit::ops::simd {

template <class XsimdArch>
struct Xsimd {
  using F32 = xsimd::batch<float, XsimdArch>;
  using I32 = xsimd::batch<std::int32_t, XsimdArch>;
  using S32 = typename I32::register_type;
  static constexpr int kWidth = static_cast<int>(F32::size);

  static GODWIT_INLINE F32 load(const float* p) { return F32::load_unaligned(p); }
  static GODWIT_INLINE void store(float* p, F32 v) { v.store_unaligned(p); }
  // xsimd reads narrower types element by element too.
  template <class Q>
  static GODWIT_INLINE F32 load(const Q* p) requires(sizeof(Q) == 1) {
    float lanes[kWidth];
    for (int i = 0; i < kWidth; ++i) lanes[i] = static_cast<float>(p[i]);
    return load(lanes);
  }
  template <class Q>
  static GODWIT_INLINE void store(Q* p, F32 v) requires(sizeof(Q) == 1) {
    std::int32_t lanes[kWidth];
    store_i32(lanes, to_i32(v));
    for (int i = 0; i < kWidth; ++i) p[i] = static_cast<Q>(lanes[i]);
  }
  static GODWIT_INLINE F32 load(const BFloat16Bits* p) {
    std::int32_t lanes[kWidth];
    for (int i = 0; i < kWidth; ++i) lanes[i] = static_cast<std::int32_t>(p[i]) << 16;
    return as_f32(load_i32(lanes));
  }
  static GODWIT_INLINE void store(BFloat16Bits* p, F32 v) {
    const I32 bits = as_i32(v);
    const I32 rounded = bits + I32(0x7fff) + ((bits >> 16) & I32(1));
    const F32 kept = unless_nan(v, as_f32(rounded), as_f32(bits | I32(0x400000)));
    std::int32_t lanes[kWidth];
    store_i32(lanes, as_i32(kept));
    for (int i = 0; i < kWidth; ++i)
      p[i] = static_cast<BFloat16Bits>(static_cast<std::uint32_t>(lanes[i]) >> 16);
  }
  // Portable's, in words.
  static GODWIT_INLINE F32 load(const Float16Bits* p) {
    std::int32_t lanes[kWidth];
    for (int i = 0; i < kWidth; ++i) lanes[i] = static_cast<std::int32_t>(p[i]);
    const I32 bits = load_i32(lanes);
    const I32 high = (bits & I32(0x7fff)) << 13;
    const F32 magnitude = as_f32(high) * F32(0x1p112F);
    // From 2^16 on, which no finite half reaches.
    const F32 value = xsimd::select(magnitude >= F32(0x1p16F), as_f32(high | I32(0x7f800000)), magnitude);
    return as_f32(as_i32(value) | ((bits & I32(0x8000)) << 16));
  }
  static GODWIT_INLINE void store(Float16Bits* p, F32 v) {
    const I32 bits = as_i32(v), magnitude = bits & I32(0x7fffffff);
    const F32 size = as_f32(magnitude);
    const I32 normal = (magnitude + I32(0xfff - 0x38000000) + ((magnitude >> 13) & I32(1))) >> 13;
    const I32 small = as_i32(size + F32(0.5F)) - I32(0x3f000000);
    // Integers are chosen as floats: xsimd 8.1 cannot do so for AVX-512.
    F32 chosen = xsimd::select(size < F32(0x1p-14F), as_f32(small), as_f32(normal));
    chosen = xsimd::select(size >= F32(65520.0F), as_f32(I32(0x7c00)), chosen);
    const I32 result = as_i32(unless_nan(v, chosen, as_f32(I32(0x7e00))));
    std::int32_t lanes[kWidth];
    store_i32(lanes, result | ((bits >> 16) & I32(0x8000)));
    for (int i = 0; i < kWidth; ++i) p[i] = static_cast<Float16Bits>(static_cast<std::uint32_t>(lanes[i]));
  }

  static GODWIT_INLINE F32 broadcast(float x) { return F32(x); }
  // The second operand when either is NaN, which is what lets NaN through a clamp.
  static GODWIT_INLINE F32 max(F32 a, F32 b) { return xsimd::max(a, b); }
  static GODWIT_INLINE F32 min(F32 a, F32 b) { return xsimd::min(a, b); }
  static GODWIT_INLINE F32 max_or_nan(F32 a, F32 b) { return unless_nan(a, xsimd::max(a, b), a); }
  static GODWIT_INLINE F32 round(F32 a) {
    const F32 magic(12582912.0F);
    return (a + magic) - magic;
  }
  static GODWIT_INLINE F32 exp2_whole(F32 n) { return as_f32((xsimd::to_int(n) + I32(127)) << 23); }
  // xsimd's own is for many architectures a multiplication and an addition.
  static GODWIT_INLINE F32 fma(F32 a, F32 b, F32 c) { return a * b + c; }
  static GODWIT_INLINE float fma_scalar(float a, float b, float c) { return a * b + c; }

  static GODWIT_INLINE F32 permute(F32 v, S32 index) {
    float lanes[kWidth], result[kWidth];
    std::int32_t from[kWidth];
    store(lanes, v);
    store_i32(from, index);
    for (int i = 0; i < kWidth; ++i) result[i] = lanes[from[i]];
    return load(result);
  }

  static GODWIT_INLINE S32 load_i32(const void* p) {
    return I32::load_unaligned(static_cast<const std::int32_t*>(p));
  }
  static GODWIT_INLINE void store_i32(void* p, S32 v) {
    I32(v).store_unaligned(static_cast<std::int32_t*>(p));
  }
  static GODWIT_INLINE S32 broadcast_i32(const void* p) {
    std::int32_t x;
    __builtin_memcpy(&x, p, sizeof x);
    return I32(x);
  }
  static GODWIT_INLINE S32 zero_i32() { return I32(0); }
  static GODWIT_INLINE S32 add_i32(S32 a, S32 b) { return I32(a) + I32(b); }
  static GODWIT_INLINE F32 to_float(S32 v) { return xsimd::to_float(I32(v)); }
  static GODWIT_INLINE S32 to_i32(F32 v) { return xsimd::nearbyint_as_int(v); }
  static GODWIT_INLINE S32 round_i32(F32 v) { return xsimd::nearbyint_as_int(v); }
  static constexpr bool kStoresClamp = false;
  template <int Vectors>
  static GODWIT_INLINE void store_bytes(std::uint8_t* p, const S32 (&v)[Vectors]) {
    std::int32_t lanes[Vectors * kWidth];
    for (int i = 0; i < Vectors; ++i) store_i32(lanes + i * kWidth, v[i]);
    for (int i = 0; i < Vectors * kWidth; ++i) p[i] = static_cast<std::uint8_t>(lanes[i]);
  }
  static constexpr int kDotDepth = 2;
  static GODWIT_INLINE S32 dot(S32 sum, S32 a, S32 b) {
    const I32 low = ((I32(a) << 16) >> 16) * ((I32(b) << 16) >> 16);
    return I32(sum) + low + (I32(a) >> 16) * (I32(b) >> 16);
  }
  template <class Step>
  static GODWIT_INLINE Step* compress_nonzeros(Step* to, F32 v, std::uint32_t offset, std::uint32_t stride) {
    float lanes[kWidth];
    store(lanes, v);
    for (int i = 0; i < kWidth; ++i) {
      std::uint32_t bits;
      __builtin_memcpy(&bits, &lanes[i], sizeof bits);
      *to = {bits, offset + static_cast<std::uint32_t>(i) * stride};
      to += lanes[i] != 0.0F ? 1 : 0;
    }
    return to;
  }
  template <class Step>
  static GODWIT_INLINE Step* compress_nonzeros(Step* to, S32 v, std::uint32_t offset, std::uint32_t stride) {
    std::int32_t lanes[kWidth];
    store_i32(lanes, v);
    for (int i = 0; i < kWidth; ++i) {
      *to = {static_cast<std::uint32_t>(lanes[i]), offset + static_cast<std::uint32_t>(i) * stride};
      to += lanes[i] != 0 ? 1 : 0;
    }
    return to;
  }

  // The same bits, as the other type.
  static GODWIT_INLINE F32 as_f32(I32 v) { return cast_bits<float>(v); }
  static GODWIT_INLINE I32 as_i32(F32 v) { return cast_bits<std::int32_t>(v); }

 private:
  // `a` in lanes where v is a number, b where it is NaN. In xsimd 8.1 no NaN is unequal to itself.
  static GODWIT_INLINE F32 unless_nan(F32 v, F32 a, F32 b) { return xsimd::select(v == v, a, b); }

  // Up to version 10 xsimd is told the batch that is wanted, then its element.
  template <class To, class From>
  static GODWIT_INLINE xsimd::batch<To, XsimdArch> cast_bits(xsimd::batch<From, XsimdArch> v) {
#if XSIMD_VERSION_MAJOR < 11
    return xsimd::bitwise_cast<xsimd::batch<To, XsimdArch>>(v);
#else
    return xsimd::bitwise_cast<To>(v);
#endif
  }
};

}  // namespace godwit::ops::simd
