// Reshape: copied and inferred dimensions, what survives of symbols, and shapes that do not fit.
#include <gtest/gtest.h>

#include "tests/support/compare.h"
#include "tests/support/counting.h"
#include "tests/support/errors.h"
#include "tests/support/op_runner.h"

namespace godwit::support {
namespace {

Shape reshaped(const Shape& src, std::initializer_list<std::int64_t> target, bool allow_zero = false) {
  return OpRunner("Reshape")
      .input(src)
      .constant(integers(target))
      .attribute("allowzero", allow_zero ? 1 : 0)
      .shape();
}

TEST(ReshapeOp, TakesTheNewShape) {
  EXPECT_EQ(reshaped({2, 3, 4}, {4, 2, 3}), Shape({4, 2, 3}));
  EXPECT_EQ(reshaped({2, 3, 4}, {24}), Shape({24}));
  EXPECT_EQ(reshaped({2, 3, 4}, {2, 3, 2, 2}), Shape({2, 3, 2, 2}));
  EXPECT_EQ(reshaped({1, 1}, {}), Shape{});
}

TEST(ReshapeOp, InfersOneDimensionAndCopiesOthers) {
  EXPECT_EQ(reshaped({2, 3, 4}, {2, -1, 2}), Shape({2, 6, 2}));
  EXPECT_EQ(reshaped({2, 3, 4}, {-1, 2, 3, 4}), Shape({1, 2, 3, 4}));
  EXPECT_EQ(reshaped({2, 3, 4}, {2, 0, 4, 1}), Shape({2, 3, 4, 1}));
  EXPECT_EQ(reshaped({2, 3, 4}, {2, 0, 1, -1}), Shape({2, 3, 1, 4}));
}

TEST(ReshapeOp, TreatsZeroAsTheAttributeSays) {
  EXPECT_EQ(reshaped({0, 3, 4}, {3, 4, 0}, true), Shape({3, 4, 0}));
  EXPECT_EQ(reshaped({0, 3, 4}, {0, 12}), Shape({0, 12}));
  EXPECT_EQ(reshaped({0, 3, 4}, {0, -1}), Shape({0, 12}));
  EXPECT_EQ(reshaped({0, 3, 4}, {12, -1}), Shape({12, 0}));
}

TEST(ReshapeOp, KeepsSymbolsWhereNumbersCancel) {
  EXPECT_EQ(reshaped({kBatch, 2048, 1, 1}, {-1, 2048}), Shape({kBatch, 2048}));
  EXPECT_EQ(reshaped({kBatch, 512, 7, 7}, {0, -1}), Shape({kBatch, 25088}));
  EXPECT_EQ(reshaped({kBatch, kOther, 4}, {0, 0, 2, -1}), Shape({kBatch, kOther, 2, 2}));
  EXPECT_EQ(reshaped({kBatch, 4}, {-1, 2}), Shape({kAnyDim, 2}));
  EXPECT_EQ(reshaped({kBatch, kOther}, {-1, 2}), Shape({kAnyDim, 2}));
  EXPECT_EQ(reshaped({kBatch, 2048}, {1, 2048}), Shape({1, 2048}));
  EXPECT_EQ(reshaped(Shape::unranked(), {0, 5, -1}), Shape({kAnyDim, 5, kAnyDim}));
}

TEST(ReshapeOp, KnowsTheRankOfAComputedShape) {
  const TensorDesc three{DType::s64, {3}}, any{DType::s64, {kAnyDim}}, none{DType::s64, {0}};
  EXPECT_EQ(OpRunner("Reshape").input({2, 3}).input(three).shape(), Shape({kAnyDim, kAnyDim, kAnyDim}));
  EXPECT_EQ(OpRunner("Reshape").input({2, 3}).input(any).shape(), Shape::unranked());
  EXPECT_EQ(OpRunner("Reshape").input({1, 1}).input(none).shape(), Shape{});
}

TEST(ReshapeOp, CopiesEveryType) {
  for (const DType dtype : kAllTypes) {
    const Tensor src = counting({2, 3, 4}, dtype);
    OpRunner runner("Reshape");
    runner.input(src).constant(integers({6, -1}));
    EXPECT_TRUE(runner.is_view());
    expect_close(runner.reference()[0], src.reshaped({6, 4}), exact());
    runner.run_implementations(exact());
  }
}

TEST(ReshapeOp, RefusesShapesThatDoNotFit) {
  const auto error = [](const Shape& src, std::initializer_list<std::int64_t> target,
                        bool allow_zero = false) {
    return error_of([&] { reshaped(src, target, allow_zero); });
  };
  EXPECT_EQ(error({2, 3}, {4, 2}), "shape 2x3 (6 elements) cannot become 4x2 (8 elements)");
  EXPECT_EQ(error({2, 3}, {4, -1}), "shape 2x3 cannot be divided into 4 equal parts to find dimension -1");
  EXPECT_EQ(error({2, 3}, {-1, -1}), "the new shape has more than one -1");
  EXPECT_EQ(error({2, 3}, {-2, 3}), "dimension 0 of the new shape is -2, expected at least -1");
  EXPECT_EQ(error({2, 3}, {2, 3, 0}),
            "dimension 2 of the new shape is copied from an operand of 2 dimensions");
  EXPECT_EQ(error({0, 3}, {0, -1}, true), "the new shape has a 0 and a -1");
  EXPECT_EQ(error({1}, {1, 1, 1, 1, 1, 1, 1, 1, 1}), "a result of 9 dimensions; at most 8 are supported");
  EXPECT_EQ(error({2, 3}, {std::int64_t{1} << 40, std::int64_t{1} << 40, -1}),
            "the product of dimensions 1099511627776x1099511627776 does not fit in 63 bits");
}

TEST(ReshapeOp, RefusesAShapeOfAnotherType) {
  EXPECT_EQ(error_of([] {
              OpRunner("Reshape").input({2, 3}).constant(counting({2})).infer();
            }),
            "input 1 (shape) is f32, expected s64");
  EXPECT_EQ(error_of([] {
              OpRunner("Reshape").input({2, 3}).input(TensorDesc{DType::s64, {2, 1}}).infer();
            }),
            "input 1 (shape) has shape 2x1, expected one dimension");
}

}  // namespace
}  // namespace godwit::support
