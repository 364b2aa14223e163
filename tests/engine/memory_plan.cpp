// Memory plans: tensors alive together never overlap, and the arena stays near the least that is possible.
#include "engine/memory_plan.h"

#include <algorithm>
#include <gtest/gtest.h>

#include "runtime/memory.h"
#include "tests/support/random.h"

namespace godwit::engine {
namespace {

void expect_sound(const std::vector<Lifetime>& tensors, const MemoryPlan& plan) {
  ASSERT_EQ(plan.offsets.size(), tensors.size());
  EXPECT_GE(plan.bytes, plan.lower_bound);
  EXPECT_LE(plan.bytes, plan.sum);
  for (std::size_t a = 0; a < tensors.size(); ++a) {
    EXPECT_EQ(plan.offsets[a] % kAlignment, 0U);
    EXPECT_LE(plan.offsets[a] + tensors[a].bytes, plan.bytes);
    for (std::size_t b = 0; b < a; ++b) {
      if (!tensors[a].overlaps(tensors[b])) continue;
      const bool apart = plan.offsets[a] + tensors[a].bytes <= plan.offsets[b] ||
                         plan.offsets[b] + tensors[b].bytes <= plan.offsets[a];
      EXPECT_TRUE(apart) << "tensors " << a << " and " << b << " are alive together and overlap";
    }
  }
}

TEST(MemoryPlan, NothingNeedsNothing) {
  const MemoryPlan plan = plan_memory({});
  EXPECT_EQ(plan.bytes, 0U);
  EXPECT_EQ(plan.lower_bound, 0U);
}

TEST(MemoryPlan, AChainNeedsItsTwoLargestNeighbours) {
  const std::vector<Lifetime> chain{{640, 0, 1}, {6400, 1, 2}, {1280, 2, 3}, {64, 3, 4}};
  const MemoryPlan plan = plan_memory(chain);
  expect_sound(chain, plan);
  EXPECT_EQ(plan.bytes, 7680U);
  EXPECT_EQ(plan.lower_bound, 7680U);
  EXPECT_EQ(plan.sum, 8384U);
}

TEST(MemoryPlan, RoundsToCacheLinesAndTakesEmptyTensors) {
  const std::vector<Lifetime> tensors{{1, 0, 1}, {0, 0, 1}, {65, 1, 1}};
  const MemoryPlan plan = plan_memory(tensors);
  expect_sound(tensors, plan);
  EXPECT_EQ(plan.bytes, 192U);
}

TEST(MemoryPlan, RandomLifetimesNeverOverlap) {
  support::Random random(7);
  for (int round = 0; round < 200; ++round) {
    std::vector<Lifetime> tensors;
    const std::int64_t steps = random.integer(1, 40);
    for (std::int64_t i = random.integer(1, 60); i > 0; --i) {
      const auto first = static_cast<std::int32_t>(random.integer(0, steps - 1));
      const auto last = static_cast<std::int32_t>(std::min(steps - 1, first + random.integer(0, 6)));
      tensors.push_back({static_cast<std::size_t>(random.integer(0, 5000)), first, last});
    }
    expect_sound(tensors, plan_memory(tensors));
  }
}

TEST(MemoryPlan, IsTheSameEveryTime) {
  support::Random random(9);
  std::vector<Lifetime> tensors;
  tensors.reserve(50);
  for (std::int32_t i = 0; i < 50; ++i) {
    tensors.push_back({static_cast<std::size_t>(random.integer(1, 10)) * 64, i,
                       i + static_cast<std::int32_t>(random.integer(0, 5))});
  }
  EXPECT_EQ(plan_memory(tensors).offsets, plan_memory(tensors).offsets);
}

}  // namespace
}  // namespace godwit::engine
