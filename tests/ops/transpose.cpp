// Transpose: every permutation of small tensors, tiles of large ones, and permutations that are none.
#include <algorithm>
#include <gtest/gtest.h>
#include <numeric>
#include <utility>
#include <vector>

#include "tests/support/compare.h"
#include "tests/support/counting.h"
#include "tests/support/errors.h"
#include "tests/support/op_runner.h"

namespace godwit::support {
namespace {

OpRunner transpose(const Tensor& src, std::vector<std::int64_t> perm) {
  OpRunner runner("Transpose");
  runner.input(src).attribute("perm", std::move(perm));
  return runner;
}

TEST(TransposeOp, ReversesWithoutPerm) {
  OpRunner runner("Transpose");
  runner.input(Tensor::of<float>({2, 3}, {1, 2, 3, 4, 5, 6}));
  EXPECT_EQ(runner.shape(), Shape({3, 2}));
  EXPECT_EQ(values_of<float>(runner.reference()[0]), (std::vector<float>{1, 4, 2, 5, 3, 6}));
}

TEST(TransposeOp, MovesAxes) {
  const OpRunner runner = transpose(counting({2, 3, 2}), {1, 2, 0});
  EXPECT_EQ(runner.shape(), Shape({3, 2, 2}));
  EXPECT_EQ(values_of<float>(runner.reference()[0]),
            (std::vector<float>{0, 6, 1, 7, 2, 8, 3, 9, 4, 10, 5, 11}));
}

TEST(TransposeOp, TilesEveryPermutation) {
  std::vector<std::int64_t> perm(4);
  std::iota(perm.begin(), perm.end(), 0);
  do {
    const auto ran = transpose(counting({2, 35, 3, 34}), perm).run_implementations(exact());
    EXPECT_TRUE(did_run(ran, "strided_copy"));
  } while (std::ranges::next_permutation(perm).found);
}

TEST(TransposeOp, MovesEveryType) {
  for (const DType dtype : kAllTypes) {
    const OpRunner runner = transpose(counting({3, 40, 50}, dtype), {2, 0, 1});
    EXPECT_EQ(runner.infer()[0].dtype, dtype);
    runner.run_implementations(exact());
  }
}

TEST(TransposeOp, MovesManyAxesAndNone) {
  transpose(counting({2, 3, 1, 2, 2, 3, 2, 2}), {7, 0, 6, 1, 5, 2, 4, 3}).run_implementations(exact());
  transpose(counting({}), {}).run_implementations(exact());
  transpose(counting({3, 0, 2}), {2, 1, 0}).run_implementations(exact());
  transpose(counting({1, 1}), {1, 0}).run_implementations(exact());
}

TEST(TransposeOp, IsAViewWhereNoByteMoves) {
  EXPECT_TRUE(transpose(counting({2, 1, 3, 1}), {1, 0, 3, 2}).is_view());
  EXPECT_FALSE(transpose(counting({2, 1, 3, 1}), {2, 1, 0, 3}).is_view());
  EXPECT_FALSE(OpRunner("Transpose").input(Shape::unranked()).is_view());
}

TEST(TransposeOp, KeepsSymbols) {
  EXPECT_EQ(OpRunner("Transpose").input({kBatch, 3, kOther}).shape(), Shape({kOther, 3, kBatch}));
  EXPECT_EQ(OpRunner("Transpose").input(Shape::unranked()).shape(), Shape::unranked());
  EXPECT_EQ(OpRunner("Transpose").input(Shape::unranked()).attribute("perm", {1, 0}).shape(),
            Shape({kAnyDim, kAnyDim}));
}

TEST(TransposeOp, RefusesWhatIsNoPermutation) {
  const auto error = [](std::vector<std::int64_t> perm) {
    return error_of([&] { transpose(counting({2, 3}), std::move(perm)).infer(); });
  };
  EXPECT_EQ(error({0, 1, 2}), "attribute 'perm' has 3 values, expected 2");
  EXPECT_EQ(error({0, 0}), "attribute 'perm' is [0, 0], expected the numbers 0 to 1 in some order");
  EXPECT_EQ(error({0, 2}), "attribute 'perm' is [0, 2], expected the numbers 0 to 1 in some order");
  EXPECT_EQ(error({-1, 0}), "attribute 'perm' is [-1, 0], expected the numbers 0 to 1 in some order");
}

}  // namespace
}  // namespace godwit::support
