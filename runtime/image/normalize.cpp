// The arithmetic of value_table(), tried on every value there is.
#include "runtime/image/normalize.h"

#include <algorithm>
#include <bit>
#include <cstdint>

#include "runtime/image/pipeline.h"

namespace godwit::image {
namespace {

constexpr std::size_t kUnit = kNormalizeUnit;
constexpr std::array<std::size_t, 3> kInOrder = {0, 1, 2};

}  // namespace

RowArithmetic::RowArithmetic(const Pipeline& pipeline, const ValueTable<float>& table,
                             const RowKernels& kernels) {
  // In another order the constants would not lie beside their pixels; one channel is looked up.
  if (kernels.normalize == nullptr || pipeline.order != ChannelOrder::rgb || pipeline.channels != 3) return;
  factors_.scale = static_cast<float>(pipeline.scale);
  factors_.scale_rest = static_cast<float>(pipeline.scale - static_cast<double>(factors_.scale));
  for (std::size_t i = 0; i < 3 * kUnit; ++i) {
    factors_.mean[i] = pipeline.mean[i % 3];
    factors_.deviation[i] = pipeline.stddev[i % 3];
    factors_.reciprocal[i] = 1.0F / pipeline.stddev[i % 3];
  }
  for (std::size_t value = 0; value < table[0].size(); ++value) {
    std::array<std::uint8_t, 3 * kUnit> pixels{};
    pixels.fill(static_cast<std::uint8_t>(value));
    std::array<float, 3 * kUnit> computed{}, expected{};
    kernels.normalize(factors_, pixels.data(), 1, computed.data());
    look_up_row<3>(pixels.data(), kUnit, table, kInOrder, 1, expected.data());
    const auto same_bits = [](float a, float b) {
      return std::bit_cast<std::uint32_t>(a) == std::bit_cast<std::uint32_t>(b);
    };
    if (!std::ranges::equal(computed, expected, same_bits)) return;
  }
  kernel_ = kernels.normalize;
}

void RowArithmetic::run(const std::uint8_t* pixels, std::size_t columns, const ValueTable<float>& table,
                        float* dst) const {
  const std::size_t units = columns / kUnit, done = units * kUnit;
  kernel_(factors_, pixels, units, dst);
  look_up_row<3>(pixels + 3 * done, columns - done, table, kInOrder, 1, dst + 3 * done);
}

}  // namespace godwit::image
