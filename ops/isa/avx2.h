// The vector type of AVX2 with FMA and F16C. As in avx512.h, each file that includes it has a type of its
// own.
#pragma once

#include <immintrin.h>

#include "ops/isa/nonzeros.h"
#include "ops/kernels/simd_xsimd.h"

namespace godwit::ops {
namespace {

struct Avx2 : simd::Xsimd<xsimd::avx2> {
  static constexpr int kTileRows = 6;
  static constexpr int kTileSteps = 2;
  using Base = simd::Xsimd<xsimd::avx2>;
  using Base::load;
  using Base::store;
  static GODWIT_INLINE F32 load(const std::uint8_t* p) {
    return _mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(p))));
  }
  static GODWIT_INLINE F32 load(const std::int8_t* p) {
    return _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(p))));
  }
  static GODWIT_INLINE void store(std::uint8_t* p, F32 v) {
    const __m128i words = narrow(v);
    _mm_storel_epi64(reinterpret_cast<__m128i*>(p), _mm_packus_epi16(words, words));
  }
  static GODWIT_INLINE void store(std::int8_t* p, F32 v) {
    const __m128i words = narrow(v);
    _mm_storel_epi64(reinterpret_cast<__m128i*>(p), _mm_packs_epi16(words, words));
  }
  static GODWIT_INLINE F32 load(const Float16Bits* p) {
    return _mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)));
  }
  static GODWIT_INLINE void store(Float16Bits* p, F32 v) {
    _mm_storeu_si128(reinterpret_cast<__m128i*>(p), _mm256_cvtps_ph(v, _MM_FROUND_TO_NEAREST_INT));
  }
  static GODWIT_INLINE F32 load(const BFloat16Bits* p) {
    const __m256i words = _mm256_cvtepu16_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)));
    return _mm256_castsi256_ps(_mm256_slli_epi32(words, 16));
  }
  static GODWIT_INLINE void store(BFloat16Bits* p, F32 v) {
    const __m256i bits = _mm256_castps_si256(v);
    const __m256i last = _mm256_and_si256(_mm256_srli_epi32(bits, 16), _mm256_set1_epi32(1));
    const __m256i rounded = _mm256_add_epi32(bits, _mm256_add_epi32(last, _mm256_set1_epi32(0x7fff)));
    const __m256i quiet = _mm256_or_si256(bits, _mm256_set1_epi32(0x400000));
    const __m256i is_nan = _mm256_castps_si256(_mm256_cmp_ps(v, v, _CMP_UNORD_Q));
    const __m256i high = _mm256_srli_epi32(_mm256_blendv_epi8(rounded, quiet, is_nan), 16);
    _mm_storeu_si128(reinterpret_cast<__m128i*>(p),
                     _mm_packus_epi32(_mm256_castsi256_si128(high), _mm256_extracti128_si256(high, 1)));
  }
  static GODWIT_INLINE F32 load_first(const float* p, std::int64_t count, F32 rest) {
    const __m256i mask = _mm256_cmpgt_epi32(_mm256_set1_epi32(static_cast<int>(count < 0        ? 0
                                                                               : count < kWidth ? count
                                                                                                : kWidth)),
                                            _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
    return _mm256_blendv_ps(rest, _mm256_maskload_ps(p, mask), _mm256_castsi256_ps(mask));
  }
  // Stores by halves: by mask they take 40 operations on Zen 3.
  static GODWIT_INLINE void store_first(float* p, F32 v, std::int64_t count) {
    if (count >= kWidth) return store(p, v);
    if (count <= 0) return;
    __m128 left = _mm256_castps256_ps128(v);
    if ((count & 4) != 0) {
      _mm_storeu_ps(p, left);
      left = _mm256_extractf128_ps(v, 1);
      p += 4;
    }
    if ((count & 2) != 0) {
      _mm_storel_pi(reinterpret_cast<__m64*>(p), left);
      left = _mm_movehl_ps(left, left);
      p += 2;
    }
    if ((count & 1) != 0) _mm_store_ss(p, left);
  }
  static GODWIT_INLINE F32 permute(F32 v, S32 index) { return _mm256_permutevar8x32_ps(v, index); }
  // xsimd has the next four too, but GCC 12 then unswitches the loops around them in another way.
  static GODWIT_INLINE F32 to_float(S32 v) { return _mm256_cvtepi32_ps(v); }
  static GODWIT_INLINE S32 to_i32(F32 v) { return _mm256_cvtps_epi32(v); }
  static GODWIT_INLINE S32 round_i32(F32 v) { return _mm256_cvtps_epi32(v); }
  static GODWIT_INLINE S32 add_i32(S32 a, S32 b) { return _mm256_add_epi32(a, b); }
  static constexpr bool kStoresClamp = true;
  template <int Vectors>
  static GODWIT_INLINE void store_bytes(std::uint8_t* p, const S32 (&v)[Vectors]) {
    static_assert(Vectors == 1 || Vectors == 2);
    // Both packings work on halves of 128 bits: bytes 0 to 3 and 4 to 7 of each vector.
    const __m256i words = _mm256_packs_epi32(v[0], v[Vectors - 1]);
    const __m256i bytes = _mm256_packus_epi16(words, words);
    const __m128i all = _mm_unpacklo_epi32(_mm256_castsi256_si128(bytes), _mm256_extracti128_si256(bytes, 1));
    if constexpr (Vectors == 2) {
      _mm_storeu_si128(reinterpret_cast<__m128i*>(p), all);
    } else {
      _mm_storel_epi64(reinterpret_cast<__m128i*>(p), all);
    }
  }
  static constexpr int kDotDepth = 2;
  static GODWIT_INLINE S32 dot(S32 sum, S32 a, S32 b) {
    return _mm256_add_epi32(sum, _mm256_madd_epi16(a, b));
  }
  // By hand, since GCC 12 would keep b in registers, or add up two steps first, and then sums in memory.
  static GODWIT_INLINE S32 dot_maddubs(S32 sum, S32 a, const void* b) {
    S32 pairs;
    __asm__("vpmaddubsw %3, %2, %1\n\tvpmaddwd %4, %1, %1\n\tvpaddd %1, %0, %0"
            : "+x"(sum), "=&x"(pairs)
            : "x"(a), "m"(*static_cast<const __m256i_u*>(b)), "x"(_mm256_set1_epi16(1)));
    return sum;
  }
  static GODWIT_INLINE S32 maddubs(S32 a, const void* b) {
    S32 pairs;
    __asm__("vpmaddubsw %2, %1, %0" : "=x"(pairs) : "x"(a), "m"(*static_cast<const __m256i_u*>(b)));
    return pairs;
  }
  static GODWIT_INLINE S32 add_maddubs(S32 pairs, S32 a, const void* b) {
    S32 more;
    __asm__("vpmaddubsw %3, %2, %1\n\tvpaddw %1, %0, %0"
            : "+x"(pairs), "=&x"(more)
            : "x"(a), "m"(*static_cast<const __m256i_u*>(b)));
    return pairs;
  }
  static GODWIT_INLINE S32 sum_pairs(S32 pairs) { return _mm256_madd_epi16(pairs, _mm256_set1_epi16(1)); }
  static GODWIT_INLINE F32 fma(F32 a, F32 b, F32 c) { return _mm256_fmadd_ps(a, b, c); }
  static GODWIT_INLINE float fma_scalar(float a, float b, float c) { return __builtin_fmaf(a, b, c); }
  template <class Step>
  static GODWIT_INLINE Step* compress_nonzeros(Step* to, F32 v, std::uint32_t offset, std::uint32_t stride) {
    return compress_nonzeros_of_eight(to, __m256(v), offset, stride);
  }
  template <class Step>
  static GODWIT_INLINE Step* compress_nonzeros(Step* to, S32 v, std::uint32_t offset, std::uint32_t stride) {
    return compress_nonzeros_of_eight(to, v, offset, stride);
  }

 private:
  // Whole floats as eight signed 16-bit numbers.
  static GODWIT_INLINE __m128i narrow(F32 v) {
    const __m256i whole = _mm256_cvtps_epi32(v);
    return _mm_packs_epi32(_mm256_castsi256_si128(whole), _mm256_extracti128_si256(whole, 1));
  }
};

}  // namespace
}  // namespace godwit::ops
