// NonZero: positions row by row, every type, results of true shape inside memory for the bound.
#include <gtest/gtest.h>
#include <limits>
#include <vector>

#include "tests/support/compare.h"
#include "tests/support/counting.h"
#include "tests/support/op_runner.h"

namespace godwit::support {
namespace {

using Integers = std::vector<std::int64_t>;

TEST(NonZeroOp, ListsPositionsRowByRow) {
  OpRunner runner("NonZero");
  runner.input(Tensor::of<float>({2, 3}, {1, 0, -2, 0, 0.5F, -0.0F}));
  const Tensor result = runner.reference()[0];
  EXPECT_EQ(result.desc().to_string(), "s64 2x3");
  EXPECT_EQ(values_of<std::int64_t>(result), (Integers{0, 0, 1, 0, 2, 1}));
  EXPECT_EQ(result.capacity(), 2 * 6 * sizeof(std::int64_t));
  runner.run_implementations(exact());
}

TEST(NonZeroOp, TakesEveryType) {
  for (const DType dtype : kAllTypes) {
    OpRunner runner("NonZero");
    const Tensor src = counting({2, 2}, dtype);
    runner.input(src);
    Integers rows, columns;
    for (std::int64_t i = 0; i < 4; ++i) {
      if (value_at(src, static_cast<std::size_t>(i)) == 0) continue;
      rows.push_back(i / 2);
      columns.push_back(i % 2);
    }
    Integers expected = rows;
    expected.insert(expected.end(), columns.begin(), columns.end());
    EXPECT_EQ(values_of<std::int64_t>(runner.reference()[0]), expected) << name_of(dtype);
    runner.run_implementations(exact());
  }
}

TEST(NonZeroOp, NanIsNotZero) {
  OpRunner runner("NonZero");
  runner.input(Tensor::of<float>({2}, {0, std::numeric_limits<float>::quiet_NaN()}));
  EXPECT_EQ(values_of<std::int64_t>(runner.reference()[0]), (Integers{1}));
}

TEST(NonZeroOp, FindsNothingOrOneScalar) {
  EXPECT_EQ(OpRunner("NonZero").input(Tensor::of<float>({3}, {0, 0, 0})).reference()[0].shape(),
            Shape({1, 0}));
  EXPECT_EQ(OpRunner("NonZero").input(counting({0, 2})).reference()[0].shape(), Shape({2, 0}));
  // ONNX gives a scalar no axis, unlike NumPy.
  EXPECT_EQ(OpRunner("NonZero").input(Tensor::of<float>({}, {7})).reference()[0].shape(), Shape({0, 1}));
}

TEST(NonZeroOp, InfersABound) {
  EXPECT_EQ(OpRunner("NonZero").input({2, 3}).shape(), Shape({2, at_most(6)}));
  EXPECT_EQ(OpRunner("NonZero").input({2, 3}).shape().to_string(), "2x<=6");
  EXPECT_EQ(OpRunner("NonZero").input({2, at_most(6)}).shape(), Shape({2, at_most(12)}));
  EXPECT_EQ(OpRunner("NonZero").input({kBatch, 3}).shape(), Shape({2, kAnyDim}));
  EXPECT_EQ(OpRunner("NonZero").input(Shape::unranked()).shape(), Shape({kAnyDim, kAnyDim}));
  EXPECT_EQ(OpRunner("NonZero").input({2, 3}).layout(), ops::LayoutRule::nchw_only);
  EXPECT_EQ(OpRunner("NonZero").input({2, 3}).cost().flops, 6);
}

}  // namespace
}  // namespace godwit::support
