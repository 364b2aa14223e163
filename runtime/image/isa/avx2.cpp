// Loops for AVX2. Intrinsics, because xsimd has neither products summed in pairs nor a shuffle of bytes.
#include <algorithm>
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

// Eight pixels, the first four in lower halves, the last four in upper ones: nothing crosses the halves until
// they are stored. A pair of taps is 16 bits of one source pixel beside 16 of its neighbour, colour by
// colour.
template <int kPairs>
GODWIT_INLINE void across_pairs(const AcrossArguments& a) {
  const __m256i even =
      _mm256_broadcastsi128_si256(_mm_setr_epi8(0, -1, 4, -1, 1, -1, 5, -1, 2, -1, 6, -1, 3, -1, 7, -1));
  const __m256i odd = _mm256_broadcastsi128_si256(
      _mm_setr_epi8(8, -1, 12, -1, 9, -1, 13, -1, 10, -1, 14, -1, 11, -1, 15, -1));
  const __m256i packed =
      _mm256_broadcastsi128_si256(_mm_setr_epi8(0, 1, 2, 4, 5, 6, 8, 9, 10, 12, 13, 14, -1, -1, -1, -1));
  const int pairs = kPairs > 0 ? kPairs : a.pairs;
  const std::int16_t* parts = a.parts;
  for (int i = 0; i < a.count; i += kAcrossUnit) {
    __m256i sums[4];
#pragma GCC unroll 4
    for (int j = 0; j < 4; ++j) {
      const std::uint8_t* lower = a.src + 4 * static_cast<std::ptrdiff_t>(a.first[i + j]);
      const std::uint8_t* upper = a.src + 4 * static_cast<std::ptrdiff_t>(a.first[i + j + 4]);
      __m256i low = _mm256_setzero_si256(), high = low;
#pragma GCC unroll 4
      for (int pair = 0; pair < pairs; ++pair, parts += 32) {
        const std::ptrdiff_t at = pair / 2 * 16;
        const __m256i four = _mm256_inserti128_si256(
            _mm256_castsi128_si256(_mm_loadu_si128(reinterpret_cast<const __m128i*>(lower + at))),
            _mm_loadu_si128(reinterpret_cast<const __m128i*>(upper + at)), 1);
        const __m256i two = _mm256_shuffle_epi8(four, pair % 2 == 0 ? even : odd);
        low = _mm256_add_epi32(low, _mm256_madd_epi16(two, load(parts)));
        high = _mm256_add_epi32(high, _mm256_madd_epi16(two, load(parts + 16)));
      }
      sums[j] = round_sum(join(low, high));
    }
    const __m256i bytes =
        _mm256_packus_epi16(_mm256_packs_epi32(sums[0], sums[1]), _mm256_packs_epi32(sums[2], sums[3]));
    const __m256i colours = _mm256_shuffle_epi8(bytes, packed);
    std::uint8_t* dst = a.dst + 3 * static_cast<std::ptrdiff_t>(i);
    _mm_storeu_si128(reinterpret_cast<__m128i*>(dst), _mm256_castsi256_si128(colours));
    _mm_storeu_si128(reinterpret_cast<__m128i*>(dst + 12), _mm256_extracti128_si256(colours, 1));
  }
}

void across(const AcrossArguments& a) {
  switch (a.pairs) {
    case 1:
      return across_pairs<1>(a);
    case 2:
      return across_pairs<2>(a);
    case 3:
      return across_pairs<3>(a);
    case 4:
      return across_pairs<4>(a);
    default:
      return across_pairs<0>(a);
  }
}

// The low parts of two taps' weights side by side in 32 bits, and the high parts likewise.
GODWIT_INLINE __m256i pair_of(std::int32_t first, std::int32_t second) {
  return _mm256_set1_epi32(static_cast<std::int32_t>((static_cast<std::uint32_t>(first) & 0xffffU) |
                                                     (static_cast<std::uint32_t>(second) << 16)));
}

// Two rows, and what of each goes into a sum.
struct RowPair {
  const std::uint8_t *row0, *row1;
  __m256i low, high;
};

