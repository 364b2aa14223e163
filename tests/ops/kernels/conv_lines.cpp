// Kernels that compute a line of a convolution: depthwise ones and those in small groups.
#include <charconv>

#include "tests/ops/kernels/check.h"
#include "tests/ops/kernels/elements.h"

namespace godwit::support {
namespace {

// The sizes that a family is made for, as its name tells: "depthwise5_stride2", "grouped16_stride1".
struct Sizes {
  std::int64_t kernel = 3, group = 1, stride = 1;
};
Sizes sizes_of(ops::KernelFamily family) {
  const std::string_view name = name_of(family);
  const auto number = [&](std::size_t at) {
    std::int64_t value = 0;
    std::from_chars(name.data() + at, name.data() + name.size(), value);
    EXPECT_GT(value, 0) << name;
    return value;
  };
  const std::int64_t stride = number(name.size() - 1);
  if (name.starts_with("grouped")) return {.group = number(7), .stride = stride};
  return {.kernel = number(9), .stride = stride};
}

// An image of `lines` lines under a kernel of which some rows may lie outside, and one line of the result.
struct Line {
  Line(const ops::KernelInfo& info, std::int64_t channel_count, std::int64_t pixel_count,
       std::int64_t padding)
      : sizes(sizes_of(info.family)),
        vector(info.nr),
        channels(channel_count),
        pixels(pixel_count),
        pad(padding),
        // Width that the last window needs without a pad behind, or two columns less.
        width(std::max<std::int64_t>((pixels - 1) * sizes.stride + sizes.kernel - 2 * pad, 1)),
        src(Elements::random(info.dtype, sizes.kernel * width * channels, 1)),
        bias(Elements::random(DType::f32, channels, 3)),
        dst(info.dtype, pixels * channels),
        weights(Elements::random(DType::f32, weight_count(), 2)) {
    src.set(src.count() / 2, kNan);
    src.set(src.count() / 3, kInf);
  }

  std::int64_t weight_count() const {
    const std::int64_t taps = sizes.kernel * sizes.kernel * sizes.group;
    return taps * (sizes.group == 1 ? channels : (channels + vector - 1) / vector * vector);
  }
  // Weight of output channel c for channel i of its group at a tap.
  double weight(std::int64_t c, std::int64_t i, std::int64_t row, std::int64_t column) {
    const std::int64_t k = sizes.kernel;
    if (sizes.group == 1) return weights.at((row * k + column) * channels + c);
    return weights.at((((c / vector * k + row) * sizes.group + i) * k + column) * vector + c % vector);
  }

  void run(const ops::Kernel<ops::ConvLineKernel>& kernel, std::int64_t first_row, std::int64_t last_row,
           std::int64_t first, std::int64_t last, bool with_bias) {
    const std::int64_t row = std::min(first_row, sizes.kernel - 1);
    kernel({.src = src.address(row * width * channels),
            .line_stride = width * channels,
            .first_row = first_row,
            .last_row = last_row,
            .weights = weights.as<float>(),
            .bias = with_bias ? bias.as<float>() : nullptr,
            .dst = dst.data(),
            .channels = channels,
            .first = first,
            .last = last,
            .width = width,
            .pad = pad,
            .pixels = pixels,
            .minimum = -1.5F,
            .maximum = kInf});
    for (std::int64_t i = 0; i < pixels * channels; ++i) {
      const std::int64_t c = i % channels;
      if (c < first || c >= last) {
        EXPECT_EQ(dst.at(i), 0) << "channel " << c << " is not in [" << first << ", " << last << ")";
        continue;
      }
      expect_sum(i, first_row, last_row, with_bias ? bias.at(c) : 0);
    }
    dst.expect_guards();
  }

  void expect_sum(std::int64_t at, std::int64_t first_row, std::int64_t last_row, double begin) {
    const std::int64_t c = at % channels, left = at / channels * sizes.stride - pad;
    double sum = begin, magnitude = std::abs(sum);
    for (std::int64_t row = first_row; row < last_row; ++row) {
      for (std::int64_t column = 0; column < sizes.kernel; ++column) {
        const std::int64_t x = left + column;
        if (x < 0 || x >= width) continue;
        for (std::int64_t i = 0; i < sizes.group; ++i) {
          const std::int64_t from = sizes.group == 1 ? c : c / sizes.group * sizes.group + i;
          const double product = src.at((row * width + x) * channels + from) * weight(c, i, row, column);
          sum += product;
          magnitude += std::abs(product);
        }
      }
    }
    const std::int64_t length = sizes.kernel * sizes.kernel * sizes.group;
    expect_near(dst.at(at), clamped(sum, -1.5, kInf), gamma(2 * length + 1) * magnitude, dst.dtype(), at);
  }

  Sizes sizes;
  std::int64_t vector, channels, pixels, pad, width;
  Elements src, bias, dst, weights;
};

}  // namespace

void check(const ops::Kernel<ops::ConvLineKernel>& kernel) {
  const Sizes sizes = sizes_of(kernel.info->family);
  for (std::int64_t channels : {1, 15, 16, 19, 37, 64, 71}) {
    channels = (channels + sizes.group - 1) / sizes.group * sizes.group;
    // Lines of one block, of several, of parts of one, and such as lie outside of the image altogether.
    for (const std::int64_t pixels : {1, 3, 7, 10, 30}) {
      for (const std::int64_t pad : {std::int64_t{0}, sizes.kernel / 2, sizes.kernel}) {
        SCOPED_TRACE(std::to_string(channels) + " channels, " + std::to_string(pixels) + " pixels, pad " +
                     std::to_string(pad));
        Line(*kernel.info, channels, pixels, pad).run(kernel, 0, sizes.kernel, 0, channels, pad != 0);
      }
    }
    Line(*kernel.info, channels, 9, 1).run(kernel, 1, sizes.kernel - 1, 0, channels, true);
    Line(*kernel.info, channels, 9, 1).run(kernel, sizes.kernel, sizes.kernel, 0, channels, true);
    if (channels <= 16) continue;
    Line(*kernel.info, channels, 9, -1).run(kernel, 0, 1, 16, channels > 48 ? 48 : channels, true);
  }
}

}  // namespace godwit::support
