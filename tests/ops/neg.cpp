// Neg of zero and of every signed type; activations.cpp has the rest.
#include <cmath>
#include <gtest/gtest.h>
#include <limits>

#include "tests/support/compare.h"
#include "tests/support/counting.h"
#include "tests/support/op_runner.h"

namespace godwit::support {
namespace {

TEST(NegOp, MakesZeroNegative) {
  EXPECT_TRUE(std::signbit(value_at(OpRunner("Neg").input(Tensor::of<float>({1}, {0})).reference()[0], 0)));
}

TEST(NegOp, TakesEverySignedType) {
  for (const DType dtype : {DType::f32, DType::f64, DType::s8, DType::s32, DType::s64}) {
    OpRunner runner("Neg");
    runner.input(counting({2, 3}, dtype));
    EXPECT_EQ(value_at(runner.reference()[0], 5), -5);
    runner.run_implementations(exact());
  }
  constexpr std::int32_t kMin = std::numeric_limits<std::int32_t>::min();
  const Tensor dst = OpRunner("Neg").input(Tensor::of<std::int32_t>({1}, {kMin})).reference()[0];
  EXPECT_EQ(values_of<std::int32_t>(dst)[0], kMin);
}

}  // namespace
}  // namespace godwit::support
