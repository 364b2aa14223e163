// QLinearConv, ConvInteger, QLinearMatMul, MatMulInteger and DynamicQuantizeLinear: values by hand (those of
// ONNX's operator specification where it gives some), agreement with the kernels' own reference, refusals.
#include <gtest/gtest.h>
#include <vector>

#include "tests/support/compare.h"
#include "tests/support/errors.h"
#include "tests/support/op_runner.h"
#include "tests/support/random.h"

namespace godwit::support {
namespace {

using U8 = std::vector<std::uint8_t>;
using S32 = std::vector<std::int32_t>;

Tensor real(float value) { return Tensor::of<float>({}, {value}); }
Tensor u8(std::uint8_t value) { return Tensor::of<std::uint8_t>({}, {value}); }

TEST(ConvIntegerOp, SumsWithZeroPointsAndPadding) {
  const Tensor src = Tensor::of<std::uint8_t>({1, 1, 3, 3}, {2, 3, 4, 5, 6, 7, 8, 9, 10});
  const Tensor weights = Tensor::of<std::uint8_t>({1, 1, 2, 2}, {1, 1, 1, 1});
  OpRunner plain("ConvInteger");
  plain.input(src).input(weights).input(u8(1));
  EXPECT_EQ(values_of<std::int32_t>(plain.reference()[0]), (S32{12, 16, 24, 28}));
  plain.attribute("pads", {1, 1, 1, 1});
  EXPECT_EQ(values_of<std::int32_t>(plain.reference()[0]),
            (S32{1, 3, 5, 3, 5, 12, 16, 9, 11, 24, 28, 15, 7, 15, 17, 9}));
  plain.run_implementations(exact());
}

TEST(ConvIntegerOp, AZeroPointForEachChannelOfTheWeights) {
  OpRunner runner("ConvInteger");
  runner.input(Tensor::of<std::uint8_t>({1, 1, 1, 2}, {3, 4}))
      .input(Tensor::of<std::int8_t>({2, 1, 1, 1}, {5, 6}))
      .omitted()
      .input(Tensor::of<std::int8_t>({2}, {1, -1}));
  EXPECT_EQ(values_of<std::int32_t>(runner.reference()[0]), (S32{12, 16, 21, 28}));
}

TEST(ConvIntegerOp, WorksInThreeDimensions) {
  OpRunner runner("ConvInteger");
  runner.input(Tensor::of<std::uint8_t>({1, 1, 2, 2, 2}, {1, 2, 3, 4, 5, 6, 7, 8}))
      .input(Tensor::of<std::int8_t>({1, 1, 2, 1, 1}, {-1, 2}))
      .input(u8(1));
  EXPECT_EQ(values_of<std::int32_t>(runner.reference()[0]), (S32{8, 9, 10, 11}));
  runner.run_implementations(exact());
}

TEST(QLinearConvOp, VolumesAgreeWithTheKernelsReference) {
  const Tensor src = random_tensor<std::uint8_t>({1, 4, 3, 4, 5}, 1, 0, 255);
  const Tensor weights = random_tensor<std::int8_t>({2, 2, 2, 3, 2}, 2, -127, 127);
  OpRunner qlinear("QLinearConv"), quantized("QuantizedConv", "godwit");
  qlinear.input(src).input(real(0.02F)).input(u8(113)).constant(weights).constant(real(0.01F));
  qlinear.constant(Tensor::of<std::int8_t>({}, {0})).input(real(0.25F)).input(u8(100));
  quantized.input(src).constant(real(0.02F)).constant(u8(113)).constant(weights).constant(real(0.01F));
  quantized.omitted().constant(real(0.25F)).constant(u8(100));
  for (OpRunner* runner : {&qlinear, &quantized}) {
    runner->attribute("group", 2).attribute("pads", {1, 0, 1, 0, 1, 1}).attribute("strides", {1, 2, 1});
  }
  EXPECT_EQ(values_of<std::uint8_t>(qlinear.reference()[0]),
            values_of<std::uint8_t>(quantized.reference()[0]));
  for (const Ran& ran : quantized.run_implementations(exact())) EXPECT_EQ(ran.implementation, "reference");
}

TEST(QLinearConvOp, AgreesWithTheKernelsReference) {
  for (const std::int64_t group : {1, 2}) {
    const Tensor src = random_tensor<std::uint8_t>({2, 4, 5, 6}, 1, 0, 255);
    const Tensor weights = random_tensor<std::int8_t>({6, 4 / group, 3, 2}, 2, -127, 127);
    const Tensor scales = random_tensor({6}, 3, 0.001, 0.02),
                 bias = random_tensor<std::int32_t>({6}, 4, -9000, 9000);
    OpRunner qlinear("QLinearConv"), quantized("QuantizedConv", "godwit");
    qlinear.input(src).input(real(0.02F)).input(u8(113)).constant(weights).constant(scales);
    qlinear.constant(random_tensor<std::int8_t>({6}, 5, 0, 0))
        .input(real(0.25F))
        .input(u8(100))
        .constant(bias);
    quantized.input(src).constant(real(0.02F)).constant(u8(113)).constant(weights).constant(scales);
    quantized.constant(bias).constant(real(0.25F)).constant(u8(100));
    for (OpRunner* runner : {&qlinear, &quantized}) {
      runner->attribute("group", group).attribute("pads", {1, 0, 1, 1}).attribute("strides", {2, 1});
    }
    EXPECT_EQ(values_of<std::uint8_t>(qlinear.reference()[0]),
              values_of<std::uint8_t>(quantized.reference()[0]));
  }
}

TEST(MatMulIntegerOp, SubtractsZeroPoints) {
  OpRunner runner("MatMulInteger");
  runner.input(Tensor::of<std::uint8_t>({4, 3}, {11, 7, 3, 10, 6, 2, 9, 5, 1, 8, 4, 0}))
      .input(Tensor::of<std::uint8_t>({3, 2}, {1, 4, 2, 5, 3, 6}))
      .input(u8(12))
      .input(u8(0));
  EXPECT_EQ(values_of<std::int32_t>(runner.reference()[0]), (S32{-38, -83, -44, -98, -50, -113, -56, -128}));
  runner.run_implementations(exact());
}

TEST(QLinearMatMulOp, AgreesWithTheKernelsReference) {
  const Tensor a = random_tensor<std::uint8_t>({5, 7}, 1, 0, 255),
               b = random_tensor<std::int8_t>({7, 4}, 2, -127, 127);
  const Tensor scales = random_tensor({4}, 3, 0.001, 0.02);
  OpRunner qlinear("QLinearMatMul"), quantized("QuantizedMatMul", "godwit");
  qlinear.input(a).input(real(0.02F)).input(u8(31)).constant(b).constant(scales);
  qlinear.constant(random_tensor<std::int8_t>({4}, 5, 0, 0)).input(real(0.1F)).input(u8(99));
  quantized.input(a).constant(real(0.02F)).constant(u8(31)).constant(b).constant(scales);
  quantized.omitted().constant(real(0.1F)).constant(u8(99));
  EXPECT_EQ(values_of<std::uint8_t>(qlinear.reference()[0]),
            values_of<std::uint8_t>(quantized.reference()[0]));
}

TEST(QLinearMatMulOp, BatchesBroadcast) {
  OpRunner runner("QLinearMatMul");
  runner.input(random_tensor<std::uint8_t>({2, 1, 3, 4}, 1, 0, 255)).input(real(1)).input(u8(3));
  runner.input(random_tensor<std::int8_t>({5, 4, 2}, 2, -100, 100)).input(real(1));
  runner.input(Tensor::of<std::int8_t>({}, {2})).input(real(100)).input(u8(128));
  EXPECT_EQ(runner.shape(), Shape({2, 5, 3, 2}));
  runner.run_implementations(exact());
}

TEST(DynamicQuantizeLinearOp, FollowsTheRangeOfItsInput) {
  OpRunner runner("DynamicQuantizeLinear");
  runner.input(Tensor::of<float>({6}, {0, 2, -3, -2.5F, 1.34F, 0.5F})).outputs(3);
  const auto results = runner.reference();
  EXPECT_EQ(values_of<std::uint8_t>(results[0]), (U8{153, 255, 0, 26, 221, 179}));
  EXPECT_FLOAT_EQ(values_of<float>(results[1])[0], 0.0196078438F);
  EXPECT_EQ(values_of<std::uint8_t>(results[2])[0], 153);
}

TEST(DynamicQuantizeLinearOp, RangesHoldZeroAndZerosStayZero) {
  OpRunner positive("DynamicQuantizeLinear"), zeros("DynamicQuantizeLinear");
  positive.input(Tensor::of<float>({3}, {1, 2.1F, 4})).outputs(3);
  EXPECT_EQ(values_of<std::uint8_t>(positive.reference()[0]), (U8{64, 134, 255}));
  zeros.input(Tensor::of<float>({2}, {0, 0})).outputs(3);
  EXPECT_EQ(values_of<std::uint8_t>(zeros.reference()[0]), (U8{0, 0}));
}

TEST(IntegerProducts, Refuse) {
  EXPECT_EQ(error_of([] {
              OpRunner("ConvInteger").input({1, 1, 3, 3}).input({1, 1, 1, 1}).infer();
            }),
            "input 0 is f32, expected u8 or s8");
  EXPECT_EQ(error_of([] {
              OpRunner("MatMulInteger")
                  .input(TensorDesc{DType::u8, {2, 3}, {}})
                  .input(TensorDesc{DType::u8, {3, 4}, {}})
                  .input(TensorDesc{DType::u8, {3}, {}})
                  .infer();
            }),
            "input 2 has shape 3, expected one number or 2");
  EXPECT_EQ(error_of([] {
              OpRunner("MatMulInteger")
                  .input(TensorDesc{DType::u8, {2, 3}, {}})
                  .input(TensorDesc{DType::u8, {4, 4}, {}})
                  .infer();
            }),
            "shapes 2x3 and 4x4 do not multiply: 3 columns on the left, 4 rows on the right");
}

}  // namespace
}  // namespace godwit::support
