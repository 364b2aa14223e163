// Groups of steps: every step once, the largest groups first, and no sum of two products beyond 16 bits.
#include "ops/algorithms/step_groups.h"

#include <algorithm>
#include <array>
#include <gtest/gtest.h>
#include <vector>

#include "ops/kernels/quantized_gemm/arguments.h"
#include "tests/support/compare.h"
#include "tests/support/random.h"

namespace godwit::support {
namespace {

struct Grouped {
  std::vector<std::int8_t> weights;
  std::vector<std::uint16_t> steps;
  std::array<std::uint16_t, ops::kLargestGroup> groups;
};

Grouped group(std::vector<std::int8_t> weights, int width) {
  Grouped all{std::move(weights), {}, {}};
  const std::size_t depth = all.weights.size() / static_cast<std::size_t>(width * 4);
  all.steps.resize(depth);
  ops::group_steps(reinterpret_cast<std::byte*>(all.weights.data()), static_cast<std::int64_t>(depth), width,
                   all.steps.data(), all.groups.data());
  return all;
}

std::vector<std::int8_t> random_weights(int depth, int width, int largest) {
  return values_of<std::int8_t>(
      random_tensor<std::int8_t>({depth, width, 4}, depth + largest, -largest, largest));
}

// Pixels that make the sums of one sign as large as they can be.
void expect_within_16_bits(const Grouped& all, int width) {
  const auto step = static_cast<std::size_t>(width) * 4;
  std::size_t at = 0;
  for (std::size_t size = all.groups.size(); size > 0; --size) {
    for (int g = 0; g < all.groups[size - 1]; ++g, at += size * step) {
      for (std::size_t pair = 0; pair < step; pair += 2) {
        int highest = 0, lowest = 0;
        for (std::size_t k = 0; k < size; ++k) {
          for (std::size_t i = 0; i < 2; ++i) {
            const int weight = all.weights[at + k * step + pair + i];
            highest += 255 * std::max(weight, 0);
            lowest += 255 * std::min(weight, 0);
          }
        }
        ASSERT_LE(highest, 32767);
        ASSERT_GE(lowest, -32768);
      }
    }
  }
  EXPECT_EQ(at, all.weights.size());
}

TEST(StepGroups, EveryStepIsThereOnceAndFits) {
  for (const int width : {8, 16, 32}) {
    for (const int depth : {1, 2, 3, 5, 64, 1000}) {
      for (const int largest : {0, 7, 16, 25, 43, 64}) {
        const std::vector<std::int8_t> before = random_weights(depth, width, largest);
        const Grouped all = group(before, width);
        std::vector<std::uint16_t> sorted = all.steps;
        std::ranges::sort(sorted);
        const auto step = static_cast<std::size_t>(width) * 4;
        for (std::size_t k = 0; k < sorted.size(); ++k) {
          ASSERT_EQ(sorted[k], k);
          ASSERT_TRUE(std::equal(all.weights.begin() + static_cast<std::ptrdiff_t>(k * step),
                                 all.weights.begin() + static_cast<std::ptrdiff_t>((k + 1) * step),
                                 before.begin() + static_cast<std::ptrdiff_t>(all.steps[k] * step)));
        }
        expect_within_16_bits(all, width);
      }
    }
  }
}

TEST(StepGroups, TheLargestPairsStayAlone) {
  // 128 of either sign leaves no room, 64 and 64 fill it, 127 leaves 1 that is not used.
  const auto steps = [](std::initializer_list<std::array<int, 2>> pairs) {
    std::vector<std::int8_t> weights;
    for (const std::array<int, 2>& pair : pairs) {
      for (int i = 0; i < 16; ++i) {
        weights.push_back(static_cast<std::int8_t>(pair[0]));
        weights.push_back(static_cast<std::int8_t>(pair[1]));
      }
    }
    return weights;
  };
  using Sizes = std::array<std::uint16_t, ops::kLargestGroup>;
  EXPECT_EQ(group(steps({{-128, 0}, {-1, 0}, {64, 64}, {1, 1}}), 8).groups, (Sizes{0, 2, 0, 0}));
  EXPECT_EQ(group(steps({{-128, 127}, {1, 0}, {0, -1}}), 8).groups, (Sizes{1, 1, 0, 0}));
  EXPECT_EQ(group(steps({{127, 0}, {1, 0}}), 8).groups, (Sizes{2, 0, 0, 0}));
  EXPECT_EQ(group(steps({{31, 0}, {32, 0}, {0, 32}, {32, 0}, {0, 32}}), 8).groups, (Sizes{1, 0, 0, 1}));
}

TEST(StepGroups, FewLargeStepsAreFasterAlone) {
  for (const int largest : {10, 64}) {
    std::vector<std::int8_t> weights = random_weights(200, 16, largest);
    ops::GroupedShare share;
    share.add(reinterpret_cast<std::byte*>(weights.data()), 200, 16);
    EXPECT_EQ(share.is_faster(), largest == 10);
  }
}

}  // namespace
}  // namespace godwit::support
