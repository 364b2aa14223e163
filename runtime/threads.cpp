// One set of OpenMP threads for the whole process: they wait inside one long-lived parallel region, run
// teams' work when told to, and meet in a barrier that spins briefly before it sleeps.
//
// A plain parallel region for each team would not do:
// - OpenMP keeps a set of threads for every thread that opens a region; sessions of many callers share one
// here.
// - Between regions its threads spin or sleep as the environment says, not as a run of 100 us a step needs.
// - A child of fork() inherits OpenMP's record of threads that it does not have, and waits for them for ever.
// - The hand-over inside OpenMP is invisible to the thread sanitizer.
#include "runtime/threads.h"

#include <algorithm>
#include <atomic>
#include <charconv>
#include <chrono>
#include <fmt/format.h>
#include <mutex>
#include <new>
#include <omp.h>
#include <pthread.h>
#include <system_error>
#include <thread>

#include "runtime/cpu.h"
#include "runtime/error.h"
#include "runtime/knobs.h"

namespace godwit {
namespace {

constexpr int kMaxThreads = 1024;

// The time in which a member watches before it sleeps. Inside a run it waits for others of its team. On a
// shared machine one core is often half as fast as the other for a step, and to sleep and be woken costs more
// than a step. Between runs it waits for the next one: longer than what a caller does in between, short
// enough to burn nothing.
constexpr std::chrono::microseconds kSpinInRun{2000};
constexpr std::chrono::microseconds kSpinBetweenRuns{100};

void relax() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  __asm__ volatile("yield");
#endif
}

// Returns once `value` is not `old`: watches it for so long, then sleeps until notified.
void wait_while_equal(const std::atomic<int>& value, int old, std::chrono::microseconds spin) {
  if (spin.count() > 0) {
    const auto deadline = std::chrono::steady_clock::now() + spin;
    do {
      for (int i = 0; i < 16; ++i) {
        if (value.load() != old) return;
        relax();
      }
    } while (std::chrono::steady_clock::now() < deadline);
  }
  value.wait(old);
}

}  // namespace

class Barrier {
 public:
  void wait(int count) {
    const bool spin = spins;  // read before arriving: after that the next team may change it
    const int generation = generation_.load();
    if (arrived_.fetch_add(1) + 1 == count) {
      arrived_.store(0);
      generation_.fetch_add(1);
      generation_.notify_all();
    } else {
      wait_while_equal(generation_, generation, spin ? kSpinInRun : std::chrono::microseconds{0});
    }
  }
  // Spinning hurts where a team has more members than cores. Set between teams only.
  bool spins = true;

 private:
  alignas(64) std::atomic<int> arrived_{0};
  alignas(64) std::atomic<int> generation_{0};
};

namespace {

// Every hand-over goes through the atomics below, never through OpenMP's own fork and join: those are
// invisible to the thread sanitizer, and the region captures nothing. What is not atomic is written by the
// caller that holds `one_team` before it sets `go`, and read by members before they arrive at `barrier`.
struct Pool {
  struct alignas(64) Member {
    std::atomic<int> go{0};
  };

