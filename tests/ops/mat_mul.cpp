// MatMul: values, vectors, batches, epilogues, refusals, and every implementation against the reference.
#include <gtest/gtest.h>
#include <vector>

#include "tests/support/compare.h"
#include "tests/support/errors.h"
#include "tests/support/op_runner.h"
#include "tests/support/random.h"

namespace godwit::support {
namespace {

using Floats = std::vector<float>;
Floats first(const OpRunner& runner) { return values_of<float>(runner.reference()[0]); }

const Tensor kA = Tensor::of<float>({2, 3}, {1, 2, 3, 4, 5, 6});
const Tensor kColumn = Tensor::of<float>({3}, {1, 10, 100});

TEST(MatMulOp, MultipliesMatricesAndVectors) {
  const Tensor b = Tensor::of<float>({3, 2}, {1, 0, 0, 1, 1, 1});
  EXPECT_EQ(first(OpRunner("MatMul").input(kA).input(b)), (Floats{4, 5, 10, 11}));
  OpRunner column("MatMul");
  EXPECT_EQ(first(column.input(kA).input(kColumn)), (Floats{321, 654}));
  EXPECT_EQ(column.shape(), Shape({2}));
  OpRunner row("MatMul");
  EXPECT_EQ(first(row.input(Tensor::of<float>({2}, {1, 10})).input(kA)), (Floats{41, 52, 63}));
  EXPECT_EQ(row.shape(), Shape({3}));
  OpRunner dot("MatMul");
  EXPECT_EQ(first(dot.input(kColumn).input(kColumn)), (Floats{10101}));
  EXPECT_EQ(dot.shape(), Shape{});
}

TEST(MatMulOp, BroadcastsBatches) {
  const Tensor a = Tensor::of<float>({2, 1, 1, 2}, {1, 2, 3, 4});
  const Tensor b = Tensor::of<float>({2, 2, 1}, {1, 10, 100, 1000});
  OpRunner runner("MatMul");
  EXPECT_EQ(first(runner.input(a).input(b)), (Floats{21, 2100, 43, 4300}));
  EXPECT_EQ(runner.shape(), Shape({2, 2, 1, 1}));
}

TEST(MatMulOp, AddsResidualThenClamps) {
  OpRunner runner("MatMul");
  runner.input(kA).input(kColumn).residual(Tensor::of<float>({2}, {-400, 6}));
  EXPECT_EQ(first(runner), (Floats{-79, 660}));
  EXPECT_EQ(first(runner.clamp(0, 600)), (Floats{0, 600}));
}

TEST(MatMulOp, InfersShapes) {
  constexpr std::int64_t kBatch = kAnyDim - 1;
  EXPECT_EQ(OpRunner("MatMul").input({kBatch, 12, 197, 64}).input({kBatch, 12, 64, 197}).shape(),
            Shape({kBatch, 12, 197, 197}));
  EXPECT_EQ(OpRunner("MatMul").input({kBatch, 197, 64}).input({64, 10}).shape(), Shape({kBatch, 197, 10}));
  EXPECT_EQ(OpRunner("MatMul").input({2, 3}).input(Shape::unranked()).shape(), Shape::unranked());
  EXPECT_EQ(OpRunner("MatMul").input(random_tensor({0, 3}, 1)).input(kColumn).reference()[0].shape(),
            Shape({0}));
}

TEST(MatMulOp, Refuses) {
  EXPECT_EQ(error_of([] {
              OpRunner("MatMul").input({2, 3}).input({4, 5}).infer();
            }),
            "shapes 2x3 and 4x5 do not multiply: 3 columns on the left, 4 rows on the right");
  EXPECT_EQ(error_of([] { OpRunner("MatMul").input(Shape{}).input({4}).infer(); }),
            "input 0 has 0 dimensions (scalar), expected at least 1");
  EXPECT_EQ(error_of([] {
              OpRunner("MatMul").input({2, 1, 3}).input({3, 3, 1}).infer();
            }),
            "shapes 2 and 3: dimensions 2 and 3 do not broadcast");
  const TensorDesc integers{DType::u8, {2, 2}, {}};
  EXPECT_EQ(error_of([&] { OpRunner("MatMul").input(integers).input(integers).infer(); }),
            "input 0 is u8, expected f32, f64, f16, bf16, s32, s64, u32 or u64");
}

TEST(MatMulOp, CountsItsWork) {
  OpRunner runner("MatMul");
  runner.input({5, 2, 3}).input({3, 4});
  EXPECT_EQ(runner.cost().macs, 5 * 2 * 3 * 4);
  EXPECT_EQ(runner.cost().flops, 2 * 5 * 2 * 3 * 4);
}

TEST(MatMulOp, EveryImplementationAgrees) {
  const std::vector<std::vector<Shape>> pairs = {
      {{1, 1}, {1, 1}},
      {{15, 17}, {17, 33}},
      {{3, 1, 5, 8}, {2, 8, 40}},
      {{2, 31, 16}, {16, 64}},
      {{9}, {9, 20}},
      {{2, 6, 9}, {9}},
      {{9}, {9}},
      {{3, 2, 6, 9}, {9}},
      {{9}, {2, 3, 9, 20}},
      {{0, 4, 5}, {5, 6}},
      {{4, 0}, {0, 6}},
      {{1, 31}, {31, 100}},           // less than a tile of rows, columns for all threads
      {{70, 33}, {33, 1}},            // a column, in tiles of rows
      {{2, 3, 29, 19}, {3, 19, 47}},  // the right one repeated, shares that begin inside of a matrix
      {{29, 19}, {4, 19, 47}},        // the left one repeated
      {{2, 1, 29, 7}, {1, 3, 7, 65}},
      {{3, 40, 1024}, {3, 1024, 9}}};  // rows a multiple of a page apart
  for (const auto& pair : pairs) {
    const Tensor a = random_tensor(pair[0], 1), b = random_tensor(pair[1], 2);
    OpRunner computed("MatMul"), constant("MatMul");
    computed.input(a).input(b);
    constant.input(a).constant(b);
    constant.residual(random_tensor(constant.shape(), 3)).clamp(-1, 1);
    const std::int64_t depth = pair[0][pair[0].rank() - 1];
    const bool any = a.desc().shape.elements() > 0 && b.desc().shape.elements() > 0;
    EXPECT_EQ(did_run(computed.run_implementations(product_sum_bound(computed, depth)), "mat_mul_computed"),
              any);
    constant.run_implementations(product_sum_bound(constant, depth));
    OpRunner fused("MatMul");
    fused.input(a).input(b).residual(random_tensor(computed.shape(), 3)).clamp(-1, 1);
    fused.run_implementations(product_sum_bound(fused, depth));
  }
}

TEST(MatMulOp, WrapsIntegersAround) {
  const Tensor a = Tensor::of<std::int32_t>({2, 2}, {65536, 1, -2, 3});
  OpRunner runner("MatMul");
  runner.input(a).input(a).run_implementations(exact());
  EXPECT_EQ(values_of<std::int32_t>(runner.reference()[0]),
            (std::vector<std::int32_t>{-2, 65539, -131078, 7}));
  const Tensor wide = Tensor::of<std::uint64_t>({1, 1}, {3000000000U});
  EXPECT_EQ(values_of<std::uint64_t>(OpRunner("MatMul").input(wide).input(wide).reference()[0])[0],
            9000000000000000000U);
}

}  // namespace
}  // namespace godwit::support
