// The two-stage pipeline: order, limits, ends and exceptions, whatever the number of threads.
#include "runtime/two_stage_pipeline.h"

#include <algorithm>
#include <atomic>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <mutex>
#include <stdexcept>
#include <vector>

namespace godwit {
namespace {

// Numbers from 0 on, doubled by the first stage and summed up by the second.
struct Passage {
  std::vector<int> delivered;  // items
  std::vector<std::size_t> counts;
  int most_lanes = 0, most_open = 0;

  Passage(const PipelineShape& shape, int items) {
    struct Slot {
      std::vector<int> items, doubled;
      int sum = 0;
    };
    std::vector<Slot> slots(static_cast<std::size_t>(shape.slots));
    for (Slot& slot : slots) {
      slot.items.resize(shape.batch);
      slot.doubled.resize(shape.batch);
    }
    const auto at = [&](int slot) -> Slot& { return slots.at(static_cast<std::size_t>(slot)); };
    std::atomic<int> lanes{0};
    std::mutex mutex;
    int next = 0, open = 0;
    PipelineStages stages;
    stages.take = [&](int slot, std::size_t place) {
      if (next == items) return false;
      at(slot).items.at(place) = next++;
      const std::lock_guard lock(mutex);
      if (place == 0) most_open = std::max(most_open, ++open);
      return true;
    };
    stages.prepare = [&](int worker, int slot, std::size_t place) {
      EXPECT_LT(worker, shape.workers);
      at(slot).doubled.at(place) = 2 * at(slot).items.at(place);
    };
    stages.work = [&](int, int lane, int slot, std::size_t count) {
      const int now = ++lanes;
      EXPECT_LT(lane, shape.lanes);
      at(slot).sum = 0;
      for (std::size_t i = 0; i < count; ++i) at(slot).sum += at(slot).doubled.at(i);
      {
        const std::lock_guard lock(mutex);
        most_lanes = std::max(most_lanes, now);
      }
      --lanes;
    };
    stages.deliver = [&](int slot, std::size_t count) {
      int sum = 0;
      for (std::size_t i = 0; i < count; ++i) {
        delivered.push_back(at(slot).items.at(i));
        sum += 2 * at(slot).items.at(i);
      }
      EXPECT_EQ(at(slot).sum, sum);
      counts.push_back(count);
      const std::lock_guard lock(mutex);
      --open;
    };
    run_two_stage_pipeline(shape, stages);
  }
};

TEST(TwoStagePipeline, DeliversEverythingOnceAndInOrder) {
  for (const int workers : {1, 2, 5}) {
    for (const int lanes : {1, 2, 5}) {
      for (const std::size_t batch : {std::size_t{1}, std::size_t{3}, std::size_t{8}}) {
        for (const int items : {0, 1, 7, 24, 200}) {
          const PipelineShape shape{workers, lanes, lanes + 2, batch};
          const Passage run(shape, items);
          SCOPED_TRACE(fmt::format("{} workers, {} lanes, batch {}, {} items", workers, lanes, batch, items));
          ASSERT_EQ(run.delivered.size(), static_cast<std::size_t>(items));
          EXPECT_TRUE(std::ranges::is_sorted(run.delivered));
          EXPECT_LE(run.most_lanes, lanes);
          EXPECT_LE(run.most_open, shape.slots);
          for (std::size_t i = 0; i + 1 < run.counts.size(); ++i) EXPECT_EQ(run.counts[i], batch);
        }
      }
    }
  }
}

TEST(TwoStagePipeline, OneSlotIsEnough) {
  const Passage run({3, 1, 1, 4}, 50);
  EXPECT_EQ(run.delivered.size(), 50U);
  EXPECT_EQ(run.most_open, 1);
}

// Whichever stage throws, the exception arrives and all threads end.
TEST(TwoStagePipeline, TheFirstExceptionEndsIt) {
  for (int stage = 0; stage < 4; ++stage) {
    for (const int workers : {1, 4}) {
      std::atomic<int> calls{0};
      const auto fail_at = [&](int own) {
        if (own == stage && ++calls == 5) throw std::runtime_error("five");
      };
      PipelineStages stages;
      stages.take = [&](int, std::size_t) { return fail_at(0), true; };  // for ever
      stages.prepare = [&](int, int, std::size_t) { fail_at(1); };
      stages.work = [&](int, int, int, std::size_t) { fail_at(2); };
      stages.deliver = [&](int, std::size_t) { fail_at(3); };
      try {
        run_two_stage_pipeline({workers, workers, workers + 2, 2}, stages);
        ADD_FAILURE() << "stage " << stage << " did not throw";
      } catch (const std::runtime_error& error) {
        EXPECT_STREQ(error.what(), "five");
      }
    }
  }
}

}  // namespace
}  // namespace godwit
