// Kernels of attention.
#include "tests/ops/kernels/check.h"
#include "tests/ops/kernels/elements.h"

namespace godwit::support {

void check(const ops::Kernel<ops::TransposedPanelKernel>& kernel) {
  for (const std::int64_t width : {4, 16, 32}) {
    for (const std::int64_t rows : {width, width - 1, width - 3}) {
      for (const std::int64_t depth : {1, 3, 4, 17, 32}) {
        const std::int64_t stride = depth + 3;
        Elements src = Elements::random(DType::f32, rows * stride, 1), dst(DType::f32, width * depth);
        kernel({.src = src.as<float>(),
                .dst = dst.as<float>(),
                .stride = stride,
                .rows = rows,
                .depth = depth,
                .width = width});
        for (std::int64_t d = 0; d < depth; ++d) {
          for (std::int64_t r = 0; r < width; ++r)
            EXPECT_EQ(dst.at(d * width + r), r < rows ? src.at(r * stride + d) : 0) << d << " " << r;
        }
        dst.expect_guards();
      }
    }
  }
}

static void check_specials(const ops::Kernel<ops::AttentionRowKernel>& kernel, std::int64_t count) {
  for (const float special : {kNan, kInf, -kInf}) {
    for (const bool in_mask : {false, true}) {
      for (std::int64_t place = 0; place < count; ++place) {
        Elements scores(DType::f32, count), mask(DType::f32, count);
        (in_mask ? mask : scores).set(place, special);
        float sum = 0;
        kernel({.scores = scores.as<float>(),
                .mask = in_mask ? mask.as<float>() : nullptr,
                .count = count,
                .scale = 2,
                .sum = &sum});
        if (special < 0 && count > 1) {
          EXPECT_EQ(sum, static_cast<float>(count - 1));
          EXPECT_EQ(scores.at(place), 0);
        } else {
          EXPECT_TRUE(std::isnan(sum)) << special << " at " << place;
        }
      }
    }
  }
}

void check(const ops::Kernel<ops::AttentionRowKernel>& kernel) {
  for (const std::int64_t count : counts_around(kernel.info->nr)) {
    for (const bool masked : {false, true}) {
      for (const float scale : {0.125F, -3.0F}) {
        Elements scores = Elements::random(DType::f32, count, 1, -8, 8), original = scores;
        Elements mask = Elements::random(DType::f32, count, 2, -6, 6);
        float sum = kNan;
        kernel({.scores = scores.as<float>(),
                .mask = masked ? mask.as<float>() : nullptr,
                .count = count,
                .scale = scale,
                .sum = &sum});
        const auto t = [&](std::int64_t i) {
          return original.at(i) * static_cast<double>(scale) + (masked ? mask.at(i) : 0);
        };
        double largest = -static_cast<double>(kInf), exact_sum = 0;
        for (std::int64_t i = 0; i < count; ++i) largest = std::max(largest, t(i));
        // Terms up to 24 and 6 in magnitude, rounded once or twice each, and their difference, up to 60,
        // move e^x by as much; e^x itself takes 12 roundings.
        constexpr std::int64_t kSteps = 2 * 2 * (24 + 6) + 60 + 12;
        for (std::int64_t i = 0; i < count; ++i) {
          const double exact = std::exp(t(i) - largest);
          exact_sum += exact;
          expect_near(scores.at(i), exact, gamma(kSteps) * exact, DType::f32, i);
        }
        expect_near(sum, exact_sum, gamma(kSteps + count) * exact_sum, DType::f32, 0);
        scores.expect_guards();
      }
    }
    check_specials(kernel, count);
  }
}

}  // namespace godwit::support
