// DequantizeLinear: values of every type, axes, refusals, and every implementation bit for bit.
#include <gtest/gtest.h>
#include <vector>

#include "tests/support/compare.h"
#include "tests/support/errors.h"
#include "tests/support/op_runner.h"
#include "tests/support/random.h"

namespace godwit::support {
namespace {

Tensor scale(float value) { return Tensor::of<float>({}, {value}); }

TEST(DequantizeLinearOp, GivesTheRealNumbers) {
  EXPECT_EQ(values_of<float>(OpRunner("DequantizeLinear")
                                 .input(Tensor::of<std::uint8_t>({3}, {0, 128, 255}))
                                 .constant(scale(2))
                                 .constant(Tensor::of<std::uint8_t>({}, {128}))
                                 .reference()[0]),
            (std::vector<float>{-256, 0, 254}));
  EXPECT_EQ(values_of<float>(OpRunner("DequantizeLinear")
                                 .input(Tensor::of<std::int8_t>({3}, {-128, 0, 127}))
                                 .constant(scale(0.5F))
                                 .reference()[0]),
            (std::vector<float>{-64, 0, 63.5F}));
  EXPECT_EQ(values_of<float>(OpRunner("DequantizeLinear")
                                 .input(Tensor::of<std::int32_t>({2}, {-2000000000, 7}))
                                 .constant(scale(0.25F))
                                 .reference()[0]),
            (std::vector<float>{-500000000, 1.75F}));
}

TEST(DequantizeLinearOp, OneScaleForEachElementAlongAnAxis) {
  OpRunner runner("DequantizeLinear");
  runner.input(Tensor::of<std::int8_t>({2, 2}, {1, 2, 3, 4}))
      .constant(Tensor::of<float>({2}, {1.0F, 10.0F}))
      .constant(Tensor::of<std::int8_t>({2}, {0, 1}));
  EXPECT_EQ(values_of<float>(runner.reference()[0]), (std::vector<float>{1, 10, 3, 30}));
  runner.attribute("axis", 0);
  EXPECT_EQ(values_of<float>(runner.reference()[0]), (std::vector<float>{1, 2, 20, 30}));
  runner.run_implementations(exact());
}

TEST(DequantizeLinearOp, EveryImplementationGivesTheSameBits) {
  for (const int width : {1, 7, 16, 33}) {
    OpRunner u8("DequantizeLinear"), s8("DequantizeLinear");
    u8.input(random_tensor<std::uint8_t>({2, 3, 5, width}, 7, 0, 255))
        .constant(scale(0.171F))
        .constant(Tensor::of<std::uint8_t>({}, {113}));
    s8.input(random_tensor<std::int8_t>({2, 3, 5, width}, 7, -128, 127)).constant(scale(0.171F));
    EXPECT_TRUE(did_run(u8.run_implementations(exact()), "dequantize_span"));
    EXPECT_TRUE(did_run(s8.run_implementations(exact()), "dequantize_span"));
  }
}

TEST(DequantizeLinearOp, OneScaleForEachBlock) {
  OpRunner runner("DequantizeLinear");
  runner.input(Tensor::of<std::int16_t>({3, 2}, {1, 2, 3, 4, 300, 6}))
      .constant(Tensor::of<float>({2, 2}, {1, 10, 2, 0.5F}))
      .constant(Tensor::of<std::int16_t>({2, 2}, {0, 1, -1, 2}))
      .attribute("axis", 0)
      .attribute("block_size", 2);
  EXPECT_EQ(values_of<float>(runner.reference()[0]), (std::vector<float>{1, 10, 3, 30, 602, 2}));
  runner.run_implementations(exact());
}

TEST(DequantizeLinearOp, NumbersOfFewBits) {
  const auto real = [](const Tensor& src) {
    return values_of<float>(OpRunner("DequantizeLinear").input(src).constant(scale(2)).reference()[0]);
  };
  EXPECT_EQ(real(Tensor::of<Int4>({2}, {Int4(-8), Int4(7)})), (std::vector<float>{-16, 14}));
  EXPECT_EQ(real(Tensor::of<UInt2>({2}, {UInt2(0), UInt2(3)})), (std::vector<float>{0, 6}));
  EXPECT_EQ(real(Tensor::of<Float8E5M2>({2}, {Float8E5M2(-1.5F), Float8E5M2(57344.0F)})),
            (std::vector<float>{-3, 114688}));
  EXPECT_EQ(real(Tensor::of<Float4E2M1>({2}, {Float4E2M1(0.5F), Float4E2M1(-6.0F)})),
            (std::vector<float>{1, -12}));
}

TEST(DequantizeLinearOp, TheResultHasTheScalesTypeOrTheOneTold) {
  OpRunner runner("DequantizeLinear");
  runner.input(Tensor::of<std::uint8_t>({1}, {3})).constant(Tensor::of<Float16>({}, {Float16(0.5F)}));
  const Tensor half = runner.reference()[0];
  EXPECT_EQ(half.dtype(), DType::f16);
  EXPECT_EQ(value_at(half, 0), 1.5);
  runner.attribute("output_dtype", 1);
  EXPECT_EQ(runner.infer()[0].dtype, DType::f32);
  runner.run_implementations(exact());
}

TEST(DequantizeLinearOp, InfersAndRefuses) {
  EXPECT_EQ(OpRunner("DequantizeLinear")
                .input(TensorDesc{DType::u8, {kAnyDim - 1, 4}, {}})
                .constant(scale(1))
                .shape(),
            Shape({kAnyDim - 1, 4}));
  EXPECT_EQ(error_of([] { OpRunner("DequantizeLinear").input({4}).constant(scale(1)).infer(); }),
            "input 0 is f32, expected s32, an integer of at most 16 bits or a float of 8 or 4");
  EXPECT_EQ(error_of([] {
              OpRunner("DequantizeLinear").input(TensorDesc{DType::u8, {4}, {}}).constant(scale(-1)).infer();
            }),
            "the scale (input 1) has -1 at index 0; scales are finite and above 0");
  EXPECT_EQ(error_of([] {
              OpRunner("DequantizeLinear")
                  .input(TensorDesc{DType::u8, {4}, {}})
                  .constant(scale(1))
                  .constant(Tensor::of<std::int8_t>({}, {1}))
                  .infer();
            }),
            "the zero point (input 2) is s8, expected u8");
}

}  // namespace
}  // namespace godwit::support
