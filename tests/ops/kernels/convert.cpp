// Kernels that convert between element types: exact, or rounded once.
#include "tests/ops/kernels/check.h"
#include "tests/ops/kernels/elements.h"

namespace godwit::support {

void check(const ops::Kernel<ops::QuantizeKernel>& kernel) {
  const bool is_signed = kernel.info->dtype == DType::s8;
  const float zero_point = is_signed ? -3.0F : 7.0F;
  const float lowest = (is_signed ? -128.0F : 0.0F) - zero_point;
  for (const std::int64_t count : counts_around(kernel.info->nr)) {
    Elements src = Elements::random(DType::f32, count, 1, -40, 40), dst(kernel.info->dtype, count);
    // A NaN becomes the lowest number; halves go to the even one.
    const float specials[] = {kNan, kInf, -kInf, 0.125F, 0.375F};
    for (std::int64_t i = 0; i < 5 && count > 5; ++i) src.set(count - 1 - i, specials[i]);
    kernel({.src = src.as<float>(),
            .dst = dst.data(),
            .count = count,
            .scale = 0.25F,
            .zero_point = zero_point,
            .lowest = lowest,
            .highest = lowest + 255});
    for (std::int64_t i = 0; i < count; ++i) {
      const auto x = static_cast<float>(src.at(i));
      const float steps = std::isnan(x) ? lowest : std::min(std::max(x / 0.25F, lowest), lowest + 255);
      EXPECT_EQ(dst.at(i), std::nearbyint(steps) + zero_point) << i << " of " << count;
    }
    dst.expect_guards();
  }
}

void check(const ops::Kernel<ops::DequantizeKernel>& kernel) {
  const bool is_signed = kernel.info->dtype == DType::s8;
  for (const std::int64_t count : counts_around(kernel.info->nr)) {
    Elements src =
        Elements::random(kernel.info->dtype, count, 1, is_signed ? -128 : 0, is_signed ? 127 : 255);
    Elements dst(DType::f32, count);
    kernel({.src = src.data(), .dst = dst.as<float>(), .count = count, .scale = 0.37F, .zero_point = 5});
    for (std::int64_t i = 0; i < count; ++i)
      EXPECT_EQ(dst.at(i), (static_cast<float>(src.at(i)) - 5.0F) * 0.37F) << i << " of " << count;
    dst.expect_guards();
  }
}

void check(const ops::Kernel<ops::ConvertKernel>& kernel) {
  const DType dtype = kernel.info->dtype;
  const bool narrows = kernel.info->family == ops::KernelFamily::narrow;
  const DType from = narrows ? DType::f32 : dtype;
  const DType to = narrows ? dtype : dtype == DType::u8 ? DType::s16 : DType::f32;
  for (const std::int64_t count : counts_around(kernel.info->nr)) {
    Elements src =
        Elements::random(from, count, 1, dtype == DType::u8 ? 0 : -9, dtype == DType::u8 ? 255 : 9);
    const double specials[] = {kNan, kInf, -kInf, 0x1p-15, 0x1.004p0};
    for (std::int64_t i = 0; i < 5 && count > 5 && is_float(from); ++i) src.set(count - 1 - i, specials[i]);
    Elements dst(to, count), expected(to, count);
    kernel({.src = src.data(), .dst = dst.data(), .count = count});
    for (std::int64_t i = 0; i < count; ++i) {
      expected.set(i, src.at(i));
      expect_near(dst.at(i), expected.at(i), 0, DType::f32, i);
    }
    dst.expect_guards();
  }
}

}  // namespace godwit::support
