// QuantizedMatMul: values by hand, and every implementation bit for bit.
#include <gtest/gtest.h>
#include <vector>

#include "ops/kernel_table.h"
#include "tests/support/compare.h"
#include "tests/support/errors.h"
#include "tests/support/op_runner.h"
#include "tests/support/random.h"

namespace godwit::support {
namespace {

Tensor real(float value) { return Tensor::of<float>({}, {value}); }
Tensor zero(std::uint8_t value) { return Tensor::of<std::uint8_t>({}, {value}); }

TEST(QuantizedMatMulOp, ByHand) {
  OpRunner runner("QuantizedMatMul", "godwit");
  runner.input(Tensor::of<std::uint8_t>({1, 2}, {10, 1}))
      .constant(real(0.5F))
      .constant(zero(5))
      .constant(Tensor::of<std::int8_t>({2, 2}, {3, 1, -2, 1}))
      .constant(Tensor::of<float>({2}, {0.125F, 1}))
      .constant(Tensor::of<std::int32_t>({2}, {1, 0}));
  EXPECT_EQ(values_of<float>(runner.reference()[0]), (std::vector<float>{1.5F, 0.5F}));
  runner.constant(real(1)).constant(zero(20));
  EXPECT_EQ(values_of<std::uint8_t>(runner.reference()[0]), (std::vector<std::uint8_t>{22, 20}));
}

TEST(QuantizedMatMulOp, EveryImplementationGivesTheSameBits) {
  for (const std::int64_t rows : {1, 5, 32}) {
    for (const std::int64_t depth : {1, 6, 67, 1024}) {
      for (const std::int64_t columns : {1, 16, 45}) {
        OpRunner runner("QuantizedMatMul", "godwit");
        runner.input(random_tensor<std::uint8_t>({rows, depth}, 1, 0, 255))
            .constant(real(0.02F))
            .constant(zero(31))
            .constant(random_tensor<std::int8_t>({depth, columns}, 2, -127, 127))
            .constant(random_tensor({columns}, 3, 0.001, 0.02))
            .constant(random_tensor<std::int32_t>({columns}, 4, -40000, 40000));
        EXPECT_TRUE(did_run(runner.run_implementations(exact()), "mat_mul_quantized"));
        runner.constant(real(0.2F)).constant(zero(99)).clamp(0);
        EXPECT_TRUE(did_run(runner.run_implementations(exact()), "mat_mul_quantized"));
      }
    }
  }
}

TEST(QuantizedMatMulOp, PairsThatFitInto16BitsGiveTheSameBits) {
  for (const std::int64_t depth : {1, 66, 67, 1024}) {
    std::vector<std::int8_t> weights;
    for (std::int64_t i = 0; i < depth * 45; ++i) {
      const bool down = i / 45 % 4 >= 2;
      weights.push_back(static_cast<std::int8_t>(down ? -64 : 64));
    }
    OpRunner runner("QuantizedMatMul", "godwit");
    runner.input(random_tensor<std::uint8_t>({7, depth}, 1, 254, 255))
        .constant(real(0.02F))
        .constant(zero(31))
        .constant(Tensor::of<std::int8_t>({depth, 45}, weights))
        .constant(random_tensor({45}, 3, 0.001, 0.02));
    for (const Ran& ran : runner.run_implementations(exact())) {
      if (ran.implementation != "mat_mul_quantized" || ops::maddubs_kernels(ran.isa) == nullptr) continue;
      EXPECT_TRUE(ran.kernel.starts_with("gemm_maddubs_")) << ran.kernel;
    }
  }
}

TEST(QuantizedMatMulOp, NothingTimesNothing) {
  for (const Shape& weights : {Shape{8, 0}, Shape{0, 5}}) {
    OpRunner runner("QuantizedMatMul", "godwit");
    runner.input(Tensor({DType::u8, {3, weights[0]}, Layout::nchw}))
        .constant(real(0.02F))
        .constant(zero(31))
        .constant(Tensor({DType::s8, weights, Layout::nchw}))
        .constant(real(0.1F));
    runner.run_implementations(exact());
  }
}

TEST(QuantizedMatMulOp, Refuses) {
  EXPECT_EQ(error_of([] {
              OpRunner("QuantizedMatMul", "godwit")
                  .input(TensorDesc{DType::u8, {1, 3}, {}})
                  .constant(real(1))
                  .constant(zero(0))
                  .constant(Tensor({DType::s8, {2, 2}, Layout::nchw}))
                  .constant(real(1))
                  .infer();
            }),
            "shapes 1x3 and 2x2 do not multiply: 3 columns on the left, 2 rows on the right");
}

}  // namespace
}  // namespace godwit::support
