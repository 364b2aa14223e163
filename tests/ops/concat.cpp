// Concat: every axis, layout and type, symbols along the axis and across it, and operands that do not fit.
#include <gtest/gtest.h>
#include <vector>

#include "tests/support/compare.h"
#include "tests/support/counting.h"
#include "tests/support/errors.h"
#include "tests/support/op_runner.h"

namespace godwit::support {
namespace {

OpRunner concat(int axis, const std::vector<Tensor>& operands) {
  OpRunner runner("Concat");
  runner.attribute("axis", axis);
  for (const Tensor& operand : operands) runner.input(operand);
  return runner;
}

Shape shape_of(int axis, std::initializer_list<Shape> operands) {
  OpRunner runner("Concat");
  runner.attribute("axis", axis);
  for (const Shape& operand : operands) runner.input(operand);
  return runner.shape();
}

TEST(ConcatOp, PutsOneBehindTheOther) {
  const Tensor a = Tensor::of<float>({2, 2}, {1, 2, 3, 4});
  const Tensor b = Tensor::of<float>({2, 1}, {5, 6});
  EXPECT_EQ(values_of<float>(concat(1, {a, b}).reference()[0]), (std::vector<float>{1, 2, 5, 3, 4, 6}));
  EXPECT_EQ(values_of<float>(concat(-1, {b, a}).reference()[0]), (std::vector<float>{5, 1, 2, 6, 3, 4}));
  EXPECT_EQ(values_of<float>(concat(0, {a, a}).reference()[0]), (std::vector<float>{1, 2, 3, 4, 1, 2, 3, 4}));
}

TEST(ConcatOp, TakesEveryAxisInEveryLayout) {
  for (int axis = 0; axis < 4; ++axis) {
    Shape first{2, 3, 5, 4}, second{2, 3, 5, 4};
    first[axis] = 1;
    second[axis] = 40;
    OpRunner runner = concat(axis, {counting(first), counting(second), counting(first)});
    EXPECT_EQ(runner.layout(), ops::LayoutRule::follows);
    EXPECT_TRUE(did_run(runner.run_implementations(exact()), "strided_copy"));
    // A constant stays nchw beside nhwc operands.
    runner.constant(counting(second)).run_implementations(exact());
  }
}

TEST(ConcatOp, TakesEveryType) {
  for (const DType dtype : kAllTypes) {
    concat(1, {counting({2, 3, 4}, dtype), counting({2, 1, 4}, dtype)}).run_implementations(exact());
  }
}

TEST(ConcatOp, TakesManyOperandsAndEmptyOnes) {
  OpRunner many("Concat");
  many.attribute("axis", 0);
  for (int i = 0; i < 60; ++i) many.input(counting({i % 3, 2}));
  EXPECT_EQ(many.shape(), Shape({60, 2}));
  many.run_implementations(exact());
  concat(0, {counting({0, 2}), counting({0, 2})}).run_implementations(exact());
}

TEST(ConcatOp, OfOneOperandIsAView) {
  EXPECT_TRUE(concat(0, {counting({2, 2})}).is_view());
  EXPECT_FALSE(concat(0, {counting({2, 2}), counting({2, 2})}).is_view());
}

TEST(ConcatOp, KeepsSymbols) {
  EXPECT_EQ(shape_of(1, {{kBatch, 3, 4}, {kBatch, 2, 4}}), Shape({kBatch, 5, 4}));
  EXPECT_EQ(shape_of(1, {{kAnyDim, 3, 4}, {kBatch, 2, kAnyDim}}), Shape({kBatch, 5, 4}));
  EXPECT_EQ(shape_of(1, {{kBatch, 3}, {7, 2}}), Shape({7, 5}));
  EXPECT_EQ(shape_of(0, {{kBatch, 3}, {7, 3}}), Shape({kAnyDim, 3}));
  EXPECT_EQ(shape_of(0, {{kBatch, 3}, {0, 3}}), Shape({kBatch, 3}));
  EXPECT_EQ(shape_of(1, {{2, 3}, Shape::unranked()}), Shape({2, kAnyDim}));
  EXPECT_EQ(shape_of(1, {Shape::unranked(), Shape::unranked()}), Shape::unranked());
}

TEST(ConcatOp, RefusesOperandsThatDoNotFit) {
  const auto error = [](int axis, std::initializer_list<Shape> operands) {
    return error_of([&] { shape_of(axis, operands); });
  };
  EXPECT_EQ(error(0, {{2, 3}, {2, 4}}), "input 1 has shape 2x4, which does not go with 2x3 along axis 0");
  EXPECT_EQ(error(0, {{2, 3}, {2}}), "input 1 has shape 2, which does not go with 2x3 along axis 0");
  EXPECT_EQ(error(2, {{2, 3}, {2, 3}}), "axis 2 is out of range, expected -2 to 1");
  EXPECT_EQ(error(0, {Shape{}}), "axis 0 of a scalar, which has none");
  const std::int64_t large = std::int64_t{1} << 62;
  EXPECT_EQ(error(0, {{large, 0}, {large, 0}}),
            "the sum of dimensions 4611686018427387904+4611686018427387904 does not fit in 63 bits");
  EXPECT_EQ(error_of([] {
              concat(0, {counting({2}), counting({2}, DType::s32)}).infer();
            }),
            "input 1 is s32 and input 0 is f32; they must be the same");
  EXPECT_EQ(error_of([] { OpRunner("Concat").input({2}).infer(); }),
            "attribute 'axis' is required and missing");
  EXPECT_EQ(error_of([] { OpRunner("Concat").attribute("axis", 0).input({2}).omitted().infer(); }),
            "input 1 is required and missing");
}

}  // namespace
}  // namespace godwit::support
