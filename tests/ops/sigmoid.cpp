// Sigmoid: values, shapes, refusals, and every implementation against the reference.
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

TEST(SigmoidOp, IsTheLogisticFunction) {
  const Tensor src = Tensor::of<float>({6}, {0, 1, -1, kInf, -kInf, -800});
  const auto values = values_of<float>(OpRunner("Sigmoid").input(src).reference()[0]);
  // 1 / (1 + e^-1) = 0.73105857863000487925…
  EXPECT_EQ(values, (std::vector<float>{0.5F, 0.731058578630004879F, 0.268941421369995121F, 1, 0, 0}));
  EXPECT_TRUE(
      std::isnan(value_at(OpRunner("Sigmoid").input(Tensor::of<float>({1}, {kNan})).reference()[0], 0)));
}

TEST(SigmoidOp, PassesOnShapesAndTypes) {
  const Shape symbolic{kAnyDim - 1, 3, kAnyDim, 5};
  EXPECT_EQ(OpRunner("Sigmoid").input(symbolic).shape(), symbolic);
  EXPECT_EQ(OpRunner("Sigmoid").input(Shape::unranked()).shape(), Shape::unranked());
  EXPECT_EQ(OpRunner("Sigmoid").input(TensorDesc{DType::f64, {2}, {}}).infer()[0].to_string(), "f64 2");
  EXPECT_EQ(OpRunner("Sigmoid").input(random_tensor({0, 4}, 1)).reference()[0].shape(), Shape({0, 4}));
}

TEST(SigmoidOp, RefusesOtherTypesAndAttributes) {
  const TensorDesc integers{DType::s32, {2}, {}};
  EXPECT_EQ(error_of([&] { OpRunner("Sigmoid").input(integers).infer(); }),
            "input 0 is s32, expected f32, f64, f16 or bf16");
  EXPECT_EQ(error_of([] { OpRunner("Sigmoid").input({2}).attribute("slope", 1.0F).infer(); }),
            "attribute 'slope' is not known for this operator");
  EXPECT_EQ(error_of([] { OpRunner("Sigmoid").input({2}).input({2}).infer(); }), "has 2 inputs, expected 1");
}

// For |x| <= 9, where the smaller of 1 and e^-x is the part that rounds: an argument off by one rounding
// moves exp by |x| u, at most 9 u, reduction to the range of a polynomial and the polynomial by 2 u each, a
// sum and a quotient by 1 u each, and the reference by 1 u: 16 u.
TEST(SigmoidOp, EveryImplementationAgrees) {
  for (const Shape& shape :
       {Shape{1}, Shape{0}, Shape{7, 3}, Shape{2, 5, 3, 3}, Shape{1, 64, 4, 5}, Shape{2, 17, 9}}) {
    OpRunner("Sigmoid").input(random_tensor(shape, 7, -9, 9)).run_implementations(roundings(16));
  }
}

}  // namespace
}  // namespace godwit::support