GODWIT_INLINE RowPair row_pair(const DownArguments& a, int pair) {
  constexpr std::int32_t kLowMask = (1 << kLowBits) - 1;
  const int k = kTapPair * pair;
  const bool both = k + 1 < a.taps;
  const std::int32_t w0 = a.weights[k], w1 = both ? a.weights[k + 1] : 0;
  return {a.rows[k], a.rows[both ? k + 1 : k], pair_of(w0 & kLowMask, w1 & kLowMask),
          pair_of(w0 >> kLowBits, w1 >> kLowBits)};
}

// Eight accumulators of eight sums, four registers of pixels. With few rows their weights are made once.
template <int kPairs>
GODWIT_INLINE void down_pairs(const DownArguments& a) {
  const __m256i zero = _mm256_setzero_si256();
  RowPair kept[std::max(kPairs, 1)];
  for (int pair = 0; pair < kPairs; ++pair) kept[pair] = row_pair(a, pair);
  const int pairs = kPairs > 0 ? kPairs : (a.taps + 1) / kTapPair;
  for (std::size_t at = 0; at < a.bytes; at += kDownUnit) {
    __m256i low[4] = {zero, zero, zero, zero}, high[4] = {zero, zero, zero, zero};
#pragma GCC unroll 4
    for (int pair = 0; pair < pairs; ++pair) {
      const RowPair rows = kPairs > 0 ? kept[pair] : row_pair(a, pair);
      const __m256i row0 = load(rows.row0 + at), row1 = load(rows.row1 + at);
      const __m256i front = _mm256_unpacklo_epi8(row0, row1), back = _mm256_unpackhi_epi8(row0, row1);
      const __m256i pixels[4] = {_mm256_unpacklo_epi8(front, zero), _mm256_unpackhi_epi8(front, zero),
                                 _mm256_unpacklo_epi8(back, zero), _mm256_unpackhi_epi8(back, zero)};
#pragma GCC unroll 4
      for (int j = 0; j < 4; ++j) {
        low[j] = _mm256_add_epi32(low[j], _mm256_madd_epi16(pixels[j], rows.low));
        high[j] = _mm256_add_epi32(high[j], _mm256_madd_epi16(pixels[j], rows.high));
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

void down(const DownArguments& a) {
  switch ((a.taps + 1) / kTapPair) {
    case 1:
      return down_pairs<1>(a);
    case 2:
      return down_pairs<2>(a);
    case 3:
      return down_pairs<3>(a);
    default:
      return down_pairs<0>(a);
  }
}

// Without a division: the quotient from the reciprocal is put right by what it leaves of the dividend.
void normalize(const NormalizeFactors& factors, const std::uint8_t* src, std::size_t units, float* dst) {
  const __m256 scale = _mm256_set1_ps(factors.scale), rest = _mm256_set1_ps(factors.scale_rest);
  for (std::size_t i = 0; i < units; ++i, src += 3 * kNormalizeUnit, dst += 3 * kNormalizeUnit) {
#pragma GCC unroll 3
    for (int j = 0; j < 3; ++j) {
      const int at = 8 * j;
      const __m128i bytes = _mm_loadl_epi64(reinterpret_cast<const __m128i*>(src + at));
      const __m256 values = _mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(bytes));
      const __m256 deviation = _mm256_loadu_ps(factors.deviation + at);
      const __m256 reciprocal = _mm256_loadu_ps(factors.reciprocal + at);
      const __m256 scaled = _mm256_fmadd_ps(values, scale, _mm256_mul_ps(values, rest));
      const __m256 centred = _mm256_sub_ps(scaled, _mm256_loadu_ps(factors.mean + at));
      const __m256 quotient = _mm256_mul_ps(centred, reciprocal);
      const __m256 left = _mm256_fnmadd_ps(quotient, deviation, centred);
      _mm256_storeu_ps(dst + at, _mm256_fmadd_ps(left, reciprocal, quotient));
    }
  }
}

}  // namespace

extern const RowKernels row_kernels_avx2;
constinit const RowKernels row_kernels_avx2{across, down, normalize};

}  // namespace godwit::image
