// HardSigmoid: values, shapes, refusals, and every implementation against the reference.
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

constexpr float kInf = std::numeric_limits<float>::infinity();
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

TEST(HardSigmoidOp, IsALineBetweenZeroAndOne) {
  const Tensor src = Tensor::of<float>({5}, {-1, 0, 1, kInf, -kInf});
  OpRunner runner("HardSigmoid");
  runner.input(src).attribute("alpha", 0.5F).attribute("beta", 0.625F);
  EXPECT_EQ(values_of<float>(runner.reference()[0]), (std::vector<float>{0.125F, 0.625F, 1, 1, 0}));
  const auto defaults = values_of<float>(OpRunner("HardSigmoid").input(src).reference()[0]);
  EXPECT_EQ(defaults[1], 0.5F);
  EXPECT_NEAR(defaults[0], 0.3F, 2 * unit_roundoff<float>);
  EXPECT_TRUE(
      std::isnan(value_at(OpRunner("HardSigmoid").input(Tensor::of<float>({1}, {kNan})).reference()[0], 0)));
}

TEST(HardSigmoidOp, PassesOnShapesAndTypes) {
  const Shape symbolic{kAnyDim - 1, 3, kAnyDim, 5};
  EXPECT_EQ(OpRunner("HardSigmoid").input(symbolic).shape(), symbolic);
  EXPECT_EQ(OpRunner("HardSigmoid").input(Shape::unranked()).shape(), Shape::unranked());
  EXPECT_EQ(OpRunner("HardSigmoid").input(TensorDesc{DType::f64, {2}, {}}).infer()[0].to_string(), "f64 2");
  EXPECT_EQ(OpRunner("HardSigmoid").input(random_tensor({0, 4}, 1)).reference()[0].shape(), Shape({0, 4}));
}

TEST(HardSigmoidOp, RefusesOtherTypesAndAttributes) {
  const TensorDesc integers{DType::s32, {2}, {}};
  EXPECT_EQ(error_of([&] { OpRunner("HardSigmoid").input(integers).infer(); }),
            "input 0 is s32, expected f32, f64, f16 or bf16");
  EXPECT_EQ(error_of([] { OpRunner("HardSigmoid").input({2}).attribute("slope", 1.0F).infer(); }),
            "attribute 'slope' is not known for this operator");
  EXPECT_EQ(error_of([] { OpRunner("HardSigmoid").input({2}).input({2}).infer(); }),
            "has 2 inputs, expected 1");
}

// The line rounds a product and a sum, each at most |alpha x| + |beta| < 2.5 for |x| <= 9, and the reference
// once more; cutting it off at 0 and 1 moves no two values apart.
Bound line_bound() {
  return [](const Element&) { return gamma(3) * 2.5; };
}

TEST(HardSigmoidOp, EveryImplementationAgrees) {
  for (const Shape& shape :
       {Shape{1}, Shape{0}, Shape{7, 3}, Shape{2, 5, 3, 3}, Shape{1, 64, 4, 5}, Shape{2, 17, 9}}) {
    OpRunner("HardSigmoid").input(random_tensor(shape, 7, -9, 9)).run_implementations(line_bound());
  }
}

}  // namespace
}  // namespace godwit::support
