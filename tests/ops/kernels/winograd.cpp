// Winograd's transforms of floats against their matrices, and those of 8-bit integers against the
// convolution.
#include "tests/ops/kernels/check.h"
#include "tests/ops/kernels/elements.h"

namespace godwit::support {
namespace {

using ops::KernelFamily;
using Matrix = std::vector<std::vector<double>>;

int size_of_result(KernelFamily family) {
  return name_of(family).find('4') != std::string_view::npos ? 4 : 2;
}

// Bᵀ, Aᵀ, and G with each row scaled until it is whole, as ops/kernels/quantized_winograd does.
Matrix input_matrix(int m) {
  if (m == 2) return {{1, 0, -1, 0}, {0, 1, 1, 0}, {0, -1, 1, 0}, {0, 1, 0, -1}};
  return {{4, 0, -5, 0, 1, 0},  {0, -4, -4, 1, 1, 0}, {0, 4, -4, -1, 1, 0},
          {0, -2, -1, 2, 1, 0}, {0, 2, -1, -2, 1, 0}, {0, 4, 0, -5, 0, 1}};
}
Matrix output_matrix(int m) {
  if (m == 2) return {{1, 1, 1, 0}, {0, 1, -1, -1}};
  return {{1, 1, 1, 1, 1, 0}, {0, 1, -1, 2, -2, 0}, {0, 1, 1, 4, 4, 0}, {0, 1, -1, 8, -8, 1}};
}
Matrix whole_filter_matrix(int m) {
  if (m == 2) return {{2, 0, 0}, {1, 1, 1}, {1, -1, 1}, {0, 0, 2}};
  return {{1, 0, 0}, {1, 1, 1}, {1, -1, 1}, {1, 2, 4}, {1, -2, 4}, {0, 0, 1}};
}

// T x Tᵀ and, for the bound of its roundings, |T| |x| |T|ᵀ.
struct Transformed {
  double value = 0, magnitude = 0;
};
template <class Element>
Transformed transformed(const Matrix& t, std::size_t i, std::size_t j, const Element& x) {
  Transformed sum;
  for (std::size_t k = 0; k < t[i].size(); ++k) {
    for (std::size_t l = 0; l < t[j].size(); ++l) {
      if (t[i][k] == 0 || t[j][l] == 0) continue;
      const double term = t[i][k] * t[j][l] * x(k, l);
      sum.value += term;
      sum.magnitude += std::abs(term);
    }
  }
  return sum;
}

// Operations that one element of a result goes through: at most 2 · 6 of each of the two passes.
constexpr std::int64_t kRoundings = 24;

}  // namespace

void check(const ops::Kernel<ops::WinogradInputFunction>& kernel) {
  const int m = size_of_result(kernel.info->family), edge = m + 2;
  const Matrix matrix = input_matrix(m);
  for (const std::int64_t channels : counts_around(kernel.info->nr)) {
    const std::int64_t plane = channels + 3;
    Elements src = Elements::random(kernel.info->dtype, edge * edge * channels, 1);
    Elements dst(DType::f32, edge * edge * plane);
    std::vector<const void*> pointers;
    for (std::int64_t p = 0; p < edge * edge; ++p) pointers.push_back(src.address(p * channels));
    kernel({.src = pointers.data(), .dst = dst.as<float>(), .plane = plane, .channels = channels});
    for (std::int64_t p = 0; p < edge * edge; ++p) {
      for (std::int64_t c = 0; c < plane; ++c) {
        if (c >= channels) {
          EXPECT_EQ(dst.at(p * plane + c), 0) << "beyond the channels";
          continue;
        }
        const Transformed exact = transformed(
            matrix, static_cast<std::size_t>(p / edge), static_cast<std::size_t>(p % edge),
            [&](std::size_t k, std::size_t l) {
              return src.at(static_cast<std::int64_t>(k * static_cast<std::size_t>(edge) + l) * channels + c);
            });
        expect_near(dst.at(p * plane + c), exact.value, gamma(kRoundings) * exact.magnitude, DType::f32, p);
      }
    }
    dst.expect_guards();
  }
}

void check(const ops::Kernel<ops::WinogradOutputFunction>& kernel) {
  const DType dtype = kernel.info->dtype;
  const int m = size_of_result(kernel.info->family), edge = m + 2;
  const Matrix matrix = output_matrix(m);
  for (const std::int64_t channels : counts_around(kernel.info->nr)) {
    for (const bool whole : {true, false}) {
      const std::int64_t plane = (channels + 15) / 16 * 16;
      Elements src = Elements::random(DType::f32, edge * edge * plane, 1);
      Elements bias = Elements::random(DType::f32, plane, 2);
      Elements residual = Elements::random(dtype, m * m * channels, 3), dst(dtype, m * m * channels);
      std::vector<void*> to;
      std::vector<const void*> added;
      for (std::int64_t i = 0; i < m * m; ++i) {
        // The last pixel hangs over the border.
        to.push_back(whole || i + 1 < m * m ? dst.address(i * channels) : nullptr);
        added.push_back(residual.address(i * channels));
      }
      kernel({.src = src.as<float>(),
              .plane = plane,
              .dst = to.data(),
              .residual = whole ? nullptr : added.data(),
              .bias = whole ? bias.as<float>() : nullptr,
              .channels = channels,
              .minimum = -1.5F,
              .maximum = kInf});
      for (std::int64_t i = 0; i < m * m; ++i) {
        for (std::int64_t c = 0; c < channels; ++c) {
          if (to[static_cast<std::size_t>(i)] == nullptr) {
            EXPECT_EQ(dst.at(i * channels + c), 0);
            continue;
          }
          const Transformed exact = transformed(
              matrix, static_cast<std::size_t>(i / m), static_cast<std::size_t>(i % m),
              [&](std::size_t k, std::size_t l) {
                return src.at(static_cast<std::int64_t>(k * static_cast<std::size_t>(edge) + l) * plane + c);
              });
          const double added_value = whole ? bias.at(c) : residual.at(i * channels + c);
          expect_near(dst.at(i * channels + c), clamped(exact.value + added_value, -1.5, kInf),
                      gamma(kRoundings + 1) * (exact.magnitude + std::abs(added_value)), dtype, i);
        }
      }
      dst.expect_guards();
    }
  }
}

void check(const ops::Kernel<ops::ByteWinogradInputFunction>& kernel) {
  const int m = size_of_result(kernel.info->family), edge = m + 2;
  const Matrix matrix = input_matrix(m);
  for (const std::int64_t channels : {32, 96}) {
    const std::int64_t plane = channels + 3;
    Elements src = Elements::random(DType::u8, edge * edge * channels, 1, 0, 255);
    Elements dst(DType::s16, edge * edge * plane);
    std::vector<const std::uint8_t*> pointers;
    for (std::int64_t p = 0; p < edge * edge; ++p) pointers.push_back(src.as<std::uint8_t>(p * channels));
    kernel({.src = pointers.data(), .dst = dst.as<std::int16_t>(), .plane = plane, .channels = channels});
    for (std::int64_t p = 0; p < edge * edge; ++p) {
      for (std::int64_t c = 0; c < plane; ++c) {
        const double exact =
            c >= channels
                ? 0
                : transformed(
                      matrix, static_cast<std::size_t>(p / edge), static_cast<std::size_t>(p % edge),
                      [&](std::size_t k, std::size_t l) {
                        return src.at(
                            static_cast<std::int64_t>(k * static_cast<std::size_t>(edge) + l) * channels + c);
                      })
                      .value;
        EXPECT_EQ(dst.at(p * plane + c), exact) << p << ", " << c;
      }
    }
    dst.expect_guards();
  }
}

void check(const ops::Kernel<ops::ByteWinogradOutputFunction>& kernel) {
  const int m = size_of_result(kernel.info->family), edge = m + 2;
  const Matrix into = input_matrix(m), filter = whole_filter_matrix(m);
  for (const std::int64_t channels : counts_around(kernel.info->nr)) {
    const std::int64_t plane = (channels + 15) / 16 * 16;
    // One input channel for each channel: products of its transformed pixels and weights are the sums.
    Elements src = Elements::random(DType::u8, edge * edge * plane, 1, 0, 255);
    Elements weights = Elements::random(DType::s8, 9 * plane, 2, -128, 127);
    Elements sums(DType::s32, edge * edge * plane), bias = Elements::random(DType::s32, plane, 3, -99, 99);
    Elements scale = Elements::random(DType::f32, plane, 4, 1e-4, 1e-2);
    const auto pixel = [&](std::size_t k, std::size_t l, std::int64_t c) {
      return src.at(static_cast<std::int64_t>(k * static_cast<std::size_t>(edge) + l) * plane + c);
    };
    const auto weight = [&](std::size_t k, std::size_t l, std::int64_t c) {
      return weights.at(static_cast<std::int64_t>(k * 3 + l) * plane + c);
    };
    for (std::int64_t p = 0; p < edge * edge; ++p) {
      const auto [i, j] = std::pair(static_cast<std::size_t>(p / edge), static_cast<std::size_t>(p % edge));
      for (std::int64_t c = 0; c < plane; ++c) {
        const Transformed from = transformed(into, i, j, [&](auto k, auto l) { return pixel(k, l, c); });
        const Transformed by = transformed(filter, i, j, [&](auto k, auto l) { return weight(k, l, c); });
        sums.set(p * plane + c, from.value * by.value);
      }
    }
    Elements residual = Elements::random(DType::u8, m * m * channels, 5, 0, 255);
    for (const ops::QuantizedFinish& finish : finishes()) {
      for (const bool with_residual : {false, true}) {
        Elements dst(stored_by(finish), m * m * channels);
        std::vector<void*> to;
        std::vector<const std::uint8_t*> added;
        for (std::int64_t i = 0; i < m * m; ++i) {
          to.push_back(i > 0 ? dst.address(i * channels) : nullptr);
          added.push_back(residual.as<std::uint8_t>(i * channels));
        }
        kernel({.src = sums.as<std::int32_t>(),
                .plane = plane,
                .dst = to.data(),
                .residual = with_residual ? added.data() : nullptr,
                .bias = bias.as<std::int32_t>(),
                .scale = scale.as<float>(),
                .finish = &finish,
                .channels = channels});
        for (std::int64_t i = 1; i < m * m; ++i) {
          for (std::int64_t c = 0; c < channels; ++c) {
            double sum = bias.at(c);
            for (std::size_t k = 0; k < 9; ++k) {
              sum +=
                  pixel(static_cast<std::size_t>(i / m) + k / 3, static_cast<std::size_t>(i % m) + k % 3, c) *
                  weight(k / 3, k % 3, c);
            }
            const float expected =
                finish_quantized(finish, static_cast<std::int32_t>(sum), static_cast<float>(scale.at(c)),
                                 with_residual ? residual.as<std::uint8_t>(i * channels + c) : nullptr);
            EXPECT_EQ(dst.at(i * channels + c), expected) << i << ", " << c;
          }
        }
        dst.expect_guards();
      }
    }
  }
}

}  // namespace godwit::support
