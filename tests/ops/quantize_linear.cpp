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
              OpRunner("QuantizeLinear").input({4}).constant(scale(1)).attribute("output_dtype", 5).infer();
            }),
            "results of type s16, expected u8 or s8");
  EXPECT_EQ(error_of([] {
              OpRunner("QuantizeLinear").input({4}).constant(scale(1)).attribute("block_size", 2).infer();
            }),
            "attribute 'block_size' is given; scales of blocks are not supported");
}

}  // namespace
}  // namespace godwit::support
