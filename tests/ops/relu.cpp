// Relu: values, shapes, refusals, and every implementation against the reference.
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

TEST(ReluOp, KeepsWhatIsPositive) {
  const auto result =
      OpRunner("Relu").input(Tensor::of<float>({5}, {-1.5F, 0, 2.5F, kInf, -kInf})).reference()[0];
  EXPECT_EQ(values_of<float>(result), (std::vector<float>{0, 0, 2.5F, kInf, 0}));
  EXPECT_TRUE(std::isnan(value_at(OpRunner("Relu").input(Tensor::of<float>({1}, {kNan})).reference()[0], 0)));
}

TEST(ReluOp, PassesOnShapesAndTypes) {
  const Shape symbolic{kAnyDim - 1, 3, kAnyDim, 5};
  EXPECT_EQ(OpRunner("Relu").input(symbolic).shape(), symbolic);
  EXPECT_EQ(OpRunner("Relu").input(Shape::unranked()).shape(), Shape::unranked());
  EXPECT_EQ(OpRunner("Relu").input(TensorDesc{DType::f64, {2}, {}}).infer()[0].to_string(), "f64 2");
  EXPECT_EQ(OpRunner("Relu").input(random_tensor({0, 4}, 1)).reference()[0].shape(), Shape({0, 4}));
}

TEST(ReluOp, RefusesOtherTypesAndAttributes) {
  const TensorDesc integers{DType::s32, {2}, {}};
  EXPECT_EQ(error_of([&] { OpRunner("Relu").input(integers).infer(); }),
            "input 0 is s32, expected f32, f64, f16 or bf16");
  EXPECT_EQ(error_of([] { OpRunner("Relu").input({2}).attribute("slope", 1.0F).infer(); }),
            "attribute 'slope' is not known for this operator");
  EXPECT_EQ(error_of([] { OpRunner("Relu").input({2}).input({2}).infer(); }), "has 2 inputs, expected 1");
}

// No arithmetic, so no rounding.
TEST(ReluOp, EveryImplementationAgrees) {
  for (const Shape& shape :
       {Shape{1}, Shape{0}, Shape{7, 3}, Shape{2, 5, 3, 3}, Shape{1, 64, 4, 5}, Shape{2, 17, 9}}) {
    OpRunner("Relu").input(random_tensor(shape, 7, -9, 9)).run_implementations(exact());
  }
}

}  // namespace
}  // namespace godwit::support
