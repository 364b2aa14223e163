// Packing what is not zero in a vector of eight floats, for every ISA that has AVX2's instructions. As in
// avx2.h, each file that includes it has its own.
#pragma once

#include <array>
#include <cstdint>
#include <immintrin.h>

#include "ops/kernels/simd.h"

namespace godwit::ops {
namespace {

// By the mask of the lanes to keep: which lane goes to each place.
struct KeptLanes {
  std::array<std::array<std::uint8_t, 8>, 256> by_mask{};
  constexpr KeptLanes() {
    for (unsigned mask = 0; mask < 256; ++mask) {
      int count = 0;
      for (std::uint8_t lane = 0; lane < 8; ++lane) {
        if ((mask >> lane & 1) != 0) by_mask[mask][static_cast<unsigned>(count++)] = lane;
      }
    }
  }
};

// The lanes of `mask`; see compress_nonzeros() in simd.h.
template <class Step>
GODWIT_INLINE Step* compress_lanes(Step* to, __m256 v, unsigned mask, std::uint32_t offset,
                                   std::uint32_t stride) {
  static_assert(sizeof(Step) == 8);
  static constexpr KeptLanes kKept;
  const __m256i lanes =
      _mm256_cvtepu8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(kKept.by_mask[mask].data())));
  const __m256 values = _mm256_permutevar8x32_ps(v, lanes);
  const __m256i offsets =
      _mm256_add_epi32(_mm256_set1_epi32(static_cast<int>(offset)),
                       _mm256_mullo_epi32(lanes, _mm256_set1_epi32(static_cast<int>(stride))));
  // Steps 0, 1, 4, 5 and 2, 3, 6, 7.
  const __m256 low = _mm256_unpacklo_ps(values, _mm256_castsi256_ps(offsets));
  const __m256 high = _mm256_unpackhi_ps(values, _mm256_castsi256_ps(offsets));
  auto* out = reinterpret_cast<float*>(to);
  _mm256_storeu_ps(out, _mm256_permute2f128_ps(low, high, 0x20));
  _mm256_storeu_ps(out + 8, _mm256_permute2f128_ps(low, high, 0x31));
  return to + __builtin_popcount(mask);
}

template <class Step>
GODWIT_INLINE Step* compress_nonzeros_of_eight(Step* to, __m256 v, std::uint32_t offset,
                                               std::uint32_t stride) {
  const int mask = _mm256_movemask_ps(_mm256_cmp_ps(v, _mm256_setzero_ps(), _CMP_NEQ_UQ));
  return compress_lanes(to, v, static_cast<unsigned>(mask), offset, stride);
}

template <class Step>
GODWIT_INLINE Step* compress_nonzeros_of_eight(Step* to, __m256i v, std::uint32_t offset,
                                               std::uint32_t stride) {
  const __m256i zero = _mm256_cmpeq_epi32(v, _mm256_setzero_si256());
  const auto mask = static_cast<unsigned>(_mm256_movemask_ps(_mm256_castsi256_ps(zero)));
  return compress_lanes(to, _mm256_castsi256_ps(v), mask ^ 0xff, offset, stride);
}

}  // namespace
}  // namespace godwit::ops