  std::mutex one_team;
  Barrier barrier;
  const FunctionRef<void(const Worker&)>* work = nullptr;  // null: leave the region
  int count = 1;                                           // members of the current team, its caller included
  int asked = 0;                                           // threads wanted from OpenMP so far
  int cores = 0;
  std::atomic<int> region_size{0};  // what to ask OpenMP for next; 0: wait
  std::atomic<int> delivered{0};    // what it gave; 0: the region has not begun
  Member members[kMaxThreads];      // [i] is member i + 1 of a team
};

// Never destroyed: its threads wait in it until the process ends.
constinit Pool pool;

thread_local bool inside_team = false;

void serve(int index) noexcept {
  inside_team = true;
  std::atomic<int>& go = pool.members[index].go;
  bool spin = pool.cores > index + 1;
  for (;;) {
    wait_while_equal(go, 0, spin ? kSpinBetweenRuns : std::chrono::microseconds{0});
    go.store(0);
    const auto* work = pool.work;
    spin = pool.barrier.spins;
    const int count = pool.count;
    if (work != nullptr) (*work)(Worker{index + 1, count, &pool.barrier});
    pool.barrier.wait(count);
    if (work == nullptr) return;
  }
}

// Body of the thread that is OpenMP's primary one: a region, and after it a larger one when one is asked for.
void host() noexcept {
  omp_set_dynamic(0);
  for (;;) {
    pool.region_size.wait(0);
    // The pragma reads it, which clang-tidy does not see.
    const int size = pool.region_size.exchange(0);  // NOLINT(clang-analyzer-deadcode.DeadStores)
#pragma omp parallel num_threads(size)
    {
      if (omp_get_thread_num() == 0) {
        pool.delivered.store(omp_get_num_threads());
        pool.delivered.notify_one();
      }
      serve(omp_get_thread_num());
    }
  }
}

// A child of fork() has its caller's thread alone, whatever the pool tells: the first team makes threads
// anew. Locks that others held at the fork are nobody's; a team that the caller was in runs on without the
// others.
void forget_pool_in_child() noexcept { new (&pool) Pool; }

void start(int first, int last) {
  for (int i = first; i < last; ++i) {
    pool.members[i].go.store(1);
    pool.members[i].go.notify_one();
  }
}

// Makes OpenMP deliver `threads` threads beside the caller, as far as it will.
void grow(int threads) {
  if (pool.asked == 0) {
    // Once in a process; children inherit it.
    [[maybe_unused]] static const int watched = pthread_atfork(nullptr, nullptr, forget_pool_in_child);
    pool.cores = usable_cores();
    try {
      std::thread(host).detach();
    } catch (const std::system_error&) {
      return;  // no thread to be had: teams are of one
    }
  } else {
    pool.work = nullptr;
    pool.count = pool.delivered.load() + 1;
    pool.delivered.store(0);
    start(0, pool.count - 1);
    pool.barrier.wait(pool.count);
  }
  pool.asked = threads;
  pool.region_size.store(threads);
  pool.region_size.notify_one();
  pool.delivered.wait(0);
}

}  // namespace

int chosen_threads(int asked) {
  if (asked < 0 || asked > kMaxThreads) {
    throw Error(fmt::format("{} threads, expected 1 to {}, or 0 for the default", asked, kMaxThreads));
  }
  if (asked > 0) return asked;
  const std::optional<std::string> text = knob("GODWIT_THREADS");
  if (!text) return usable_cores();
  int threads = 0;
  const char* end = text->data() + text->size();
  const auto [stop, error] = std::from_chars(text->data(), end, threads);
  if (error != std::errc{} || stop != end || threads < 1 || threads > kMaxThreads) {
    throw Error(fmt::format("GODWIT_THREADS is '{}', expected a number from 1 to {}", *text, kMaxThreads));
  }
  return threads;
}

void Worker::barrier() const {
  if (team_barrier != nullptr) team_barrier->wait(count);
}

void run_team(int threads, FunctionRef<void(const Worker&)> work) {
  // Inside a team all threads are taken: the inner team is the calling member alone.
  if (threads <= 1 || inside_team) return work(Worker{});

  const std::lock_guard lock(pool.one_team);
  const int others = std::min(threads, kMaxThreads) - 1;
  if (others > pool.asked) grow(others);
  pool.count = std::min(others, pool.delivered.load()) + 1;
  pool.barrier.spins = pool.count <= pool.cores;
  pool.work = &work;
  start(0, pool.count - 1);
  inside_team = true;
  work(Worker{0, pool.count, &pool.barrier});
  pool.barrier.wait(pool.count);
  inside_team = false;
}

}  // namespace godwit
