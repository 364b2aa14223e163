// Depthwise convolutions of one pixel, and of several pixels of a row of 8-bit integers.
#include "tests/ops/kernels/check.h"
#include "tests/ops/kernels/elements.h"

namespace godwit::support {
namespace {

using ops::KernelFamily;

// The square kernel and the stride that a family is made for; {0, 1} where it takes any.
struct Fixed {
  std::int64_t size = 0, stride = 1;
};
Fixed fixed_of(KernelFamily family) {
  const std::string_view name = name_of(family);
  if (name == "depthwise") return {};
  EXPECT_EQ(name.size(), std::string_view("depthwise3_stride1").size()) << name;
  return {name[9] - '0', name.back() - '0'};
}

// Pixels of src as a kernel reads them, and which of them output pixel p has under tap t.
struct Window {
  Window(const ops::KernelInfo& info, std::int64_t any_taps) : fixed(fixed_of(info.family)), pixels(info.mr) {
    taps = fixed.size > 0 ? fixed.size * fixed.size : any_taps;
    columns = (pixels - 1) * fixed.stride + fixed.size;
    read = fixed.size > 0 ? fixed.size * columns : taps;
  }
  std::int64_t at(std::int64_t p, std::int64_t t) const {
    return fixed.size > 0 ? t / fixed.size * columns + p * fixed.stride + t % fixed.size : t;
  }
  Fixed fixed;
  std::int64_t pixels, taps = 0, columns = 0, read = 0;
};

template <class T>
std::vector<const T*> pointers_to(Elements& src, std::int64_t pixels, std::int64_t channels) {
  std::vector<const T*> pointers;
  for (std::int64_t i = 0; i < pixels; ++i)
    pointers.push_back(static_cast<const T*>(src.address(i * channels)));
  return pointers;
}

// Exact arithmetic of channels [first, last); the others are as they were.
struct Floats {
  Floats(const ops::KernelInfo& info, std::int64_t any_taps, std::int64_t channel_count)
      : window(info, any_taps),
        channels(channel_count),
        src(Elements::random(info.dtype, window.read * channel_count, 1)),
        weights(Elements::random(DType::f32, window.taps * channel_count, 2)),
        bias(Elements::random(DType::f32, channel_count, 3)),
        dst(info.dtype, window.pixels * channel_count),
        pointers(pointers_to<void>(src, window.read, channel_count)) {
    src.set(0, kNan);
  }
  void expect(std::int64_t first, std::int64_t last, bool with_bias) {
    for (std::int64_t p = 0; p < window.pixels; ++p) {
      for (std::int64_t c = 0; c < channels; ++c) {
        const std::int64_t at = p * channels + c;
        if (c < first || c >= last) {
          EXPECT_EQ(dst.at(at), 0) << "channel " << c << " is not in [" << first << ", " << last << ")";
          continue;
        }
        double sum = with_bias ? bias.at(c) : 0, magnitude = std::abs(sum);
        for (std::int64_t t = 0; t < window.taps; ++t) {
          const double product = src.at(window.at(p, t) * channels + c) * weights.at(t * channels + c);
          sum += product;
          magnitude += std::abs(product);
        }
        expect_near(dst.at(at), clamped(sum, -1.5, kInf), gamma(2 * window.taps + 1) * magnitude, dst.dtype(),
                    at);
      }
    }
    dst.expect_guards();
  }

  Window window;
  std::int64_t channels;
  Elements src, weights, bias, dst;
  std::vector<const void*> pointers;
};

}  // namespace

void check(const ops::Kernel<ops::DepthwiseKernel>& kernel) {
  for (const std::int64_t channels : counts_around(kernel.info->nr)) {
    for (const std::int64_t taps : {1, 6}) {
      Floats floats(*kernel.info, taps, channels);
      kernel({.src = floats.pointers.data(),
              .weights = floats.weights.as<float>(),
              .bias = taps == 1 ? nullptr : floats.bias.as<float>(),
              .dst = floats.dst.data(),
              .taps = taps,
              .channels = channels,
              .minimum = -1.5F,
              .maximum = kInf});
      floats.expect(0, channels, taps != 1);
    }
  }
}

void check(const ops::Kernel<ops::QuantizedDepthwiseKernel>& kernel) {
  const Window window(*kernel.info, 6);
  for (const std::int64_t channels : {1, 15, 16, 19, 37, 64, 71}) {
    const std::int64_t padded = (channels + 15) / 16 * 16;
    Elements src = Elements::random(DType::u8, window.read * channels, 1, 0, 255);
    Elements weights(DType::f32, window.taps * padded), bias(DType::f32, padded), scale(DType::f32, padded);
    Random random(2);
    for (std::int64_t c = 0; c < channels; ++c) {
      for (std::int64_t t = 0; t < window.taps; ++t)
        weights.set(t * padded + c, static_cast<double>(random.integer(-128, 127)));
      bias.set(c, static_cast<double>(random.integer(-9999, 9999)));
      scale.set(c, random.uniform(1e-4, 1e-2));
    }
    const auto pointers = pointers_to<std::uint8_t>(src, window.read, channels);
    for (const ops::QuantizedFinish& finish : finishes()) {
      for (const std::int64_t first : {0, 16}) {
        if (first >= channels) continue;
        Elements dst(stored_by(finish), window.pixels * channels);
        kernel({.src = pointers.data(),
                .weights = weights.as<float>(),
                .bias = bias.as<float>(),
                .scale = scale.as<float>(),
                .dst = dst.data(),
                .finish = &finish,
                .taps = window.taps,
                .channels = channels,
                .first = first,
                .last = channels,
                .padded = padded});
        for (std::int64_t p = 0; p < window.pixels; ++p) {
          for (std::int64_t c = 0; c < channels; ++c) {
            double sum = bias.at(c);
            for (std::int64_t t = 0; t < window.taps; ++t)
              sum += src.at(window.at(p, t) * channels + c) * weights.at(t * padded + c);
            const float expected = finish_quantized(finish, static_cast<std::int32_t>(sum),
                                                    static_cast<float>(scale.at(c)), nullptr);
            EXPECT_EQ(dst.at(p * channels + c), c < first ? 0.0F : expected) << c << " of " << channels;
          }
        }
        dst.expect_guards();
      }
    }
  }
}

}  // namespace godwit::support
