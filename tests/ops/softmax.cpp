// Softmax: values, axes, extremes, refusals, and every implementation against the reference.
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
constexpr float kInf = std::numeric_limits<float>::infinity();
Floats first(const OpRunner& runner) { return values_of<float>(runner.reference()[0]); }

TEST(SoftmaxOp, NormalizesExponentials) {
  // e^-1, 1 and e over their sum, 4.0861612696304876…
  EXPECT_EQ(first(OpRunner("Softmax").input(Tensor::of<float>({1, 3}, {-1, 0, 1}))),
            (Floats{0.0900305731703804658F, 0.244728471054797647F, 0.665240955774821886F}));
}

TEST(SoftmaxOp, NeverOverflows) {
  // The logarithm of 3 apart: a quarter and three quarters, up to the rounding of the difference.
  const Floats values = first(OpRunner("Softmax").input(Tensor::of<float>({2}, {10000, 10000})));
  EXPECT_EQ(values, (Floats{0.5F, 0.5F}));
  EXPECT_EQ(first(OpRunner("Softmax").input(Tensor::of<float>({2}, {0, -kInf}))), (Floats{1, 0}));
  EXPECT_TRUE(std::isnan(first(OpRunner("Softmax").input(Tensor::of<float>({2}, {-kInf, -kInf})))[0]));
}

TEST(SoftmaxOp, WorksAlongAnyAxis) {
  const Tensor src = Tensor::of<float>({2, 2, 2}, {0, 0, 0, 0, 0, 0, 0, 0});
  for (const int axis : {-3, 0, 1, 2}) {
    EXPECT_EQ(first(OpRunner("Softmax").input(src).attribute("axis", axis)), Floats(8, 0.5F));
  }
  // Sums along axis 0 pair the first with the third.
  const Tensor columns = Tensor::of<float>({2, 2}, {0, kInf, 0, 0});
  const Floats values = first(OpRunner("Softmax").input(columns).attribute("axis", 0));
  EXPECT_EQ(values[0], 0.5F);
  EXPECT_EQ(values[2], 0.5F);
}

TEST(SoftmaxOp, InfersAndRefuses) {
  const Shape symbolic{kAnyDim - 1, 10};
  EXPECT_EQ(OpRunner("Softmax").input(symbolic).shape(), symbolic);
  EXPECT_EQ(OpRunner("Softmax").input(Shape::unranked()).attribute("axis", 7).shape(), Shape::unranked());
  EXPECT_EQ(OpRunner("Softmax").input(random_tensor({2, 0}, 1)).reference()[0].shape(), Shape({2, 0}));
  EXPECT_EQ(error_of([] {
              OpRunner("Softmax").input({2, 3}).attribute("axis", 2).infer();
            }),
            "axis 2 is out of range, expected -2 to 1");
  EXPECT_EQ(error_of([] {
              OpRunner("Softmax").input(TensorDesc{DType::s64, {2}, {}}).infer();
            }),
            "input 0 is s64, expected f32, f64, f16 or bf16");
}

TEST(SoftmaxOp, EveryImplementationAgrees) {
  for (const Shape& shape : {Shape{1, 1}, Shape{3, 1000}, Shape{2, 17, 5}, Shape{0, 3}, Shape{7, 33}}) {
    for (int axis = 0; axis < shape.rank(); ++axis) {
      const std::int64_t count = shape[axis];
      // With |x - max| <= 8 the rounded difference and its reduction move exp by 8 u each, a polynomial by 2
      // u; that for the numerator and for each term of the sum; then count - 1 sums, a quotient (two if by a
      // reciprocal), and the reference.
      const std::int64_t steps = 2 * (8 + 8 + 2) + count + 2;
      OpRunner runner("Softmax");
      runner.input(random_tensor(shape, 9, -4, 4))
          .attribute("axis", axis)
          .run_implementations(roundings(steps));
    }
  }
}

}  // namespace
}  // namespace godwit::support
