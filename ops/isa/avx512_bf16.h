// The architecture of AVX-512 BF16: sums of two products of bfloat16 in one instruction, and rounding to it.
#pragma once

#include "ops/isa/avx512.h"

namespace godwit::ops {
namespace {

struct Avx512Bf16 : Avx512 {
  using Avx512::load;
  using Avx512::store;
  using Avx512::store_first;
  // Float16Bits to even; subnormal numbers become 0, as they do in dot_pairs().
  static GODWIT_INLINE void store(BFloat16Bits* p, F32 v) {
    const __m256bh rounded = _mm512_cvtneps_pbh(v);
    __builtin_memcpy(p, &rounded, sizeof rounded);
  }
  static GODWIT_INLINE void store_first(BFloat16Bits* p, F32 v, std::int64_t count) {
    const __m256bh rounded = _mm512_cvtneps_pbh(v);
    __m256i words;
    __builtin_memcpy(&words, &rounded, sizeof words);
    _mm256_mask_storeu_epi16(p, first(count), words);
  }
  // In each lane sum + a.high * b.high + a.low * b.low, of bfloat16 halves: exact products, each added with
  // one rounding. By hand for the reason that avx512_vnni's dot() is.
  static GODWIT_INLINE F32 dot_pairs(F32 sum, S32 a, S32 b) {
    __m512 vector = sum;
    __asm__("vdpbf16ps %2, %1, %0" : "+v"(vector) : "v"(a), "v"(b));
    return F32(vector);
  }
};

}  // namespace
}  // namespace godwit::ops
