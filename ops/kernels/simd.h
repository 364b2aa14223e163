// The vector types that kernels are written on: a handful of functions over xsimd's architectures, and the
// same over the compiler's own vectors for architectures that xsimd has no tag for.
#pragma once

#include <cstdint>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

// Kernels are inlined whole: a vector function called out of line could be shared with code for another CPU.
#define GODWIT_INLINE __attribute__((always_inline)) inline

namespace godwit::ops::simd {

// Four floats in the compiler's vector extension: SSE2 on x86-64, NEON on AArch64, plain or vector registers
// on RISC-V.
struct Portable {
  typedef float F32 __attribute__((vector_size(16)));
  typedef std::int32_t S32 __attribute__((vector_size(16)));
  static constexpr int kWidth = 4;

  static GODWIT_INLINE F32 load(const float* p) {
    F32 v;
    __builtin_memcpy(&v, p, sizeof v);
    return v;
  }
  static GODWIT_INLINE void store(float* p, F32 v) { __builtin_memcpy(p, &v, sizeof v); }
  // 8-bit numbers as floats, and back from floats that are whole and in range.
  template <class Q>
  static GODWIT_INLINE F32 load(const Q* p) requires(sizeof(Q) == 1) {
    F32 v;
    for (int i = 0; i < kWidth; ++i) v[i] = static_cast<float>(p[i]);
    return v;
  }
  template <class Q>
  static GODWIT_INLINE void store(Q* p, F32 v) requires(sizeof(Q) == 1) {
    for (int i = 0; i < kWidth; ++i) p[i] = static_cast<Q>(static_cast<std::int32_t>(v[i]));
  }
  static GODWIT_INLINE S32 load_words(const void* p) {
    S32 v;
    __builtin_memcpy(&v, p, sizeof v);
    return v;
  }
  // The 32 bits at p in every lane.
  static GODWIT_INLINE S32 broadcast_word(const void* p) {
    std::int32_t x;
    __builtin_memcpy(&x, p, sizeof x);
    return S32{x, x, x, x};
  }
  static GODWIT_INLINE F32 to_float(S32 v) { return __builtin_convertvector(v, F32); }
  static GODWIT_INLINE S32 zero_words() { return S32{}; }
  static GODWIT_INLINE void store_words(void* p, S32 v) { __builtin_memcpy(p, &v, sizeof v); }
  // Of whole floats below 2^31.
  static GODWIT_INLINE S32 to_words(F32 v) { return __builtin_convertvector(v, S32); }
  static GODWIT_INLINE S32 add_words(S32 a, S32 b) { return a + b; }
  // In each lane sum + a.low · b.low + a.high · b.high, of signed 16-bit halves.
  static constexpr int kDotDepth = 2;
  static GODWIT_INLINE S32 dot(S32 sum, S32 a, S32 b) {
#ifdef __SSE2__
    return sum +
           reinterpret_cast<S32>(_mm_madd_epi16(reinterpret_cast<__m128i>(a), reinterpret_cast<__m128i>(b)));
#else
    const S32 low = ((a << 16) >> 16) * ((b << 16) >> 16);
    return sum + low + (a >> 16) * (b >> 16);
#endif
  }
  static GODWIT_INLINE F32 broadcast(float x) { return F32{x, x, x, x}; }
  static GODWIT_INLINE F32 fma(F32 a, F32 b, F32 c) { return a * b + c; }
  // As x86's: the second operand when either is NaN.
  static GODWIT_INLINE F32 max(F32 a, F32 b) { return select(a > b, a, b); }
  static GODWIT_INLINE F32 min(F32 a, F32 b) { return select(a < b, a, b); }
  // The larger; NaN when either is.
  static GODWIT_INLINE F32 max_or_nan(F32 a, F32 b) { return select((a > b) | (a != a), a, b); }
  static GODWIT_INLINE float fma_scalar(float a, float b, float c) { return a * b + c; }
  static GODWIT_INLINE F32 select(S32 mask, F32 a, F32 b) {
    return reinterpret_cast<F32>((reinterpret_cast<S32>(a) & mask) | (reinterpret_cast<S32>(b) & ~mask));
  }
  static GODWIT_INLINE F32 round(F32 a) {
    // Adding and taking away 1.5·2^23 leaves the nearest integer, for the |a| < 2^22 that exp() needs.
    const F32 magic = broadcast(12582912.0F);
    return (a + magic) - magic;
  }
  // 2^n for whole n in [-126, 127].
  static GODWIT_INLINE F32 exp2_whole(F32 n) {
    S32 bits;
    for (int i = 0; i < kWidth; ++i) bits[i] = (static_cast<std::int32_t>(n[i]) + 127) << 23;
    return reinterpret_cast<F32>(bits);
  }
};

}  // namespace godwit::ops::simd
