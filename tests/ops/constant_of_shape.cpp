// ConstantOfShape: values of every type, shapes known and computed, refusals.
#include <gtest/gtest.h>
#include <vector>

#include "tests/support/compare.h"
#include "tests/support/counting.h"
#include "tests/support/errors.h"
#include "tests/support/op_runner.h"

namespace godwit::support {
namespace {

TEST(ConstantOfShapeOp, FillsWithZeroOrAValue) {
  OpRunner zero("ConstantOfShape");
  zero.constant(integers({2, 2}));
  EXPECT_EQ(values_of<float>(zero.reference()[0]), (std::vector<float>{0, 0, 0, 0}));
  for (const DType dtype : kAllTypes) {
    OpRunner runner("ConstantOfShape");
    runner.constant(integers({3})).attribute("value", counting({1}, dtype));
    EXPECT_EQ(runner.infer()[0], (TensorDesc{dtype, {3}}));
    for (std::size_t i = 0; i < 3; ++i)
      EXPECT_EQ(value_at(runner.reference()[0], i), value_at(counting({1}, dtype), 0));
    runner.run_implementations(exact());
  }
}

TEST(ConstantOfShapeOp, InfersShapes) {
  const auto shape_of = [](const TensorDesc& target) {
    return OpRunner("ConstantOfShape").input(target).shape();
  };
  EXPECT_EQ(shape_of({DType::s64, {2}}), Shape({kAnyDim, kAnyDim}));
  EXPECT_EQ(shape_of({DType::s64, {0}}), Shape{});
  EXPECT_EQ(shape_of({DType::s64, {kAnyDim}}), Shape::unranked());
  EXPECT_EQ(OpRunner("ConstantOfShape").constant(integers({0, 3})).reference()[0].shape(), Shape({0, 3}));
}

TEST(ConstantOfShapeOp, RefusesWhatDoesNotFit) {
  EXPECT_EQ(error_of([] { OpRunner("ConstantOfShape").constant(integers({-1})).infer(); }),
            "input 0 (shape) has dimension -1, expected at least 0");
  EXPECT_EQ(error_of([] {
              OpRunner("ConstantOfShape").constant(integers({1})).attribute("value", counting({2})).infer();
            }),
            "attribute 'value' has shape 2, expected one element");
  EXPECT_EQ(error_of([] { OpRunner("ConstantOfShape").input({2}).infer(); }),
            "input 0 (shape) is f32, expected s64");
}

}  // namespace
}  // namespace godwit::support
