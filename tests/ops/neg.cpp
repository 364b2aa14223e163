// Neg: values of every signed type, shapes, refusals.
#include <cmath>
#include <gtest/gtest.h>
#include <limits>
#include <vector>

#include "tests/support/compare.h"
#include "tests/support/counting.h"
#include "tests/support/errors.h"
#include "tests/support/op_runner.h"

namespace godwit::support {
namespace {

TEST(NegOp, ChangesTheSign) {
  OpRunner runner("Neg");
  runner.input(Tensor::of<float>({3}, {0, 1.5F, -2}));
  const auto values = values_of<float>(runner.reference()[0]);
  EXPECT_EQ(values, (std::vector<float>{0, -1.5F, 2}));
  EXPECT_TRUE(std::signbit(values[0]));
  runner.run_implementations(exact());
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

TEST(NegOp, PassesOnShapes) {
  EXPECT_EQ(OpRunner("Neg").input({kBatch, 3}).shape(), Shape({kBatch, 3}));
  EXPECT_EQ(OpRunner("Neg").input(counting({0})).reference()[0].shape(), Shape({0}));
  EXPECT_EQ(error_of([] { OpRunner("Neg").input(counting({2}, DType::u8)).infer(); }),
            "input 0 is u8, expected f32, f64, f16, bf16, s8, s32 or s64");
}

}  // namespace
}  // namespace godwit::support
