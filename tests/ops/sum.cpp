// Sum: its clamp, and every implementation against the reference.
#include <gtest/gtest.h>
#include <limits>
#include <vector>

#include "tests/support/compare.h"
#include "tests/support/op_runner.h"
#include "tests/support/random.h"

namespace godwit::support {
namespace {

TEST(SumOp, AddsUpAndClamps) {
  OpRunner runner("Sum");
  for (const float value : {1.0F, 2.0F, -6.0F}) runner.input(Tensor::of<float>({2}, {value, 2 * value}));
  EXPECT_EQ(values_of<float>(runner.reference()[0]), (std::vector<float>{-3, -6}));
  EXPECT_EQ(values_of<float>(runner.clamp(-5, -4).reference()[0]), (std::vector<float>{-4, -5}));
}

TEST(SumOp, EveryImplementationAgrees) {
  for (const Shape& shape : {Shape{1}, Shape{2, 3, 5, 7}, Shape{2050}, Shape{3, 4099}, Shape{0, 3}}) {
    for (const int operands : {1, 2, 3, 5}) {
      OpRunner runner("Sum");
      for (int i = 0; i < operands; ++i) runner.input(random_tensor(shape, static_cast<std::uint64_t>(i)));
      const bool any = shape.elements() > 0 && operands > 1;
      const Bound bound = product_sum_bound(runner, operands);
      EXPECT_EQ(did_run(runner.run_implementations(bound), "sum_spans"), any);
      runner.clamp(-0.5F, 1).run_implementations(bound);
    }
  }
}

TEST(SumOp, HandsOnNaNAndInfinity) {
  Tensor first = random_tensor({100}, 1);
  first.mutable_values<float>()[3] = std::numeric_limits<float>::quiet_NaN();
  first.mutable_values<float>()[99] = -std::numeric_limits<float>::infinity();
  OpRunner runner("Sum");
  runner.input(first).input(random_tensor({100}, 2)).input(random_tensor({100}, 3));
  runner.run_implementations(product_sum_bound(runner, 3));
}

}  // namespace
}  // namespace godwit::support
