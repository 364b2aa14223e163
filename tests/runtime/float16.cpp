// The 16-bit floats: every pattern there and back, and rounding against arithmetic in double.
#include "runtime/float16.h"

#include <bit>
#include <cmath>
#include <gtest/gtest.h>
#include <limits>

#include "tests/support/random.h"

namespace godwit {
namespace {

// The nearest value with `fraction` fraction bits and exponents from `lowest` to `highest`, ties to even (the
// default rounding mode of nearbyint). Exact in double, which has bits to spare for both formats.
double nearest(double value, int fraction, int lowest, int highest) {
  if (value == 0 || std::isinf(value)) return value;
  const double quantum = std::ldexp(1.0, std::max(std::ilogb(value), lowest) - fraction);
  const double rounded = std::nearbyint(value / quantum) * quantum;
  return std::abs(rounded) >= std::ldexp(1.0, highest + 1)
             ? std::copysign(std::numeric_limits<double>::infinity(), value)
             : rounded;
}
double nearest(Float16, double value) { return nearest(value, 10, -14, 15); }
double nearest(BFloat16, double value) { return nearest(value, 7, -126, 127); }

template <class T>
class SixteenBitFloat : public testing::Test {};
using Types = testing::Types<Float16, BFloat16>;
TYPED_TEST_SUITE(SixteenBitFloat, Types);

template <class T>
T pattern(unsigned bits) {
  T value;
  value.bits = static_cast<std::uint16_t>(bits);
  return value;
}

template <class T>
void expect_nearest(float value) {
  const auto result = static_cast<float>(T(value));
  const double expected = nearest(T(), static_cast<double>(value));
  ASSERT_EQ(static_cast<double>(result), expected) << std::hexfloat << value;
  ASSERT_EQ(std::signbit(result), std::signbit(value)) << std::hexfloat << value;
}

TYPED_TEST(SixteenBitFloat, EveryPatternSurvivesTheWayThroughFloat) {
  for (unsigned bits = 0; bits < 65536; ++bits) {
    const auto value = static_cast<float>(pattern<TypeParam>(bits));
    const TypeParam back(value);
    if (std::isnan(value)) {
      ASSERT_TRUE(std::isnan(static_cast<float>(back))) << bits;
      ASSERT_EQ(back.bits >> 15, bits >> 15) << "sign of " << bits;
    } else {
      ASSERT_EQ(back.bits, bits);
    }
  }
}

TYPED_TEST(SixteenBitFloat, RoundsToNearestEvenAtAndBesideEveryMidpoint) {
  for (unsigned bits = 0; bits < 65535; ++bits) {
    const auto low = static_cast<float>(pattern<TypeParam>(bits));
    const auto high = static_cast<float>(pattern<TypeParam>(bits + 1));
    if (!std::isfinite(low) || !std::isfinite(high)) continue;
    const float middle = low / 2 + high / 2;  // exact: one more bit than either
    expect_nearest<TypeParam>(middle);
    expect_nearest<TypeParam>(std::nextafterf(middle, low));
    expect_nearest<TypeParam>(std::nextafterf(middle, high));
  }
}

TYPED_TEST(SixteenBitFloat, RoundsAnyFloat) {
  support::Random random(7);
  for (int i = 0; i < 1'000'000; ++i) {
    const auto value = std::bit_cast<float>(static_cast<std::uint32_t>(random.next()));
    if (std::isnan(value)) {
      ASSERT_TRUE(std::isnan(static_cast<float>(TypeParam(value))));
    } else {
      expect_nearest<TypeParam>(value);
    }
  }
}

TYPED_TEST(SixteenBitFloat, KeepsInfinitiesAndOverflowsToThem) {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  for (const float value : {kInfinity, -kInfinity}) ASSERT_EQ(static_cast<float>(TypeParam(value)), value);
  ASSERT_EQ(static_cast<float>(TypeParam(std::numeric_limits<float>::max())), kInfinity);
  ASSERT_EQ(static_cast<float>(TypeParam(std::numeric_limits<float>::lowest())), -kInfinity);
}

TEST(Float16, KnownPatterns) {
  EXPECT_EQ(Float16(1.0F).bits, 0x3c00);
  EXPECT_EQ(Float16(-2.0F).bits, 0xc000);
  EXPECT_EQ(Float16(65504.0F).bits, 0x7bff);
  EXPECT_EQ(Float16(65519.996F).bits, 0x7bff);
  EXPECT_EQ(Float16(65520.0F).bits, 0x7c00);
  EXPECT_EQ(Float16(0x1p-24F).bits, 0x0001);
  EXPECT_EQ(Float16(0x1p-25F).bits, 0x0000);  // half of the smallest: to even
  EXPECT_EQ(Float16(-0.0F).bits, 0x8000);
}

TEST(BFloat16, KnownPatterns) {
  EXPECT_EQ(BFloat16(1.0F).bits, 0x3f80);
  EXPECT_EQ(BFloat16(0x1.01p0F).bits, 0x3f80);  // tie to even
  EXPECT_EQ(BFloat16(0x1.03p0F).bits, 0x3f82);
  EXPECT_EQ(BFloat16(-0.0F).bits, 0x8000);
}

}  // namespace
}  // namespace godwit
