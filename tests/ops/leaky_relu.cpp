// LeakyRelu: values, shapes, refusals, and every implementation against the reference.
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

TEST(LeakyReluOp, ScalesWhatIsNegative) {
  const Tensor src = Tensor::of<float>({4}, {-2, 0, 3, -kInf});
  EXPECT_EQ(values_of<float>(OpRunner("LeakyRelu").input(src).attribute("alpha", 0.25F).reference()[0]),
            (std::vector<float>{-0.5F, 0, 3, -kInf}));
  EXPECT_EQ(values_of<float>(OpRunner("LeakyRelu").input(src).reference()[0])[0], -2 * 0.01F);
  EXPECT_TRUE(
      std::isnan(value_at(OpRunner("LeakyRelu").input(Tensor::of<float>({1}, {kNan})).reference()[0], 0)));
}

TEST(LeakyReluOp, PassesOnShapesAndTypes) {
  const Shape symbolic{kAnyDim - 1, 3, kAnyDim, 5};
  EXPECT_EQ(OpRunner("LeakyRelu").input(symbolic).shape(), symbolic);
  EXPECT_EQ(OpRunner("LeakyRelu").input(Shape::unranked()).shape(), Shape::unranked());
  EXPECT_EQ(OpRunner("LeakyRelu").input(TensorDesc{DType::f64, {2}, {}}).infer()[0].to_string(), "f64 2");
  EXPECT_EQ(OpRunner("LeakyRelu").input(random_tensor({0, 4}, 1)).reference()[0].shape(), Shape({0, 4}));
}

TEST(LeakyReluOp, RefusesOtherTypesAndAttributes) {
  const TensorDesc integers{DType::s32, {2}, {}};
  EXPECT_EQ(error_of([&] { OpRunner("LeakyRelu").input(integers).infer(); }),
            "input 0 is s32, expected f32, f64, f16 or bf16");
  EXPECT_EQ(error_of([] { OpRunner("LeakyRelu").input({2}).attribute("slope", 1.0F).infer(); }),
            "attribute 'slope' is not known for this operator");
  EXPECT_EQ(error_of([] { OpRunner("LeakyRelu").input({2}).input({2}).infer(); }),
            "has 2 inputs, expected 1");
}

// One product, and the rounding of the reference.
TEST(LeakyReluOp, EveryImplementationAgrees) {
  for (const Shape& shape :
       {Shape{1}, Shape{0}, Shape{7, 3}, Shape{2, 5, 3, 3}, Shape{1, 64, 4, 5}, Shape{2, 17, 9}}) {
    OpRunner("LeakyRelu").input(random_tensor(shape, 7, -9, 9)).run_implementations(roundings(2));
  }
}

}  // namespace
}  // namespace godwit::support
