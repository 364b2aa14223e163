// Shape: the dimensions and parts of them, and when they are known without the operand's value.
#include <gtest/gtest.h>
#include <vector>

#include "tests/support/compare.h"
#include "tests/support/counting.h"
#include "tests/support/errors.h"
#include "tests/support/op_runner.h"

namespace godwit::support {
namespace {

std::vector<std::int64_t> dims(int start, int end) {
  OpRunner runner("Shape");
  runner.input(counting({3, 4, 5})).attribute("start", start).attribute("end", end);
  const Tensor result = runner.reference()[0];
  EXPECT_EQ(runner.shape(), result.shape());
  return values_of<std::int64_t>(result);
}

TEST(ShapeOp, GivesDimensions) {
  using Dims = std::vector<std::int64_t>;
  OpRunner all("Shape");
  all.input(counting({3, 4, 5}));
  EXPECT_EQ(values_of<std::int64_t>(all.reference()[0]), (Dims{3, 4, 5}));
  all.run_implementations(exact());
  EXPECT_EQ(dims(1, 3), (Dims{4, 5}));
  EXPECT_EQ(dims(0, -1), (Dims{3, 4}));
  EXPECT_EQ(dims(-1, 3), (Dims{5}));
  EXPECT_EQ(dims(-10, 10), (Dims{3, 4, 5}));
  EXPECT_EQ(dims(2, 1), Dims{});
  EXPECT_EQ(OpRunner("Shape").input(Shape{}).shape(), Shape({0}));
  EXPECT_EQ(OpRunner("Shape").input(Shape::unranked()).shape(), Shape({kAnyDim}));
}

TEST(ShapeOp, FoldsWhereTheDimensionsAskedForAreKnown) {
  const auto folds = [](const Shape& src, int start) {
    return OpRunner("Shape").input(src).attribute("start", start).folds_from_descs();
  };
  EXPECT_TRUE(folds({2, 3}, 0));
  EXPECT_FALSE(folds({kBatch, 3}, 0));
  EXPECT_TRUE(folds({kBatch, 3}, 1));
  EXPECT_FALSE(folds(Shape::unranked(), 0));
}

TEST(ShapeOp, TakesEveryType) {
  for (const DType dtype : kAllTypes) {
    OpRunner runner("Shape");
    runner.input(TensorDesc{dtype, {0, 2}});
    EXPECT_EQ(runner.infer()[0], (TensorDesc{DType::s64, {2}}));
    EXPECT_EQ(values_of<std::int64_t>(runner.reference()[0]), (std::vector<std::int64_t>{0, 2}));
  }
}

TEST(ShapeOp, RefusesAnotherAttribute) {
  EXPECT_EQ(error_of([] { OpRunner("Shape").input({2}).attribute("axis", 1).infer(); }),
            "attribute 'axis' is not known for this operator");
}

}  // namespace
}  // namespace godwit::support
