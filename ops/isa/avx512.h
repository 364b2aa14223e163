// The vector type of AVX-512 F, BW, DQ and VL. Each file that includes it has a type of its own: nothing is
// shared between objects that are built with different flags.
#pragma once

#include <immintrin.h>

#include "ops/isa/nonzeros.h"
#include "ops/kernels/simd_xsimd.h"

namespace godwit::ops {
namespace {

struct Avx512 : simd::Xsimd<xsimd::avx512bw> {
  static constexpr int kTileRows = 14;
  static constexpr int kTileSteps = 1;  // with two GCC keeps sums in memory
  using Base = simd::Xsimd<xsimd::avx512bw>;
  using Base::load;
  using Base::store;
  static GODWIT_INLINE F32 load(const std::uint8_t* p) {
    return _mm512_cvtepi32_ps(_mm512_cvtepu8_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p))));
  }
  static GODWIT_INLINE F32 load(const std::int8_t* p) {
    return _mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p))));
  }
  static GODWIT_INLINE void store(std::uint8_t* p, F32 v) {
    _mm_storeu_si128(reinterpret_cast<__m128i*>(p), _mm512_cvtepi32_epi8(_mm512_cvtps_epi32(v)));
  }
  static GODWIT_INLINE void store(std::int8_t* p, F32 v) {
    _mm_storeu_si128(reinterpret_cast<__m128i*>(p), _mm512_cvtepi32_epi8(_mm512_cvtps_epi32(v)));
  }
  static GODWIT_INLINE F32 load(const Float16Bits* p) {
    return _mm512_cvtph_ps(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)));
  }
  static GODWIT_INLINE void store(Float16Bits* p, F32 v) {
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), _mm512_cvtps_ph(v, _MM_FROUND_TO_NEAREST_INT));
  }
  static GODWIT_INLINE F32 load(const BFloat16Bits* p) {
    const __m512i words = _mm512_cvtepu16_epi32(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)));
    return _mm512_castsi512_ps(_mm512_slli_epi32(words, 16));
  }
  static GODWIT_INLINE void store(BFloat16Bits* p, F32 v) {
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), to_bfloat16(v));
  }

  static GODWIT_INLINE F32 load_first(const float* p, std::int64_t count, F32 rest) {
    return _mm512_mask_loadu_ps(rest, first(count), p);
  }
  static GODWIT_INLINE F32 load_first(const std::uint8_t* p, std::int64_t count, F32 rest) {
    const __m512i words = _mm512_cvtepu8_epi32(_mm_maskz_loadu_epi8(first(count), p));
    return _mm512_mask_cvtepi32_ps(rest, first(count), words);
  }
  static GODWIT_INLINE F32 load_first(const std::int8_t* p, std::int64_t count, F32 rest) {
    const __m512i words = _mm512_cvtepi8_epi32(_mm_maskz_loadu_epi8(first(count), p));
    return _mm512_mask_cvtepi32_ps(rest, first(count), words);
  }
  static GODWIT_INLINE F32 load_first(const Float16Bits* p, std::int64_t count, F32 rest) {
    return _mm512_mask_cvtph_ps(rest, first(count), _mm256_maskz_loadu_epi16(first(count), p));
  }
  static GODWIT_INLINE F32 load_first(const BFloat16Bits* p, std::int64_t count, F32 rest) {
    const __m512i words = _mm512_cvtepu16_epi32(_mm256_maskz_loadu_epi16(first(count), p));
    const __m512i bits = _mm512_castps_si512(rest);
    return _mm512_castsi512_ps(_mm512_mask_slli_epi32(bits, first(count), words, 16));
  }
  static GODWIT_INLINE void store_first(float* p, F32 v, std::int64_t count) {
    _mm512_mask_storeu_ps(p, first(count), v);
  }
  static GODWIT_INLINE void store_first(std::uint8_t* p, F32 v, std::int64_t count) {
    _mm_mask_storeu_epi8(p, first(count), _mm512_cvtepi32_epi8(_mm512_cvtps_epi32(v)));
  }
  static GODWIT_INLINE void store_first(std::int8_t* p, F32 v, std::int64_t count) {
    _mm_mask_storeu_epi8(p, first(count), _mm512_cvtepi32_epi8(_mm512_cvtps_epi32(v)));
  }
  static GODWIT_INLINE void store_first(Float16Bits* p, F32 v, std::int64_t count) {
    _mm256_mask_storeu_epi16(p, first(count), _mm512_cvtps_ph(v, _MM_FROUND_TO_NEAREST_INT));
  }
  static GODWIT_INLINE void store_first(BFloat16Bits* p, F32 v, std::int64_t count) {
    _mm256_mask_storeu_epi16(p, first(count), to_bfloat16(v));
  }
  static GODWIT_INLINE F32 permute(F32 v, S32 index) { return _mm512_permutexvar_ps(index, v); }

  // By hand for the reason that avx2.h's are.
  static GODWIT_INLINE F32 to_float(S32 v) { return _mm512_cvtepi32_ps(v); }
  static GODWIT_INLINE S32 to_i32(F32 v) { return _mm512_cvtps_epi32(v); }
  static GODWIT_INLINE S32 round_i32(F32 v) { return _mm512_cvtps_epi32(v); }
  static GODWIT_INLINE S32 add_i32(S32 a, S32 b) { return _mm512_add_epi32(a, b); }
  static constexpr bool kStoresClamp = false;
  template <int Vectors>
  static GODWIT_INLINE void store_bytes(std::uint8_t* p, const S32 (&v)[Vectors]) {
#pragma GCC unroll 4
    for (int i = 0; i < Vectors; ++i)
      _mm_storeu_si128(reinterpret_cast<__m128i*>(p + i * kWidth), _mm512_cvtepi32_epi8(v[i]));
  }
  static constexpr int kDotDepth = 2;
  static GODWIT_INLINE S32 dot(S32 sum, S32 a, S32 b) {
    return _mm512_add_epi32(sum, _mm512_madd_epi16(a, b));
  }
  static GODWIT_INLINE S32 dot_maddubs(S32 sum, S32 a, const void* b) {
    return _mm512_add_epi32(sum, sum_pairs(maddubs(a, b)));
  }
  static GODWIT_INLINE S32 maddubs(S32 a, const void* b) { return _mm512_maddubs_epi16(a, load_i32(b)); }
  static GODWIT_INLINE S32 add_maddubs(S32 pairs, S32 a, const void* b) {
    return _mm512_add_epi16(pairs, maddubs(a, b));
  }
  static GODWIT_INLINE S32 sum_pairs(S32 pairs) { return _mm512_madd_epi16(pairs, _mm512_set1_epi16(1)); }
  static GODWIT_INLINE F32 fma(F32 a, F32 b, F32 c) { return _mm512_fmadd_ps(a, b, c); }
  static GODWIT_INLINE float fma_scalar(float a, float b, float c) { return __builtin_fmaf(a, b, c); }
  template <class Step>
  static GODWIT_INLINE Step* compress_nonzeros(Step* to, F32 v, std::uint32_t offset, std::uint32_t stride) {
    to = compress_nonzeros_of_eight(to, _mm512_castps512_ps256(v), offset, stride);
    return compress_nonzeros_of_eight(to, _mm512_extractf32x8_ps(v, 1), offset + 8 * stride, stride);
  }
  template <class Step>
  static GODWIT_INLINE Step* compress_nonzeros(Step* to, S32 v, std::uint32_t offset, std::uint32_t stride) {
    to = compress_nonzeros_of_eight(to, _mm512_castsi512_si256(v), offset, stride);
    return compress_nonzeros_of_eight(to, _mm512_extracti32x8_epi32(v, 1), offset + 8 * stride, stride);
  }

 protected:
  static GODWIT_INLINE __mmask16 first(std::int64_t count) {
    const std::int64_t lanes = count < 0 ? 0 : count < kWidth ? count : kWidth;
    return static_cast<__mmask16>((1U << lanes) - 1);
  }

 private:
  static GODWIT_INLINE __m256i to_bfloat16(F32 v) {
    const __m512i bits = _mm512_castps_si512(v);
    const __m512i last = _mm512_and_si512(_mm512_srli_epi32(bits, 16), _mm512_set1_epi32(1));
    const __m512i rounded = _mm512_add_epi32(bits, _mm512_add_epi32(last, _mm512_set1_epi32(0x7fff)));
    const __mmask16 is_nan = _mm512_cmp_ps_mask(v, v, _CMP_UNORD_Q);
    const __m512i kept = _mm512_mask_or_epi32(rounded, is_nan, bits, _mm512_set1_epi32(0x400000));
    return _mm512_cvtepi32_epi16(_mm512_srli_epi32(kept, 16));
  }
};

}  // namespace
}  // namespace godwit::ops
