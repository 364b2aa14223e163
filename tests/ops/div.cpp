// Div by zero; arithmetic.cpp has the rest.
#include <cmath>
#include <gtest/gtest.h>
#include <limits>
#include <vector>

#include "tests/support/compare.h"
#include "tests/support/op_runner.h"

namespace godwit::support {
namespace {

TEST(DivOp, IntegersNeverTrap) {
  constexpr auto kLowest = std::numeric_limits<std::int32_t>::min();
  OpRunner words("Div");
  words.input(Tensor::of<std::int32_t>({4}, {5, kLowest, kLowest, 0}))
      .input(Tensor::of<std::int32_t>({4}, {0, -1, 0, 0}));
  EXPECT_EQ(values_of<std::int32_t>(words.reference()[0]), (std::vector<std::int32_t>{0, kLowest, 0, 0}));
  OpRunner bytes("Div");
  bytes.input(Tensor::of<std::int8_t>({2}, {-128, 9})).input(Tensor::of<std::int8_t>({2}, {-1, -1}));
  EXPECT_EQ(values_of<std::int8_t>(bytes.reference()[0]), (std::vector<std::int8_t>{-128, -9}));
  constexpr auto kMost = std::numeric_limits<std::uint64_t>::max();
  OpRunner longs("Div");
  longs.input(Tensor::of<std::uint64_t>({2}, {kMost, 1})).input(Tensor::of<std::uint64_t>({2}, {2, 0}));
  EXPECT_EQ(values_of<std::uint64_t>(longs.reference()[0]), (std::vector<std::uint64_t>{kMost / 2, 0}));
}

TEST(DivOp, FloatsFollowIeee) {
  OpRunner runner("Div");
  runner.input(Tensor::of<float>({3}, {1, -1, 0})).input(Tensor::of<float>({3}, {0, 0, 0}));
  const auto values = values_of<float>(runner.reference()[0]);
  EXPECT_EQ(values[0], std::numeric_limits<float>::infinity());
  EXPECT_EQ(values[1], -std::numeric_limits<float>::infinity());
  EXPECT_TRUE(std::isnan(values[2]));
}

}  // namespace
}  // namespace godwit::support
