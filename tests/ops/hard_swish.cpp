// HardSwish: values, shapes, refusals, and every implementation against the reference.
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

TEST(HardSwishOp, IsXTimesALine) {
  const Tensor src = Tensor::of<float>({6}, {-4, -1.5F, 0, 1.5F, kInf, -kInf});
  EXPECT_EQ(values_of<float>(OpRunner("HardSwish").input(src).reference()[0]),
            (std::vector<float>{0, -0.375F, 0, 1.125F, kInf, 0}));
  EXPECT_TRUE(
      std::isnan(value_at(OpRunner("HardSwish").input(Tensor::of<float>({1}, {kNan})).reference()[0], 0)));
}

TEST(HardSwishOp, PassesOnShapesAndTypes) {
  const Shape symbolic{kAnyDim - 1, 3, kAnyDim, 5};
  EXPECT_EQ(OpRunner("HardSwish").input(symbolic).shape(), symbolic);
  EXPECT_EQ(OpRunner("HardSwish").input(Shape::unranked()).shape(), Shape::unranked());
  EXPECT_EQ(OpRunner("HardSwish").input(TensorDesc{DType::f64, {2}, {}}).infer()[0].to_string(), "f64 2");
  EXPECT_EQ(OpRunner("HardSwish").input(random_tensor({0, 4}, 1)).reference()[0].shape(), Shape({0, 4}));
}

TEST(HardSwishOp, RefusesOtherTypesAndAttributes) {
  const TensorDesc integers{DType::s32, {2}, {}};
  EXPECT_EQ(error_of([&] { OpRunner("HardSwish").input(integers).infer(); }),
            "input 0 is s32, expected f32, f64, f16 or bf16");
  EXPECT_EQ(error_of([] { OpRunner("HardSwish").input({2}).attribute("slope", 1.0F).infer(); }),
            "attribute 'slope' is not known for this operator");
  EXPECT_EQ(error_of([] { OpRunner("HardSwish").input({2}).input({2}).infer(); }),
            "has 2 inputs, expected 1");
}

// The line x / 6 + 1/2 rounds 1/6, a product and a sum, each at most 2 for |x| <= 9; the result is it times
// x, rounded once more, and once by the reference.
Bound line_bound() {
  return [](const Element&) { return gamma(5) * 2 * 9; };
}

TEST(HardSwishOp, EveryImplementationAgrees) {
  for (const Shape& shape :
       {Shape{1}, Shape{0}, Shape{7, 3}, Shape{2, 5, 3, 3}, Shape{1, 64, 4, 5}, Shape{2, 17, 9}}) {
    OpRunner("HardSwish").input(random_tensor(shape, 7, -9, 9)).run_implementations(line_bound());
  }
}

}  // namespace
}  // namespace godwit::support
