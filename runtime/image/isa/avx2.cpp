// Loops for AVX2. Intrinsics, because xsimd has neither products summed in pairs nor a shuffle of bytes.
#include <immintrin.h>

#include "runtime/image/row_kernels.h"

#define GODWIT_INLINE __attribute__((always_inline)) inline

namespace godwit::image {
namespace {

GODWIT_INLINE __m256i load(const void* p) { return _mm256_loadu_si256(static_cast<const __m256i*>(p)); }

// Sums of the low and of the high parts' products, put together and brought back to whole numbers.
GODWIT_INLINE __m256i join(__m256i low, __m256i high) {
  return _mm256_add_epi32(low, _mm256_slli_epi32(high, kLowBits));
}
GODWIT_INLINE __m256i round_sum(__m256i sum) {
  return _mm256_srai_epi32(_mm256_add_epi32(sum, _mm256_set1_epi32(kHalf)), kFractionBits);
}

// The sums of one pixel: R G B X over the taps 0, 1 of every group in the lower half, over 2, 3 in the upper.
template <int kGroups>
GODWIT_INLINE __m256i sum_taps(const std::uint8_t* src, const std::int16_t* parts, int groups) {
  // Bytes of two neighbouring pixels become pairs of 16 bits, colour by colour.
  const __m256i pairs = _mm256_setr_epi8(0, -1, 4, -1, 1, -1, 5, -1, 2, -1, 6, -1, 3, -1, 7, -1, 8, -1, 12,
                                         -1, 9, -1, 13, -1, 10, -1, 14, -1, 11, -1, 15, -1);
  __m256i low = _mm256_setzero_si256(), high = low;
  const int count = kGroups > 0 ? kGroups : groups;
  for (int g = 0; g < count; ++g) {
    const __m128i four = _mm_loadu_si128(reinterpret_cast<const __m128i*>(src + 16 * g));
    const __m256i pixels = _mm256_shuffle_epi8(_mm256_broadcastsi128_si256(four), pairs);
    low = _mm256_add_epi32(low, _mm256_madd_epi16(pixels, load(parts + 32 * g)));
    high = _mm256_add_epi32(high, _mm256_madd_epi16(pixels, load(parts + 32 * g + 16)));
  }
  return join(low, high);
}

// Lower and upper halves of two pixels' sums, added: the first pixel in the lower half, the second in the
// upper.
GODWIT_INLINE __m256i finish_two(__m256i a, __m256i b) {
  return round_sum(
      _mm256_add_epi32(_mm256_permute2x128_si256(a, b, 0x20), _mm256_permute2x128_si256(a, b, 0x31)));
}

template <int kGroups>
GODWIT_INLINE void across_groups(const AcrossArguments& a) {
  const std::ptrdiff_t stride = static_cast<std::ptrdiff_t>(a.groups) * 32;
  for (int i = 0; i < a.count; i += kAcrossUnit) {
    __m256i sums[kAcrossUnit];
#pragma GCC unroll 4
    for (int j = 0; j < kAcrossUnit; ++j) {
      sums[j] = sum_taps<kGroups>(a.src + 4 * static_cast<std::ptrdiff_t>(a.first[i + j]),
                                  a.parts + (i + j) * stride, a.groups);
    }
    const __m256i words =
        _mm256_packs_epi32(finish_two(sums[0], sums[1]), finish_two(sums[2], sums[3]));  // 0 2 | 1 3
    const __m256i bytes = _mm256_packus_epi16(words, words);
    _mm_storeu_si128(reinterpret_cast<__m128i*>(a.dst + 4 * i),
                     _mm_unpacklo_epi32(_mm256_castsi256_si128(bytes), _mm256_extracti128_si256(bytes, 1)));
  }
}

void across(const AcrossArguments& a) {
  switch (a.groups) {
    case 1:
      return across_groups<1>(a);
    case 2:
      return across_groups<2>(a);
    case 3:
      return across_groups<3>(a);
    default:
      return across_groups<0>(a);
  }
}

// The low parts of two taps' weights side by side in 32 bits, and the high parts likewise.
GODWIT_INLINE __m256i pair_of(std::int32_t first, std::int32_t second) {
  return _mm256_set1_epi32(static_cast<std::int32_t>((static_cast<std::uint32_t>(first) & 0xffffU) |
                                                     (static_cast<std::uint32_t>(second) << 16)));
}

// Eight accumulators of eight sums, four registers of pixels, two of weights.
void down(const DownArguments& a) {
  constexpr std::int32_t kLowMask = (1 << kLowBits) - 1;
  const __m256i zero = _mm256_setzero_si256();
  for (std::size_t at = 0; at < a.bytes; at += kDownUnit) {
    __m256i low[4] = {zero, zero, zero, zero}, high[4] = {zero, zero, zero, zero};
    for (int k = 0; k < a.taps; k += 2) {
      const bool both = k + 1 < a.taps;
      const std::int32_t w0 = a.weights[k], w1 = both ? a.weights[k + 1] : 0;
      const __m256i low_weights = pair_of(w0 & kLowMask, w1 & kLowMask);
      const __m256i high_weights = pair_of(w0 >> kLowBits, w1 >> kLowBits);
      const __m256i row0 = load(a.rows[k] + at), row1 = load(a.rows[both ? k + 1 : k] + at);
      const __m256i front = _mm256_unpacklo_epi8(row0, row1), back = _mm256_unpackhi_epi8(row0, row1);
      const __m256i pixels[4] = {_mm256_unpacklo_epi8(front, zero), _mm256_unpackhi_epi8(front, zero),
                                 _mm256_unpacklo_epi8(back, zero), _mm256_unpackhi_epi8(back, zero)};
#pragma GCC unroll 4
      for (int j = 0; j < 4; ++j) {
        low[j] = _mm256_add_epi32(low[j], _mm256_madd_epi16(pixels[j], low_weights));
        high[j] = _mm256_add_epi32(high[j], _mm256_madd_epi16(pixels[j], high_weights));
      }
    }
    __m256i sums[4];
#pragma GCC unroll 4
    for (int j = 0; j < 4; ++j) sums[j] = round_sum(join(low[j], high[j]));
    const __m256i bytes =
        _mm256_packus_epi16(_mm256_packs_epi32(sums[0], sums[1]), _mm256_packs_epi32(sums[2], sums[3]));
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(a.dst + at), bytes);
  }
}

}  // namespace

RowKernels row_kernels_avx2() { return {Isa::avx2, across, down}; }

}  // namespace godwit::image
