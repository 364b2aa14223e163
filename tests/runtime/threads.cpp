// Teams: who runs, what barriers order, and teams from many callers at once.
#include "runtime/threads.h"

#include <atomic>
#include <functional>
#include <gtest/gtest.h>
#include <numeric>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>
#include <vector>

namespace godwit {
namespace {

constexpr int kMost = 8;

TEST(Worker, SharesCoverTheWholeWithoutOverlap) {
  for (const std::int64_t total : {0, 1, 5, 64, 1000}) {
    for (const std::int64_t grain : {1, 7, 64}) {
      for (int count = 1; count <= kMost; ++count) {
        std::int64_t next = 0;
        for (int index = 0; index < count; ++index) {
          const Worker::Range range = Worker{index, count, nullptr}.share(total, grain);
          ASSERT_EQ(range.begin, next);
          ASSERT_TRUE(range.begin % grain == 0 || range.begin == total);
          next = range.end;
        }
        ASSERT_EQ(next, total) << total << " in " << grain << " over " << count;
      }
    }
  }
}

TEST(Worker, ABarrierWithoutATeamIsNothing) { Worker{}.barrier(); }

TEST(Threads, EveryMemberRunsOnceAndKnowsTheSameCount) {
  for (int threads = 1; threads <= kMost; ++threads) {
    std::vector<int> runs(kMost, 0), counts(kMost, 0);
    run_team(threads, [&](const Worker& worker) {
      ++runs[static_cast<std::size_t>(worker.index)];
      counts[static_cast<std::size_t>(worker.index)] = worker.count;
    });
    const int count = counts[0];
    ASSERT_GE(count, 1);
    ASSERT_LE(count, threads);
    for (int i = 0; i < kMost; ++i) {
      ASSERT_EQ(runs[static_cast<std::size_t>(i)], i < count ? 1 : 0);
      ASSERT_EQ(counts[static_cast<std::size_t>(i)], i < count ? count : 0);
    }
  }
}

TEST(Threads, TheCallerIsMemberZero) {
  const auto caller = std::this_thread::get_id();
  for (int threads = 0; threads <= kMost; ++threads) {
    std::thread::id zero;
    run_team(threads, [&](const Worker& worker) {
      if (worker.index == 0) zero = std::this_thread::get_id();
    });
    ASSERT_EQ(zero, caller);
  }
}

// Each phase reads what other members wrote in the one before; plain memory, so that the thread sanitizer
// sees it.
void sum_in_phases(int threads, int size) {
  std::vector<std::int64_t> values(static_cast<std::size_t>(size)), partial(kMost);
  std::int64_t total = 0;
  run_team(threads, [&](const Worker& worker) {
    const Worker::Range range = worker.share(size, 4);
    for (std::int64_t i = range.begin; i < range.end; ++i) values[static_cast<std::size_t>(i)] = i;
    worker.barrier();
    // Reversed: the part that another member wrote.
    const Worker::Range other = Worker{worker.count - 1 - worker.index, worker.count, nullptr}.share(size, 4);
    std::int64_t sum = 0;
    for (std::int64_t i = other.begin; i < other.end; ++i) sum += values[static_cast<std::size_t>(i)];
    partial[static_cast<std::size_t>(worker.index)] = sum;
    worker.barrier();
    if (worker.index == worker.count - 1) {
      total = std::accumulate(partial.begin(), partial.begin() + worker.count, std::int64_t{0});
    }
  });
  ASSERT_EQ(total, std::int64_t{size} * (size - 1) / 2) << threads << " threads";
}

TEST(Threads, BarriersOrderPhasesAThousandTimes) {
  for (int repetition = 0; repetition < 1000; ++repetition) {
    for (const int threads : {1, 2, 3}) sum_in_phases(threads, 100);
  }
}

TEST(Threads, AnyNumberOfThreadsInAnyOrder) {
  for (int repetition = 0; repetition < 50; ++repetition) {
    for (const int threads : {8, 1, 2, 7, 3, 4, 6, 5}) sum_in_phases(threads, 1000 + repetition);
  }
}

TEST(Threads, ManyBarriersInOneTeam) {
  constexpr int kRounds = 2000;
  for (const int threads : {2, 4}) {
    std::vector<int> turn(kMost, 0);
    int wrong = 0;
    run_team(threads, [&](const Worker& worker) {
      for (int round = 1; round <= kRounds; ++round) {
        turn[static_cast<std::size_t>(worker.index)] = round;
        worker.barrier();
        if (worker.index == 0) {
          for (int i = 0; i < worker.count; ++i) wrong += turn[static_cast<std::size_t>(i)] != round;
        }
        worker.barrier();
      }
    });
    ASSERT_EQ(wrong, 0);
  }
}

TEST(Threads, ATeamInsideATeamIsTheCallingMemberAlone) {
  std::atomic<int> outer = 0, inner = 0, alone = 0;
  run_team(4, [&](const Worker&) {
    ++outer;
    const auto self = std::this_thread::get_id();
    run_team(4, [&](const Worker& worker) {
      ++inner;
      worker.barrier();
      alone += worker.index == 0 && worker.count == 1 && std::this_thread::get_id() == self;
    });
  });
  EXPECT_EQ(inner, outer.load());
  EXPECT_EQ(alone, outer.load());
}

TEST(Threads, CallersTakeTurns) {
  std::vector<std::thread> callers;
  callers.reserve(4);
  for (int caller = 0; caller < 4; ++caller) {
    callers.emplace_back([caller] {
      for (int repetition = 0; repetition < 100; ++repetition)
        sum_in_phases(1 + (caller + repetition) % 4, 200);
    });
  }
  for (std::thread& caller : callers) caller.join();
}

TEST(Threads, ATeamOfOneDoesNotWaitForAnotherTeam) {
  bool done = false;
  run_team(2, [&](const Worker& worker) {
    if (worker.index != 0) return;
    // The first team still runs: a lock here would never be released.
    std::thread([&] { run_team(1, [&](const Worker&) { done = true; }); }).join();
  });
  EXPECT_TRUE(done);
}

#if defined(__SANITIZE_THREAD__)
#define GODWIT_FORKS 0
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define GODWIT_FORKS 0
#endif
#endif
#if !defined(GODWIT_FORKS)
#define GODWIT_FORKS 1
#endif

class Fork : public testing::Test {
 protected:
  void SetUp() override {
    if (!GODWIT_FORKS) GTEST_SKIP() << "the thread sanitizer ends a child that makes threads";
  }
};

constexpr unsigned kChildSeconds = 60;

// The status of a child that runs `work` and exits with what it returns; an alarm ends one that hangs.
int status_of_child(const std::function<int()>& work) {
  const pid_t child = ::fork();
  if (child == 0) {
    ::alarm(kChildSeconds);
    ::_exit(work());
  }
  int status = -1;
  EXPECT_EQ(::waitpid(child, &status, 0), child);
  return status;
}

// 0 where teams of every size sum up what they should, with barriers in between.
int teams_in_child() {
  for (const int threads : {2, 4, 3, 1, 6}) {
    std::atomic<std::int64_t> sum = 0;
    std::atomic<int> late = 0, members = 0, arrived = 0;
    run_team(threads, [&](const Worker& worker) {
      const Worker::Range range = worker.share(1000);
      for (std::int64_t i = range.begin; i < range.end; ++i) sum += i;
      ++arrived;
      worker.barrier();
      if (arrived != worker.count) ++late;
      if (worker.index == 0) members = worker.count;
    });
    if (sum != 499'500 || late != 0) return 1;
    if (threads > 1 && members < 2) return 2;
  }
  return 0;
}

TEST_F(Fork, AChildMakesThreadsOfItsOwn) {
  sum_in_phases(3, 100);
  EXPECT_EQ(status_of_child(teams_in_child), 0);
  sum_in_phases(4, 100);
  // A child of a child, and the parent's threads all the while.
  const auto with_a_child = [] { return teams_in_child() + status_of_child(teams_in_child); };
  EXPECT_EQ(status_of_child(with_a_child), 0);
  EXPECT_EQ(status_of_child([&] { return status_of_child(with_a_child) == 0 ? 0 : 3; }), 0);
  EXPECT_EQ(teams_in_child(), 0) << "the parent works as before";
}

TEST_F(Fork, FromAnotherThreadThanTheFirst) {
  sum_in_phases(2, 100);
  int status = -1;
  std::thread([&] { status = status_of_child(teams_in_child); }).join();
  EXPECT_EQ(status, 0);
  EXPECT_EQ(teams_in_child(), 0);
}

// The child inherits the lock of a team that another thread runs.
TEST_F(Fork, WhileAnotherThreadRunsATeam) {
  std::atomic<bool> running = false, done = false;
  std::thread other([&] {
    run_team(2, [&](const Worker& worker) {
      if (worker.index == 0) running = true;
      while (worker.index == 0 && !done) std::this_thread::yield();
    });
  });
  while (!running) std::this_thread::yield();
  EXPECT_EQ(status_of_child(teams_in_child), 0);
  done = true;
  other.join();
  EXPECT_EQ(teams_in_child(), 0);
}

}  // namespace
}  // namespace godwit
