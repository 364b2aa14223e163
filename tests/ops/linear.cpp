// Linear: values, shapes, refusals, and every implementation against the reference.
#include <cmath>
#include <gtest/gtest.h>
#include <limits>
#include <vector>

#include "tests/support/compare.h"
#include "tests/support/errors.h"
#include "tests/support/op_runner.h"
#include "tests/support/random.h"

namespace godwit::support {
namespace {

using Floats = std::vector<float>;
Floats first(const OpRunner& runner) { return values_of<float>(runner.reference()[0]); }

const Tensor kRows = Tensor::of<float>({2, 1, 3}, {1, 2, 3, 4, 5, 6});
const Tensor kWeights = Tensor::of<float>({3, 2}, {1, 0, 0, 1, 1, 1});

TEST(LinearOp, MultipliesRowsAndAddsTheBias) {
  OpRunner bare("Linear", "godwit");
  EXPECT_EQ(first(bare.input(kRows).constant(kWeights)), (Floats{4, 5, 10, 11}));
  EXPECT_EQ(bare.shape(), Shape({2, 1, 2}));
  OpRunner biased("Linear", "godwit");
  biased.input(kRows).constant(kWeights).constant(Tensor::of<float>({2}, {10, -20}));
  EXPECT_EQ(first(biased), (Floats{14, -15, 20, -9}));
  biased.residual(Tensor::of<float>({2, 1, 2}, {1, 2, 3, 4}));
  EXPECT_EQ(first(biased), (Floats{15, -13, 23, -5}));
  EXPECT_EQ(first(biased.clamp(-6, 20)), (Floats{15, -6, 20, -5}));
}

TEST(LinearOp, InfersShapes) {
  constexpr std::int64_t kBatch = kAnyDim - 1;
  OpRunner runner("Linear", "godwit");
  runner.input({kBatch, 197, 64}).input({64, 10}).input({10});
  EXPECT_EQ(runner.shape(), Shape({kBatch, 197, 10}));
  OpRunner work("Linear", "godwit");
  work.input({2, 5, 3}).input({3, 4}).input({4});
  EXPECT_EQ(work.cost().macs, 2 * 5 * 3 * 4);
  EXPECT_EQ(work.cost().flops, 2 * 2 * 5 * 3 * 4 + 2 * 5 * 4);
}

TEST(LinearOp, Refuses) {
  EXPECT_EQ(error_of([] {
              OpRunner("Linear", "godwit").input({2, 2, 3}).input({4, 5}).infer();
            }),
            "shapes 2x2x3 and 4x5 do not multiply: 3 columns on the left, 4 rows on the right");
  EXPECT_EQ(error_of([] {
              OpRunner("Linear", "godwit").input({2, 3}).input({3, 5}).input({4}).infer();
            }),
            "the length of the bias is 4, expected 5");
  EXPECT_EQ(error_of([] {
              OpRunner("Linear", "godwit").input({2, 3}).input({1, 3, 5}).infer();
            }),
            "input 1 has 3 dimensions (1x3x5), expected 2");
}

TEST(LinearOp, EveryImplementationAgrees) {
  const std::vector<std::vector<Shape>> pairs = {
      {{1, 1, 1}, {1, 1}},        {{3, 5, 17}, {17, 33}},  {{2, 31, 16}, {16, 64}},
      {{2, 2, 7, 9}, {9, 47}},    {{0, 4, 5}, {5, 6}},     {{1, 70, 33}, {33, 1}},
      {{2, 20, 1024}, {1024, 9}}, {{1, 29, 96}, {96, 96}}, {{4, 13, 32}, {32, 48}},
  };
  for (const auto& pair : pairs) {
    const std::int64_t depth = pair[1][0], columns = pair[1][1];
    OpRunner runner("Linear", "godwit");
    runner.input(random_tensor(pair[0], 1)).constant(random_tensor(pair[1], 2));
    OpRunner biased = runner;
    biased.constant(random_tensor({columns}, 3));
    OpRunner fused = biased;
    fused.residual(random_tensor(fused.shape(), 4)).clamp(-1, 1);
    for (const OpRunner& each : {runner, biased, fused}) {
      const std::vector<Ran> ran = each.run_implementations(product_sum_bound(each, depth));
      EXPECT_EQ(did_run(ran, "linear_panels"), pair[0].elements() > 0);
    }
  }
}

TEST(LinearOp, HandsOnNaNAndInfinity) {
  Tensor src = random_tensor({1, 16, 40}, 1);
  src.mutable_values<float>()[3] = std::numeric_limits<float>::quiet_NaN();
  src.mutable_values<float>()[45] = std::numeric_limits<float>::infinity();
  OpRunner runner("Linear", "godwit");
  runner.input(src).constant(random_tensor({40, 35}, 2, 1, 2)).constant(random_tensor({35}, 3)).clamp(0);
  const Floats values = first(runner);
  EXPECT_TRUE(std::isnan(values[0]));
  EXPECT_TRUE(std::isinf(values[35]));
  runner.run_implementations(product_sum_bound(runner, 40));
}

}  // namespace
}  // namespace godwit::support
