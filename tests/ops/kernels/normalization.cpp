// Kernels that normalise.
#include "tests/ops/kernels/check.h"
#include "tests/ops/kernels/elements.h"

namespace godwit::support {

void check(const ops::Kernel<ops::MomentsKernel>& kernel) {
  for (const std::int64_t count : counts_around(kernel.info->nr)) {
    for (const bool about_zero : {false, true}) {
      Elements src = Elements::random(DType::f32, count, 1, 1, 5);
      float mean = kNan, squares = kNan;
      kernel({.src = src.as<float>(),
              .count = count,
              .about_zero = about_zero,
              .mean = &mean,
              .squares = &squares});
      double sum = 0, expected = 0;
      for (std::int64_t i = 0; i < count; ++i) sum += src.at(i);
      const double middle = about_zero ? 0 : sum / static_cast<double>(count);
      // Squares about a mean that is off by d are off by count d², and each by its roundings.
      const double off = gamma(count + 1) * 5;
      for (std::int64_t i = 0; i < count; ++i) expected += (src.at(i) - middle) * (src.at(i) - middle);
      EXPECT_NEAR(mean, middle, off);
      EXPECT_NEAR(squares, expected,
                  gamma(count + 3) * expected + static_cast<double>(count) * off * (off + gamma(1) * 25));
    }
  }
  float mean = 0, squares = 0;
  const float with_nan[3] = {1, kNan, 2};
  kernel({.src = with_nan, .count = 3, .about_zero = false, .mean = &mean, .squares = &squares});
  EXPECT_TRUE(std::isnan(mean) && std::isnan(squares));
}

void check(const ops::Kernel<ops::NormalizeKernel>& kernel) {
  for (const std::int64_t count : counts_around(kernel.info->nr)) {
    for (const std::int64_t step : {0, 1}) {
      Elements src = Elements::random(DType::f32, count, 1), dst(DType::f32, count);
      Elements scale = Elements::random(DType::f32, count, 2), shift = Elements::random(DType::f32, count, 3);
      src.set(count / 2, kNan);
      kernel({.src = src.as<float>(),
              .scale = scale.as<float>(),
              .shift = shift.as<float>(),
              .dst = dst.as<float>(),
              .count = count,
              .step = step,
              .mean = 0.5F,
              .factor = 3});
      for (std::int64_t i = 0; i < count; ++i) {
        const double normal = (src.at(i) - 0.5) * 3 * scale.at(i * step);
        expect_near(dst.at(i), normal + shift.at(i * step),
                    gamma(4) * (std::abs(normal) + std::abs(shift.at(i * step))), DType::f32, i);
      }
      dst.expect_guards();
    }
  }
}

void check(const ops::Kernel<ops::ColumnMomentsKernel>& kernel) {
  constexpr std::int64_t kRows = 5;
  for (const std::int64_t count : counts_around(kernel.info->nr)) {
    const std::int64_t stride = count + 3;
    Elements src = Elements::random(DType::f32, kRows * stride, 1),
             origin = Elements::random(DType::f32, count, 2);
    Elements sums(DType::f32, count), squares(DType::f32, count);
    kernel({.src = src.as<float>(),
            .origin = origin.as<float>(),
            .sums = sums.as<float>(),
            .squares = squares.as<float>(),
            .rows = kRows,
            .stride = stride,
            .count = count});
    for (std::int64_t c = 0; c < count; ++c) {
      double sum = 0, size = 0, square = 0;
      for (std::int64_t row = 0; row < kRows; ++row) {
        const double distance = src.at(row * stride + c) - origin.at(c);
        sum += distance;
        size += std::abs(distance);
        square += distance * distance;
      }
      expect_near(sums.at(c), sum, gamma(kRows + 1) * size, DType::f32, c);
      expect_near(squares.at(c), square, gamma(kRows + 3) * square, DType::f32, c);
    }
    sums.expect_guards();
    squares.expect_guards();
  }
}

}  // namespace godwit::support
