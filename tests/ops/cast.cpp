// Cast: every pair of types, rounding once, saturating where C++ leaves the result open.
#include <cmath>
#include <gtest/gtest.h>
#include <limits>
#include <vector>

#include "tests/support/compare.h"
#include "tests/support/counting.h"
#include "tests/support/errors.h"
#include "tests/support/op_runner.h"

namespace godwit::support {
namespace {

OpRunner cast(const Tensor& src, DType to) {
  OpRunner runner("Cast");
  runner.input(src).attribute("to", onnx_code_of(to));
  return runner;
}

template <class To, class From>
std::vector<To> converted(std::initializer_list<From> values) {
  const Tensor src = Tensor::of<From>({static_cast<std::int64_t>(values.size())}, values);
  return values_of<To>(cast(src, dtype_of<To>).reference()[0]);
}

std::vector<std::uint16_t> bits_of(const Tensor& halves) {
  const auto* bits = static_cast<const std::uint16_t*>(halves.data());
  return {bits, bits + halves.shape().elements()};
}

template <class From>
std::uint16_t half_bits(From value, DType to) {
  return bits_of(cast(Tensor::of<From>({1}, {value}), to).reference()[0])[0];
}

TEST(CastOp, ConvertsEveryPairOfTypes) {
  for (const DType from : kAllTypes) {
    for (const DType to : kAllTypes) {
      if (is_narrow(from) || is_narrow(to)) continue;  // hold too few numbers: below
      const Tensor src = counting({2, 3, 5, 7}, from);
      const OpRunner runner = cast(src, to);
      const Tensor dst = runner.reference()[0];
      EXPECT_EQ(dst.dtype(), to);
      for (std::size_t i = 0; i < 210; ++i) {
        const double number = value_at(src, i);
        EXPECT_EQ(value_at(dst, i), to == DType::boolean ? (number != 0 ? 1 : 0) : number);
      }
      EXPECT_EQ(runner.is_view(), from == to);
      EXPECT_EQ(runner.layout(), ops::LayoutRule::follows);
      EXPECT_TRUE(did_run(runner.run_implementations(exact()), "cast_flat"));
    }
  }
}

// 1 is the one number that all of them have.
TEST(CastOp, NarrowTypesHoldOne) {
  for (const DType from : kAllTypes) {
    for (const DType to : kAllTypes) {
      const Tensor one = cast(Tensor::of<float>({3}, {1, 1, 1}), from).reference()[0];
      const OpRunner runner = cast(one, to);
      const Tensor dst = runner.reference()[0];
      EXPECT_EQ(dst.dtype(), to);
      EXPECT_EQ(value_at(dst, 2), 1) << name_of(from) << ' ' << name_of(to);
      EXPECT_TRUE(did_run(runner.run_implementations(exact()), "cast_flat"));
    }
  }
}

// Every code of the narrow floats, as a number and back.
TEST(CastOp, NarrowFloatsComeBack) {
  for (const DType narrow : kAllTypes) {
    if (!is_narrow_float(narrow)) continue;
    const int codes = 1 << packed_bits_of(narrow);
    Tensor all(TensorDesc{narrow, {codes}, Layout::nchw});
    for (int code = 0; code < codes; ++code)
      static_cast<std::uint8_t*>(all.mutable_data())[code] = static_cast<std::uint8_t>(code);
    for (const DType wide : {DType::f32, DType::f64}) {
      const Tensor numbers = cast(all, wide).reference()[0];
      OpRunner runner = cast(numbers, narrow);
      runner.attribute("saturate", std::int64_t{0});
      const Tensor back = runner.reference()[0];
      for (int code = 0; code < codes; ++code) {
        const auto i = static_cast<std::size_t>(code);
        if (std::isnan(value_at(all, i)))
          EXPECT_TRUE(std::isnan(value_at(back, i))) << name_of(narrow) << ' ' << code;
        else if (narrow == DType::f8e8m0 && code == 0)
          // ONNX rounds by f32's fraction, which 2^-127, a subnormal number, has.
          EXPECT_EQ(static_cast<const std::uint8_t*>(back.data())[i], 1);
        else
          EXPECT_EQ(static_cast<const std::uint8_t*>(back.data())[i], code) << name_of(narrow);
      }
    }
  }
}

std::vector<int> codes(std::vector<double> values, DType to, bool saturate, const char* mode = "up") {
  const Tensor src =
      Tensor::of<double>({static_cast<std::int64_t>(values.size())}, std::span<const double>(values));
  OpRunner runner = cast(src, to);
  runner.attribute("saturate", std::int64_t{saturate}).attribute("round_mode", mode);
  const Tensor dst = runner.reference()[0];
  const auto* bytes = static_cast<const std::uint8_t*>(dst.data());
  return {bytes, bytes + values.size()};
}

TEST(CastOp, RoundsToNarrowFloats) {
  constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
  constexpr double kInf = std::numeric_limits<double>::infinity();
  using Codes = std::vector<int>;
  // Ties go to even: 1.0625 lies between 1 and 1.125, 464 between the largest number and the next.
  EXPECT_EQ(codes({1.0625, 1.1875, 1.0625 + 0x1p-40, 464, 464.1, 0x1p-10, 0x1p-10 + 0x1p-50, -0.0},
                  DType::f8e4m3fn, false),
            (Codes{0x38, 0x3a, 0x39, 0x7e, 0x7f, 0x00, 0x01, 0x80}));
  EXPECT_EQ(codes({1e6, -1e6, kInf, -kInf}, DType::f8e4m3fn, true), (Codes{0x7e, 0xfe, 0x7e, 0xfe}));
  EXPECT_EQ(codes({kNan, kInf, -1e6}, DType::f8e4m3fn, false), (Codes{0x7f, 0x7f, 0xff}));
  EXPECT_EQ(codes({1, -0.0, 1e6, -kInf, kNan}, DType::f8e4m3fnuz, true), (Codes{0x40, 0, 0x7f, 0xff, 0x80}));
  EXPECT_EQ(codes({1e6, -kInf, kNan}, DType::f8e4m3fnuz, false), (Codes{0x80, 0x80, 0x80}));
  EXPECT_EQ(codes({1, 1e6, -kInf, kNan}, DType::f8e5m2, true), (Codes{0x3c, 0x7b, 0xfb, 0x7e}));
  EXPECT_EQ(codes({1e6, -kInf}, DType::f8e5m2, false), (Codes{0x7c, 0xfc}));
  EXPECT_EQ(codes({1, 57344, 1e6, kNan}, DType::f8e5m2fnuz, true), (Codes{0x40, 0x7f, 0x7f, 0x80}));
  EXPECT_EQ(codes({0.25, 0.75, 2.5, 5, 100, -kInf, kNan}, DType::f4e2m1, true),
            (Codes{0, 2, 4, 6, 7, 15, 8}));
}

TEST(CastOp, RoundsToPowersOfTwoAsToldTo) {
  using Codes = std::vector<int>;
  EXPECT_EQ(codes({1, 1.1, 1.5, 1.6, 0x1.8p127}, DType::f8e8m0, true), (Codes{127, 128, 128, 128, 254}));
  EXPECT_EQ(codes({1.1, 1.9}, DType::f8e8m0, true, "down"), (Codes{127, 127}));
  EXPECT_EQ(codes({1.1, 1.5, 1.6}, DType::f8e8m0, true, "nearest"), (Codes{127, 128, 128}));
  EXPECT_EQ(codes({0x1.8p127}, DType::f8e8m0, false), (Codes{255}));
  EXPECT_EQ(error_of([] { codes({1}, DType::f8e8m0, true, "even"); }),
            "attribute 'round_mode' is 'even', expected 'up', 'down' or 'nearest'");
}

TEST(CastOp, KeepsTheLowestBitsOfNarrowIntegers) {
  using Codes = std::vector<int>;
  EXPECT_EQ(codes({-9, -8, 7.9, 8}, DType::s4, true), (Codes{7, 248, 7, 248}));
  EXPECT_EQ(codes({-1, 16, 17}, DType::u4, true), (Codes{15, 0, 1}));
  EXPECT_EQ(codes({-3, 2, 3}, DType::s2, true), (Codes{1, 254, 255}));
  EXPECT_EQ(codes({-3, 2, 5}, DType::u2, true), (Codes{1, 2, 1}));
}

TEST(CastOp, TruncatesAndSaturatesFloats) {
  constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
  constexpr float kInf = std::numeric_limits<float>::infinity();
  using S32 = std::vector<std::int32_t>;
  constexpr std::int32_t kMin = std::numeric_limits<std::int32_t>::min();
  constexpr std::int32_t kMax = std::numeric_limits<std::int32_t>::max();
  EXPECT_EQ((converted<std::int32_t, float>({1.9F, -1.9F, 3e9F, -3e9F, kInf, -kInf, kNan, -0.F})),
            (S32{1, -1, kMax, kMin, kMax, kMin, 0, 0}));
  EXPECT_EQ((converted<std::int32_t, double>({2147483646.9, 2147483647.9, -2147483647.9, -2147483649.0})),
            (S32{kMax - 1, kMax, kMin + 1, kMin}));
  EXPECT_EQ((converted<std::int64_t, float>({9.3e18F, -9.3e18F, 0x1p62F})),
            (std::vector<std::int64_t>{std::numeric_limits<std::int64_t>::max(),
                                       std::numeric_limits<std::int64_t>::min(), std::int64_t{1} << 62}));
  EXPECT_EQ((converted<std::uint8_t, float>({-1, 255.9F, 300, 7.5F})),
            (std::vector<std::uint8_t>{0, 255, 255, 7}));
  EXPECT_EQ(
      (converted<std::uint64_t, double>({-5, 2e19, 1e19})),
      (std::vector<std::uint64_t>{0, std::numeric_limits<std::uint64_t>::max(), 10000000000000000000U}));
  EXPECT_EQ((converted<bool, float>({0, -0.F, 0.25F, kNan})), (std::vector<bool>{false, false, true, true}));
}

TEST(CastOp, WrapsIntegers) {
  EXPECT_EQ((converted<std::uint8_t, std::int32_t>({-1, 256, 257})), (std::vector<std::uint8_t>{255, 0, 1}));
  EXPECT_EQ((converted<std::int8_t, std::uint8_t>({127, 128, 255})),
            (std::vector<std::int8_t>{127, -128, -1}));
  EXPECT_EQ((converted<bool, std::int64_t>({0, 256, -1})), (std::vector<bool>{false, true, true}));
}

TEST(CastOp, RoundsToHalfOnce) {
  // Just above the middle of 1 and its successor; f32 would round it down to the middle, and that to even.
  EXPECT_EQ(half_bits<double>(1 + 0x1p-11 + 0x1p-40, DType::f16), 0x3c01);
  EXPECT_EQ(half_bits<double>(1 + 0x1p-11, DType::f16), 0x3c00);
  EXPECT_EQ(half_bits<double>(-(1 + 0x1p-11 + 0x1p-40), DType::f16), 0xbc01);
  // Just below the middle of 1 + 2^-10 and its successor; f32 would round it up to the middle, and that to
  // even.
  EXPECT_EQ(half_bits<double>(1 + 0x1p-10 + 0x1p-11 - 0x1p-40, DType::f16), 0x3c01);
  EXPECT_EQ(half_bits<double>(1 + 0x1p-8 + 0x1p-40, DType::bf16), 0x3f81);
  EXPECT_EQ(half_bits<double>(65520 - 0x1p-20, DType::f16), 0x7bff);
  EXPECT_EQ(half_bits<double>(1e300, DType::f16), 0x7c00);
  EXPECT_EQ(half_bits<double>(1e-300, DType::f16), 0x0000);
  EXPECT_EQ(half_bits<float>(65520, DType::f16), 0x7c00);
  // 2^62 + 2^54 is the middle of two bf16; what lies below decides, although no double holds it.
  const std::int64_t middle = (std::int64_t{1} << 62) + (std::int64_t{1} << 54);
  EXPECT_EQ(half_bits<std::int64_t>(middle, DType::bf16), 0x5e80);
  EXPECT_EQ(half_bits<std::int64_t>(middle + 1, DType::bf16), 0x5e81);
  EXPECT_EQ(half_bits<std::int64_t>(-middle - 1, DType::bf16), 0xde81);
  EXPECT_EQ(half_bits<std::uint64_t>(static_cast<std::uint64_t>(middle) + 1, DType::bf16), 0x5e81);
}

TEST(CastOp, ConvertsBetweenHalves) {
  const Tensor f16 = cast(Tensor::of<float>({3}, {1.5F, 65504, -0x1p-24F}), DType::f16).reference()[0];
  const Tensor bf16 = cast(f16, DType::bf16).reference()[0];
  EXPECT_EQ(bits_of(bf16), (std::vector<std::uint16_t>{0x3fc0, 0x4780, 0xb380}));
}

TEST(CastOp, InfersSymbolsAndNothing) {
  EXPECT_EQ(OpRunner("Cast").input({kBatch, 3}).attribute("to", 7).infer()[0],
            (TensorDesc{DType::s64, {kBatch, 3}}));
  EXPECT_EQ(cast(counting({0, 3}), DType::u8).reference()[0].shape(), Shape({0, 3}));
}

TEST(CastOp, RefusesTypesThatItDoesNotKnow) {
  const auto error = [](std::int64_t to) {
    return error_of([=] { OpRunner("Cast").input({2}).attribute("to", to).infer(); });
  };
  EXPECT_EQ(error(8), "attribute 'to' is 8, which is no element type known here");
  EXPECT_EQ(error(-1), "attribute 'to' is -1, which is no element type known here");
  EXPECT_EQ(error((std::int64_t{1} << 32) + 1),
            "attribute 'to' is 4294967297, which is no element type known here");
  EXPECT_EQ(error_of([] { OpRunner("Cast").input({2}).infer(); }), "attribute 'to' is required and missing");
}

}  // namespace
}  // namespace godwit::support
