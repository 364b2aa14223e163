// Gemm: values, transposition, scaling, broadcasting of C, epilogues, refusals, and every implementation.
#include <gtest/gtest.h>
#include <vector>

#include "tests/support/compare.h"
#include "tests/support/errors.h"
#include "tests/support/op_runner.h"
#include "tests/support/random.h"

namespace godwit::support {
namespace {

using Floats = std::vector<float>;

const Tensor kA = Tensor::of<float>({2, 3}, {1, 2, 3, 4, 5, 6});
const Tensor kB = Tensor::of<float>({3, 2}, {1, 0, 0, 1, 1, 1});
Floats first(const OpRunner& runner) { return values_of<float>(runner.reference()[0]); }

TEST(GemmOp, MultipliesMatrices) {
  EXPECT_EQ(first(OpRunner("Gemm").input(kA).input(kB)), (Floats{4, 5, 10, 11}));
  EXPECT_EQ(first(OpRunner("Gemm").input(kA).input(kA).attribute("transB", 1)), (Floats{14, 32, 32, 77}));
  EXPECT_EQ(first(OpRunner("Gemm").input(kA).input(kA).attribute("transA", 1)),
            (Floats{17, 22, 27, 22, 29, 36, 27, 36, 45}));
}

TEST(GemmOp, ScalesAndAddsABroadcastC) {
  const auto with = [](const Tensor& c) { return OpRunner("Gemm").input(kA).input(kB).constant(c); };
  EXPECT_EQ(first(with(Tensor::of<float>({2}, {100, 200}))), (Floats{104, 205, 110, 211}));
  EXPECT_EQ(first(with(Tensor::of<float>({2, 1}, {100, 200}))), (Floats{104, 105, 210, 211}));
  EXPECT_EQ(first(with(Tensor::of<float>({}, {100}))), (Floats{104, 105, 110, 111}));
  EXPECT_EQ(first(with(Tensor::of<float>({1}, {100}))), (Floats{104, 105, 110, 111}));
  EXPECT_EQ(
      first(with(Tensor::of<float>({2, 2}, {1, 2, 3, 4})).attribute("alpha", 2.0F).attribute("beta", -1.0F)),
      (Floats{7, 8, 17, 18}));
}

TEST(GemmOp, AddsResidualThenClamps) {
  const Tensor residual = Tensor::of<float>({2, 2}, {-100, 0, 1, 2});
  // The residual is not taken for C where C is left out.
  OpRunner without("Gemm");
  without.input(kA).input(kB).residual(residual).attribute("beta", 5.0F);
  EXPECT_EQ(first(without), (Floats{-96, 5, 11, 13}));
  EXPECT_EQ(first(without.clamp(0, 12)), (Floats{0, 5, 11, 12}));
  OpRunner with("Gemm");
  with.input(kA).input(kB).constant(Tensor::of<float>({2}, {1, 2})).residual(residual);
  EXPECT_EQ(first(with), (Floats{-95, 7, 12, 15}));
}

TEST(GemmOp, EmptyMatrices) {
  EXPECT_EQ(OpRunner("Gemm").input(random_tensor({0, 3}, 1)).input(kB).reference()[0].shape(), Shape({0, 2}));
  OpRunner no_depth("Gemm");
  no_depth.input(random_tensor({1, 0}, 1))
      .input(random_tensor({0, 2}, 1))
      .constant(Tensor::of<float>({2}, {3, 4}));
  EXPECT_EQ(first(no_depth), (Floats{3, 4}));
}

TEST(GemmOp, InfersShapes) {
  constexpr std::int64_t kBatch = kAnyDim - 1;
  OpRunner classifier("Gemm");
  classifier.input({kBatch, 2048}).input({1000, 2048}).input({1000}).attribute("transB", 1);
  EXPECT_EQ(classifier.shape(), Shape({kBatch, 1000}));
  EXPECT_EQ(OpRunner("Gemm").input(Shape::unranked()).input({3, 4}).shape(), Shape({kAnyDim, 4}));
}

TEST(GemmOp, Refuses) {
  EXPECT_EQ(error_of([] {
              OpRunner("Gemm").input({2, 3}).input({4, 5}).infer();
            }),
            "A has 3 columns and B 4 rows, expected the same number");
  EXPECT_EQ(error_of([] {
              OpRunner("Gemm").input({2, 3, 4}).input({4, 5}).infer();
            }),
            "input 0 has 3 dimensions (2x3x4), expected 2");
  EXPECT_EQ(error_of([] {
              OpRunner("Gemm").input({2, 3}).input({3, 5}).input({4}).infer();
            }),
            "C of shape 4 does not broadcast to 2x5");
  EXPECT_EQ(error_of([] {
              OpRunner("Gemm").input({2, 3}).input({3, 5}).input({1, 2, 5}).infer();
            }),
            "C of shape 1x2x5 does not broadcast to 2x5");
  EXPECT_EQ(error_of([] {
              OpRunner("Gemm").input({2, 3}).input({3, 5}).attribute("transA", 2).infer();
            }),
            "attribute 'transA' is 2, expected 0 or 1");
  const TensorDesc integers{DType::u8, {2, 2}, {}};
  EXPECT_EQ(error_of([&] { OpRunner("Gemm").input(integers).input(integers).infer(); }),
            "input 0 is u8, expected f32, f64, f16, bf16, s32, s64, u32 or u64");
  OpRunner residual("Gemm");
  residual.input({2, 3}).input({3, 5}).residual(random_tensor({5}, 1));
  EXPECT_EQ(error_of([&] { residual.infer(); }), "the residual has shape 5, expected 2x5");
}

TEST(GemmOp, CountsItsWork) {
  OpRunner runner("Gemm");
  runner.input({2, 3}).constant(kB);
  EXPECT_EQ(runner.cost().macs, 12);
  EXPECT_EQ(runner.cost().flops, 24);
  EXPECT_EQ(runner.input({2}).clamp(0).attribute("alpha", 2.0F).cost().flops, 24 + 3 * 4);
}

TEST(GemmOp, EveryImplementationAgrees) {
  struct Sizes {
    std::int64_t m, n, k;
  };
  for (const auto [m, n, k] : {Sizes{1, 1, 1}, Sizes{1, 1000, 64}, Sizes{15, 33, 17}, Sizes{64, 48, 32},
                               Sizes{5, 7, 0}, Sizes{0, 8, 8}, Sizes{29, 65, 3}}) {
    for (int variant = 0; variant < 16; ++variant) {
      SCOPED_TRACE(std::to_string(m) + "x" + std::to_string(n) + "x" + std::to_string(k) + ", variant " +
                   std::to_string(variant));
      const bool trans_a = (variant & 1) != 0, trans_b = (variant & 2) != 0;
      OpRunner runner("Gemm");
      runner.input(random_tensor(trans_a ? Shape{k, m} : Shape{m, k}, 1))
          .attribute("transA", trans_a ? 1 : 0);
      runner.constant(random_tensor(trans_b ? Shape{n, k} : Shape{k, n}, 2))
          .attribute("transB", trans_b ? 1 : 0);
      if ((variant & 4) != 0)
        runner.constant(random_tensor({n}, 3)).residual(random_tensor({m, n}, 4)).clamp(0, 2);
      if ((variant & 8) != 0) runner.attribute("alpha", 0.75F).attribute("beta", -1.5F);
      runner.run_implementations(product_sum_bound(runner, k));
    }
  }
  for (const Shape& c : {Shape{}, Shape{1}, Shape{9, 1}, Shape{1, 20}, Shape{9, 20}}) {
    OpRunner runner("Gemm");
    runner.input(random_tensor({9, 16}, 1)).input(random_tensor({16, 20}, 2)).input(random_tensor(c, 3));
    runner.run_implementations(product_sum_bound(runner, 16));
  }
}

TEST(GemmOp, ScalesIntegers) {
  OpRunner runner("Gemm");
  runner.input(Tensor::of<std::int32_t>({1, 2}, {2, 3})).input(Tensor::of<std::int32_t>({2, 1}, {5, 7}));
  runner.input(Tensor::of<std::int32_t>({1}, {-9})).run_implementations(exact());
  EXPECT_EQ(values_of<std::int32_t>(runner.reference()[0])[0], 22);
  runner.attribute("alpha", 0.5F).attribute("beta", 2.0F);
  EXPECT_EQ(values_of<std::int32_t>(runner.reference()[0])[0], -3);
}

}  // namespace
}  // namespace godwit::support
