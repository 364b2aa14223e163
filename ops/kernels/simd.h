// The vector types that kernels are written on: a handful of functions over xsimd's architectures, and the
// same over the compiler's own vectors for architectures that xsimd has no tag for.
#pragma once

#include <cstdint>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

// Kernels are inlined whole: a vector function called out of line could be shared with code for another CPU.
#define GODWIT_INLINE __attribute__((always_inline)) inline

namespace godwit::ops {

// 16-bit floats as kernels see them: IEEE binary16 and bfloat16. (runtime/float16.h has inline functions,
// which code for different CPUs must not share.)
enum class Float16Bits : std::uint16_t {};
enum class BFloat16Bits : std::uint16_t {};

}  // namespace godwit::ops

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
  // 16-bit floats, and back, rounded half to even; a NaN stays one.
  static GODWIT_INLINE F32 load(const BFloat16Bits* p) {
    S32 bits;
    for (int i = 0; i < kWidth; ++i)
      bits[i] = static_cast<std::int32_t>(static_cast<std::uint32_t>(p[i]) << 16);
    return reinterpret_cast<F32>(bits);
  }
  static GODWIT_INLINE void store(BFloat16Bits* p, F32 v) {
    const S32 bits = reinterpret_cast<S32>(v);
    const S32 rounded = bits + 0x7fff + ((bits >> 16) & 1);
    const S32 is_nan = v != v;
    const S32 result = (rounded & ~is_nan) | ((bits | 0x400000) & is_nan);
    for (int i = 0; i < kWidth; ++i)
      p[i] = static_cast<BFloat16Bits>(static_cast<std::uint32_t>(result[i]) >> 16);
  }
  static GODWIT_INLINE F32 load(const Float16Bits* p) {
    S32 bits;
    for (int i = 0; i < kWidth; ++i) bits[i] = static_cast<std::int32_t>(p[i]);
    // The exponent in the place of f32's, then by the difference of the biases, 112: exact, subnormals
    // included.
    const F32 magnitude = reinterpret_cast<F32>((bits & 0x7fff) << 13) * broadcast(0x1p112F);
    const S32 special = (bits & 0x7c00) == 0x7c00;
    const S32 result =
        (reinterpret_cast<S32>(magnitude) & ~special) | ((((bits & 0x7fff) << 13) | 0x7f800000) & special);
    return reinterpret_cast<F32>(result | ((bits & 0x8000) << 16));
  }
  static GODWIT_INLINE void store(Float16Bits* p, F32 v) {
    const S32 bits = reinterpret_cast<S32>(v);
    const S32 magnitude = bits & 0x7fffffff;
    const S32 normal = (magnitude + 0xfff + ((magnitude >> 13) & 1) - 0x38000000) >> 13;
    // Below the smallest normal half: adding 0.5 leaves the rounded subnormal in the low bits.
    const S32 small = reinterpret_cast<S32>(reinterpret_cast<F32>(magnitude) + broadcast(0.5F)) - 0x3f000000;
    const S32 is_small = magnitude < 0x38800000, is_large = magnitude >= 0x477ff000, is_nan = v != v;
    S32 result = (normal & ~is_small) | (small & is_small);
    result = (result & ~is_large) | (0x7c00 & is_large);
    result = ((result | (0x0200 & is_nan)) & 0x7fff) | ((bits >> 16) & 0x8000);
    for (int i = 0; i < kWidth; ++i) p[i] = static_cast<Float16Bits>(static_cast<std::uint32_t>(result[i]));
  }
  // 8-bit integers as floats, and back from floats that are whole and in range.
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
  static GODWIT_INLINE S32 load_i32(const void* p) {
    S32 v;
    __builtin_memcpy(&v, p, sizeof v);
    return v;
  }
  // The 32 bits at p in every lane.
  static GODWIT_INLINE S32 broadcast_i32(const void* p) {
    std::int32_t x;
    __builtin_memcpy(&x, p, sizeof x);
    return S32{x, x, x, x};
  }
  static GODWIT_INLINE F32 to_float(S32 v) { return __builtin_convertvector(v, F32); }
  static GODWIT_INLINE S32 zero_i32() { return S32{}; }
  static GODWIT_INLINE void store_i32(void* p, S32 v) { __builtin_memcpy(p, &v, sizeof v); }
  // Takes whole floats below 2^31.
  static GODWIT_INLINE S32 to_i32(F32 v) { return __builtin_convertvector(v, S32); }
  // Takes floats below 2^22, rounded half to even.
  static GODWIT_INLINE S32 round_i32(F32 v) { return to_i32(round(v)); }
  // Modulo 2^32.
  static GODWIT_INLINE S32 add_i32(S32 a, S32 b) {
    typedef std::uint32_t U32 __attribute__((vector_size(sizeof(S32))));
    return reinterpret_cast<S32>(reinterpret_cast<U32>(a) + reinterpret_cast<U32>(b));
  }
  // Words from 0 to 255 as bytes, those of all vectors next to each other; with kStoresClamp any words below
  // 2^31 - 255 in magnitude, held inside that range.
  static constexpr bool kStoresClamp = false;
  template <int Vectors>
  static GODWIT_INLINE void store_bytes(std::uint8_t* p, const S32 (&v)[Vectors]) {
    for (int i = 0; i < Vectors * kWidth; ++i) p[i] = static_cast<std::uint8_t>(v[i / kWidth][i % kWidth]);
  }
  // In each lane sum + a.low · b.low + a.high · b.high, of signed 16-bit halves.
  static constexpr int kDotDepth = 2;
  static GODWIT_INLINE S32 dot(S32 sum, S32 a, S32 b) {
#ifdef __SSE2__
    return add_i32(sum, reinterpret_cast<S32>(
                            _mm_madd_epi16(reinterpret_cast<__m128i>(a), reinterpret_cast<__m128i>(b))));
#else
    const S32 low = ((a << 16) >> 16) * ((b << 16) >> 16);
    return add_i32(add_i32(sum, low), (a >> 16) * (b >> 16));
#endif
  }
  static GODWIT_INLINE F32 broadcast(float x) { return F32{x, x, x, x}; }
  static GODWIT_INLINE F32 fma(F32 a, F32 b, F32 c) { return a * b + c; }
  // Behaves as x86's: the second operand when either is NaN.
  static GODWIT_INLINE F32 max(F32 a, F32 b) { return select(a > b, a, b); }
  static GODWIT_INLINE F32 min(F32 a, F32 b) { return select(a < b, a, b); }
  // The larger; NaN when either is.
  static GODWIT_INLINE F32 max_or_nan(F32 a, F32 b) { return select((a > b) | (a != a), a, b); }
  static GODWIT_INLINE float fma_scalar(float a, float b, float c) { return a * b + c; }
  // The bits of lanes that are not zero (a NaN is not), each with its place in the vector times `stride`
  // beyond `offset`, one after the other; kWidth steps are written, those behind the returned end are of no
  // meaning.
  template <class Step>
  static GODWIT_INLINE Step* compress_nonzeros(Step* to, F32 v, std::uint32_t offset, std::uint32_t stride) {
    return compress_lanes(to, reinterpret_cast<S32>(v), v != 0.0F, offset, stride);
  }
  template <class Step>
  static GODWIT_INLINE Step* compress_nonzeros(Step* to, S32 v, std::uint32_t offset, std::uint32_t stride) {
    return compress_lanes(to, v, v != 0, offset, stride);
  }
  static GODWIT_INLINE F32 select(S32 mask, F32 a, F32 b) {
    return reinterpret_cast<F32>((reinterpret_cast<S32>(a) & mask) | (reinterpret_cast<S32>(b) & ~mask));
  }
  static GODWIT_INLINE F32 permute(F32 v, S32 index) {
    F32 result;
    for (int i = 0; i < kWidth; ++i) result[i] = v[index[i]];
    return result;
  }
  static GODWIT_INLINE F32 round(F32 a) {
    // Adding and taking away 1.5·2^23 leaves the nearest integer, for the |a| < 2^22 that exp() needs.
    const F32 magic = broadcast(12582912.0F);
    return (a + magic) - magic;
  }
  // 2^n for whole n in [-126, 127]; the bits of -127 are those of 0, of 128 those of infinity.
  static GODWIT_INLINE F32 exp2_whole(F32 n) {
    S32 bits;
    for (int i = 0; i < kWidth; ++i) bits[i] = (static_cast<std::int32_t>(n[i]) + 127) << 23;
    return reinterpret_cast<F32>(bits);
  }

 private:
  template <class Step>
  static GODWIT_INLINE Step* compress_lanes(Step* to, S32 v, S32 kept, std::uint32_t offset,
                                            std::uint32_t stride) {
    for (int i = 0; i < kWidth; ++i) {
      *to = {static_cast<std::uint32_t>(v[i]), offset + static_cast<std::uint32_t>(i) * stride};
      to += kept[i] != 0 ? 1 : 0;
    }
    return to;
  }
};

}  // namespace godwit::ops::simd
