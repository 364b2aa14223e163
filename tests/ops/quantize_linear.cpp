// QuantizeLinear: rounding, saturation, axes, refusals, and every implementation bit for bit.
#include <gtest/gtest.h>
#include <limits>
#include <vector>

#include "tests/support/compare.h"
#include "tests/support/errors.h"
#include "tests/support/op_runner.h"
#include "tests/support/random.h"

namespace godwit::support {
namespace {

Tensor scale(float value) { return Tensor::of<float>({}, {value}); }
Tensor zero_u8(std::uint8_t value) { return Tensor::of<std::uint8_t>({}, {value}); }
Tensor zero_s8(std::int8_t value) { return Tensor::of<std::int8_t>({}, {value}); }

TEST(QuantizeLinearOp, RoundsHalfToEvenAndSaturates) {
  const Tensor src = Tensor::of<float>({8}, {-1000, -1, 0, 1, 3, 5, 7, 1000});
  EXPECT_EQ(
      values_of<std::uint8_t>(
          OpRunner("QuantizeLinear").input(src).constant(scale(2)).constant(zero_u8(128)).reference()[0]),
      (std::vector<std::uint8_t>{0, 128, 128, 128, 130, 130, 132, 255}));
  EXPECT_EQ(values_of<std::int8_t>(
                OpRunner("QuantizeLinear").input(src).constant(scale(2)).constant(zero_s8(0)).reference()[0]),
            (std::vector<std::int8_t>{-128, 0, 0, 0, 2, 2, 4, 127}));
}

TEST(QuantizeLinearOp, InfinitiesSaturateAndNanGivesTheLowest) {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  OpRunner runner("QuantizeLinear");
  runner.input(Tensor::of<float>({3}, {-kInfinity, kInfinity, std::numeric_limits<float>::quiet_NaN()}))
      .constant(scale(0.5F))
      .constant(zero_u8(10));
  EXPECT_EQ(values_of<std::uint8_t>(runner.reference()[0]), (std::vector<std::uint8_t>{0, 255, 0}));
  runner.run_implementations(exact());
}

TEST(QuantizeLinearOp, OneScaleForEachElementAlongAnAxis) {
  OpRunner runner("QuantizeLinear");
  runner.input(Tensor::of<float>({1, 2, 2}, {1, 2, 3, 4}))
      .constant(Tensor::of<float>({2}, {1.0F, 0.5F}))
      .constant(Tensor::of<std::uint8_t>({2}, {0, 100}));
  EXPECT_EQ(values_of<std::uint8_t>(runner.reference()[0]), (std::vector<std::uint8_t>{1, 2, 106, 108}));
  runner.attribute("axis", -1);
  EXPECT_EQ(values_of<std::uint8_t>(runner.reference()[0]), (std::vector<std::uint8_t>{1, 104, 3, 108}));
  EXPECT_EQ(runner.layout(), ops::LayoutRule::nchw_only);
  runner.run_implementations(exact());
}

TEST(QuantizeLinearOp, EveryImplementationGivesTheSameBytes) {
  for (const int width : {1, 7, 16, 33}) {
    OpRunner u8("QuantizeLinear"), s8("QuantizeLinear");
    const Tensor src = random_tensor({2, 3, 5, width}, 7, -40, 40);
    u8.input(src).constant(scale(0.171F)).constant(zero_u8(113));
    s8.input(src).constant(scale(0.171F)).constant(zero_s8(-5));
    EXPECT_TRUE(did_run(u8.run_implementations(exact()), "quantize_span"));
    EXPECT_TRUE(did_run(s8.run_implementations(exact()), "quantize_span"));
  }
}

// Blocks of 2 along axis 1, the last one short.
TEST(QuantizeLinearOp, OneScaleForEachBlock) {
  OpRunner runner("QuantizeLinear");
  runner.input(Tensor::of<float>({2, 3}, {1, 2, 3, 4, 6, 8}))
      .constant(Tensor::of<float>({2, 2}, {1, 0.5F, 2, 4}))
      .constant(Tensor::of<std::int8_t>({2, 2}, {0, 1, 2, 3}))
      .attribute("block_size", 2);
  EXPECT_EQ(values_of<std::int8_t>(runner.reference()[0]), (std::vector<std::int8_t>{1, 2, 7, 4, 5, 5}));
  runner.run_implementations(exact());
}

template <class T>
std::vector<double> quantized_to(const Tensor& zero, std::initializer_list<float> values, float step = 1) {
  const Tensor dst = OpRunner("QuantizeLinear")
                         .input(Tensor::of<float>({static_cast<std::int64_t>(values.size())}, values))
                         .constant(scale(step))
                         .constant(zero)
                         .reference()[0];
  EXPECT_EQ(dst.dtype(), dtype_of<T>);
  std::vector<double> numbers;
  for (std::size_t i = 0; i < values.size(); ++i) numbers.push_back(value_at(dst, i));
  return numbers;
}

TEST(QuantizeLinearOp, NumbersOfEveryWidth) {
  using Numbers = std::vector<double>;
  EXPECT_EQ(quantized_to<std::int16_t>(Tensor::of<std::int16_t>({}, {-100}), {-40000, 0.5F, 1.5F, 40000}),
            (Numbers{-32768, -100, -98, 32767}));
  EXPECT_EQ(quantized_to<std::uint16_t>(Tensor::of<std::uint16_t>({}, {7}), {-8, 2.5F, 70000}),
            (Numbers{0, 9, 65535}));
  EXPECT_EQ(quantized_to<Int4>(Tensor::of<Int4>({}, {Int4(1)}), {-20, -1.5F, 0.5F, 5.6F, 9}),
            (Numbers{-8, -1, 1, 7, 7}));
  EXPECT_EQ(quantized_to<UInt4>(Tensor::of<UInt4>({}, {UInt4(3)}), {-4, 2, 20}), (Numbers{0, 5, 15}));
  EXPECT_EQ(quantized_to<UInt2>(Tensor::of<UInt2>({}, {UInt2(0)}), {-4, 1.2F, 20}), (Numbers{0, 1, 3}));
  EXPECT_EQ(
      quantized_to<Float8E4M3FN>(Tensor::of<Float8E4M3FN>({}, {Float8E4M3FN(0.0F)}), {1.3F, 1e6F, -3}, 2),
      (Numbers{0.625, 448, -1.5}));
  EXPECT_EQ(quantized_to<Float4E2M1>(Tensor::of<Float4E2M1>({}, {Float4E2M1(0.0F)}), {1.3F, 100, -2.4F}),
            (Numbers{1.5, 6, -2}));
}

TEST(QuantizeLinearOp, DividesInTheTypeOfTheScaleOrTheOneTold) {
  const auto steps = [](std::int64_t precision) {
    OpRunner runner("QuantizeLinear");
    runner.input(Tensor::of<float>({1}, {1025}))
        .constant(Tensor::of<Float16>({}, {Float16(1.0F)}))
        .constant(Tensor::of<std::int16_t>({}, {0}));
    if (precision != 0) runner.attribute("precision", precision);
    return values_of<std::int16_t>(runner.reference()[0])[0];
  };
  EXPECT_EQ(steps(0), 1025);   // f16 has 11 bits
  EXPECT_EQ(steps(1), 1025);   // f32
  EXPECT_EQ(steps(16), 1024);  // bf16 has 8
}

TEST(QuantizeLinearOp, InfersAndRefuses) {
  EXPECT_EQ(OpRunner("QuantizeLinear").input({kAnyDim - 1, 4}).constant(scale(1)).infer()[0].dtype,
            DType::u8);
  EXPECT_EQ(
      OpRunner("QuantizeLinear").input({4}).constant(scale(1)).attribute("output_dtype", 3).infer()[0].dtype,
      DType::s8);
  EXPECT_EQ(error_of([] { OpRunner("QuantizeLinear").input({4}).constant(scale(0)).infer(); }),
            "the scale (input 1) has 0 at index 0; scales are finite and above 0");
  EXPECT_EQ(error_of([] {
              OpRunner("QuantizeLinear")
                  .input({4})
                  .constant(scale(std::numeric_limits<float>::quiet_NaN()))
                  .infer();
            }),
            "the scale (input 1) has nan at index 0; scales are finite and above 0");
  EXPECT_EQ(error_of([] {
              OpRunner("QuantizeLinear").input({2, 4}).input({3}).infer();
            }),
            "the scale (input 1) has 3 numbers, expected 1 or 4");
  EXPECT_EQ(
      error_of([] {
        OpRunner("QuantizeLinear").input({2, 4}).input({4}).input(TensorDesc{DType::u8, {3}, {}}).infer();
      }),
      "the zero point (input 2) has shape 3, expected that of its scale, 4");
  EXPECT_EQ(error_of([] {
              OpRunner("QuantizeLinear").input({4}).constant(scale(1)).attribute("output_dtype", 7).infer();
            }),
            "results of type s64, expected an integer of at most 16 bits or a float of 8 or 4");
  EXPECT_EQ(error_of([] {
              OpRunner("QuantizeLinear").input({2, 4}).constant(scale(1)).attribute("block_size", 2).infer();
            }),
            "the scale (input 1) has shape scalar, expected 2x2 for blocks of 2 along axis 1");
}

}  // namespace
}  // namespace godwit::support
