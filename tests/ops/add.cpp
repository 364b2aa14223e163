// Add with a clamp behind it; arithmetic.cpp has the rest.
#include <cmath>
#include <gtest/gtest.h>
#include <limits>
#include <vector>

#include "tests/support/compare.h"
#include "tests/support/op_runner.h"

namespace godwit::support {
namespace {

TEST(AddOp, ClampsLast) {
  OpRunner runner("Add");
  runner.input(Tensor::of<float>({4}, {-3, 1, 3, std::numeric_limits<float>::quiet_NaN()}));
  runner.input(Tensor::of<float>({4}, {1, 1, 4, 1})).clamp(0, 6);
  const auto values = values_of<float>(runner.reference()[0]);
  EXPECT_EQ(values[0], 0);
  EXPECT_EQ(values[1], 2);
  EXPECT_EQ(values[2], 6);
  EXPECT_TRUE(std::isnan(values[3]));
  runner.run_implementations(exact());
}

TEST(AddOp, ClampsIntegersToTheirOwnRange) {
  OpRunner runner("Add");
  runner.input(Tensor::of<std::uint8_t>({3}, {1, 100, 200}))
      .input(Tensor::of<std::uint8_t>({3}, {1, 100, 50}));
  EXPECT_EQ(values_of<std::uint8_t>(runner.clamp(-5, 220.5F).reference()[0]),
            (std::vector<std::uint8_t>{2, 200, 220}));
  EXPECT_EQ(values_of<std::uint8_t>(runner.clamp(10, 1e9F).reference()[0]),
            (std::vector<std::uint8_t>{10, 200, 250}));
}

}  // namespace
}  // namespace godwit::support
