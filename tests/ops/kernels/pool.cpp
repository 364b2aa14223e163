// Kernels of poolings.
#include "tests/ops/kernels/check.h"
#include "tests/ops/kernels/elements.h"

namespace godwit::support {
namespace {

// Pixels of `channels` elements each, in an order of their own, as kernels read them.
struct Taps {
  Taps(DType dtype, std::int64_t taps, std::int64_t channels, double low, double high)
      : elements(Elements::random(dtype, taps * channels, 5, low, high)), stride(channels) {
    for (std::int64_t t = 0; t < taps; ++t) order.push_back((t * 7 + 3) % taps);
    for (const std::int64_t t : order) pointers.push_back(elements.address(t * channels));
  }
  std::int64_t index(std::int64_t t, std::int64_t c) const {
    return order[static_cast<std::size_t>(t)] * stride + c;
  }
  double at(std::int64_t t, std::int64_t c) { return elements.at(index(t, c)); }

  Elements elements;
  std::int64_t stride;
  std::vector<std::int64_t> order;
  std::vector<const void*> pointers;
};

}  // namespace

void check(const ops::Kernel<ops::PoolKernel>& kernel) {
  const DType dtype = kernel.info->dtype;
  const bool sums = kernel.info->family == ops::KernelFamily::sum_pool;
  for (const std::int64_t channels : counts_around(kernel.info->nr)) {
    for (const std::int64_t taps : {1, 2, 9}) {
      Taps src(dtype, taps, channels, -2, 2);
      src.elements.set(src.index(taps - 1, channels - 1), kNan);
      src.elements.set(src.index(0, channels / 2), kInf);
      Elements dst(dtype, channels);
      kernel(
          {.src = src.pointers.data(), .dst = dst.data(), .taps = taps, .channels = channels, .scale = 0.3F});
      for (std::int64_t c = 0; c < channels; ++c) {
        double sum = 0, magnitude = 0, largest = -kInf;
        for (std::int64_t t = 0; t < taps; ++t) {
          const double value = src.at(t, c);
          sum += value;
          magnitude += std::abs(value);
          largest = std::isnan(value) || std::isnan(largest) ? kNan : std::max(largest, value);
        }
        expect_near(dst.at(c), sums ? sum * 0.3F : largest, sums ? gamma(taps) * magnitude : 0,
                    sums ? dtype : DType::f32, c);
      }
      dst.expect_guards();
    }
  }
}

void check(const ops::Kernel<ops::ColumnSumKernel>& kernel) {
  const DType dtype = kernel.info->dtype;
  for (const std::int64_t channels : counts_around(kernel.info->nr)) {
    const std::int64_t rows = 7, stride = channels + 3;
    Elements src = Elements::random(dtype, rows * stride, 1), dst(dtype, channels);
    kernel({.src = src.data(),
            .dst = dst.data(),
            .rows = rows,
            .stride = stride,
            .channels = channels,
            .scale = 0.3F});
    for (std::int64_t c = 0; c < channels; ++c) {
      double sum = 0, magnitude = 0;
      for (std::int64_t r = 0; r < rows; ++r) {
        sum += src.at(r * stride + c);
        magnitude += std::abs(src.at(r * stride + c));
      }
      expect_near(dst.at(c), sum * 0.3F, gamma(rows + 1) * magnitude, dtype, c);
    }
    dst.expect_guards();
  }
}

void check(const ops::Kernel<ops::BytePoolKernel>& kernel) {
  const bool is_signed = kernel.info->dtype == DType::s8;
  for (const std::int64_t channels : counts_around(4 * kernel.info->nr)) {
    for (const std::int64_t taps : {1, 2, 9}) {
      Taps src(kernel.info->dtype, taps, channels, is_signed ? -128 : 0, is_signed ? 127 : 255);
      Elements dst(kernel.info->dtype, channels);
      kernel({.src = src.pointers.data(), .dst = dst.data(), .taps = taps, .channels = channels});
      for (std::int64_t c = 0; c < channels; ++c) {
        double largest = -kInf;
        for (std::int64_t t = 0; t < taps; ++t) largest = std::max(largest, src.at(t, c));
        EXPECT_EQ(dst.at(c), largest) << c << " of " << channels;
      }
      dst.expect_guards();
    }
  }
}

void check(const ops::Kernel<ops::BytePoolSumKernel>& kernel) {
  const std::int64_t channels = 5 * kernel.info->nr + 3, first = kernel.info->nr;
  for (const ops::QuantizedFinish& finish : finishes()) {
    for (const std::int64_t last : {first + kernel.info->nr, channels}) {
      for (const std::int64_t taps : {0, 1, 9}) {
        Taps src(DType::u8, std::max<std::int64_t>(taps, 1), channels, 0, 255);
        Elements dst(stored_by(finish), channels);
        kernel({.src = src.pointers.data(),
                .dst = dst.data(),
                .taps = taps,
                .first = first,
                .last = last,
                .zero = static_cast<float>(taps) * 7,
                .factor = 0.11F,
                .finish = &finish});
        for (std::int64_t c = 0; c < channels; ++c) {
          float sum = 0;
          for (std::int64_t t = 0; t < taps; ++t) sum += static_cast<float>(src.at(t, c));
          const float value = (sum - static_cast<float>(taps) * 7) * 0.11F;
          EXPECT_EQ(dst.at(c), c >= first && c < last ? finish_value(finish, value) : 0.0F) << c;
        }
        dst.expect_guards();
      }
    }
  }
}

}  // namespace godwit::support
