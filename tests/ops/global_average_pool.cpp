// GlobalAveragePool: values, shapes, refusals, and every implementation against the reference.
#include <cmath>
#include <gtest/gtest.h>
#include <vector>

#include "tests/support/compare.h"
#include "tests/support/errors.h"
#include "tests/support/op_runner.h"
#include "tests/support/random.h"

namespace godwit::support {
namespace {

TEST(GlobalAveragePoolOp, AveragesEachChannel) {
  OpRunner runner("GlobalAveragePool");
  runner.input(Tensor::of<float>({1, 2, 2, 2}, {1, 2, 3, 4, 10, 20, 30, 60}));
  EXPECT_EQ(values_of<float>(runner.reference()[0]), (std::vector<float>{2.5F, 30}));
  EXPECT_EQ(runner.cost().flops, 8);
  EXPECT_EQ(runner.layout(), ops::LayoutRule::nhwc);
}

TEST(GlobalAveragePoolOp, MeanOfNothingIsNan) {
  const Tensor result = OpRunner("GlobalAveragePool").input(random_tensor({1, 2, 0, 3}, 1)).reference()[0];
  EXPECT_TRUE(std::isnan(value_at(result, 1)));
}

TEST(GlobalAveragePoolOp, InfersAndRefuses) {
  constexpr std::int64_t kBatch = kAnyDim - 1;
  EXPECT_EQ(OpRunner("GlobalAveragePool").input({kBatch, 3, kAnyDim, 7}).shape(), Shape({kBatch, 3, 1, 1}));
  EXPECT_EQ(OpRunner("GlobalAveragePool").input({2, 3, 4, 5, 6}).shape(), Shape({2, 3, 1, 1, 1}));
  EXPECT_EQ(OpRunner("GlobalAveragePool").input(Shape::unranked()).shape(), Shape::unranked());
  EXPECT_EQ(error_of([] {
              OpRunner("GlobalAveragePool").input({2, 3}).infer();
            }),
            "input 0 has 2 dimensions (2x3), expected at least 3");
  EXPECT_EQ(error_of([] {
              OpRunner("GlobalAveragePool").input(TensorDesc{DType::s8, {1, 1, 1}, {}}).infer();
            }),
            "input 0 is s8, expected f32, f64, f16 or bf16");
}

TEST(GlobalAveragePoolOp, EveryImplementationAgrees) {
  for (const Shape& shape : {Shape{1, 1, 1, 1}, Shape{2, 19, 7, 7}, Shape{1, 128, 3, 5}, Shape{0, 3, 5, 5},
                             Shape{2, 17, 9}, Shape{1, 5, 2, 3, 4}}) {
    const std::int64_t count = shape.product(2, shape.rank());
    // Each of `count` numbers below 2 passes through at most count - 1 sums and two roundings of the division
    // (by a rounded reciprocal); the reference rounds once.
    const Bound bound = [count](const Element&) { return gamma(count + 2) * 2; };
    OpRunner("GlobalAveragePool").input(random_tensor(shape, 3, -2, 2)).run_implementations(bound);
  }
}

}  // namespace
}  // namespace godwit::support
