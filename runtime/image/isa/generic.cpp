// Loops for what the architecture guarantees, plain enough for the compiler to see through.
#include "runtime/image/row_kernels.h"

namespace godwit::image {
namespace {

constexpr std::size_t kBlock = kDownUnit;

__attribute__((always_inline)) inline std::uint8_t to_byte(std::int32_t sum) {
  const std::int32_t value = sum >> kFractionBits;
  return static_cast<std::uint8_t>(value < 0 ? 0 : value > 255 ? 255 : value);
}

void across(const AcrossArguments& a) {
  const int stride = a.pairs * kTapPair;
  for (int i = 0; i < a.count; ++i) {
    const std::uint8_t* src = a.src + 4 * static_cast<std::ptrdiff_t>(a.first[i]);
    const std::int32_t* weights = a.values + static_cast<std::ptrdiff_t>(i) * stride;
    std::int32_t r = kHalf, g = kHalf, b = kHalf;
    for (int k = 0; k < stride; ++k) {
      r += src[4 * k] * weights[k];
      g += src[4 * k + 1] * weights[k];
      b += src[4 * k + 2] * weights[k];
    }
    std::uint8_t* dst = a.dst + 3 * static_cast<std::ptrdiff_t>(i);
    dst[0] = to_byte(r);
    dst[1] = to_byte(g);
    dst[2] = to_byte(b);
  }
}

void down(const DownArguments& a) {
  for (std::size_t at = 0; at < a.bytes; at += kBlock) {
    std::int32_t sums[kBlock];
    for (std::int32_t& sum : sums) sum = kHalf;
    for (int k = 0; k < a.taps; ++k) {
      const std::uint8_t* row = a.rows[k] + at;
      const std::int32_t weight = a.weights[k];
      for (std::size_t i = 0; i < kBlock; ++i) sums[i] += row[i] * weight;
    }
    for (std::size_t i = 0; i < kBlock; ++i) a.dst[at + i] = to_byte(sums[i]);
  }
}

}  // namespace

extern const RowKernels row_kernels_generic;
constinit const RowKernels row_kernels_generic{across, down, nullptr};

}  // namespace godwit::image
