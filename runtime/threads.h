// Threads for kernels: one team at a time runs one function on all its members; inside, barriers. The only
// translation unit behind this header includes <omp.h>.
#pragma once

#include <cstdint>
#include <memory>
#include <type_traits>
#include <utility>

namespace godwit {

// A reference to a callable that outlives the call; no allocation, unlike std::function.
template <class Signature>
class FunctionRef;
template <class R, class... Args>
class FunctionRef<R(Args...)> {
 public:
  template <class F, class = std::enable_if_t<!std::is_same_v<std::remove_cvref_t<F>, FunctionRef>>>
  FunctionRef(F&& f)  // NOLINT(bugprone-forwarding-reference-overload)
      : object_(const_cast<void*>(static_cast<const void*>(std::addressof(f)))),
        call_([](void* object, Args... args) -> R {
          return (*static_cast<std::remove_reference_t<F>*>(object))(std::forward<Args>(args)...);
        }) {}
  R operator()(Args... args) const { return call_(object_, std::forward<Args>(args)...); }

 private:
  void* object_;
  R (*call_)(void*, Args...);
};

class Barrier;

// One member of a team. Work is divided by index and count; results must not depend on either.
struct Worker {
  int index = 0;
  int count = 1;
  Barrier* team_barrier = nullptr;

  // Waits until every member of the team has arrived; what they wrote before is visible after.
  void barrier() const;

  // The contiguous part of [0, total) that is this member's, in units of `grain`: parts differ by at most one
  // unit.
  struct Range {
    std::int64_t begin = 0, end = 0;
  };
  Range share(std::int64_t total, std::int64_t grain = 1) const {
    const std::int64_t units = (total + grain - 1) / grain;
    const std::int64_t begin = units * index / count * grain;
    const std::int64_t end = units * (index + 1) / count * grain;
    return {begin < total ? begin : total, end < total ? end : total};
  }
};

// The number of threads to work with: `asked`, or for 0 the knob GODWIT_THREADS, or without it
// usable_cores(). Throws Error unless it is 1 to 1024.
int chosen_threads(int asked);

// Runs `work` once on each of `threads` members, the caller being member 0, and returns when all have
// finished. All sessions share one set of threads: teams of more than one run one after the other; a team of
// one runs on the caller at once. `work` must not throw. A child of fork() makes threads of its own with its
// first team; it must not go on with work that was under way at the fork.
void run_team(int threads, FunctionRef<void(const Worker&)> work);

}  // namespace godwit
