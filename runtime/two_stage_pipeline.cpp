// One lock around who does what; the work itself is done outside of it.
#include "runtime/two_stage_pipeline.h"

#include <algorithm>
#include <condition_variable>
#include <cstdint>
#include <exception>
#include <mutex>
#include <system_error>
#include <thread>
#include <vector>

namespace godwit {
namespace {

class TwoStagePipeline {
 public:
  TwoStagePipeline(const PipelineShape& shape, const PipelineStages& stages)
      : shape_(shape), stages_(stages), slots_(static_cast<std::size_t>(std::max(shape.slots, 1))) {
    for (int lane = 0; lane < std::max(shape.lanes, 1); ++lane) free_lanes_.push_back(lane);
  }

  void run() {
    std::vector<std::thread> others;
    for (int worker = 1; worker < shape_.workers; ++worker) {
      try {
        others.emplace_back([this, worker] { serve(worker); });
      } catch (const std::system_error&) {
        break;  // fewer threads do the same
      }
    }
    serve(0);
    for (std::thread& thread : others) thread.join();
    if (failure_) std::rethrow_exception(failure_);
  }

 private:
  enum class State : std::uint8_t { filling, ready, working, done };

  // Batch number n lives in slot n mod slots from being opened until it is delivered.
  struct Batch {
    State state = State::filling;
    std::size_t taken = 0;     // items so far
    std::size_t prepared = 0;  // of those
  };

  Batch& batch(std::int64_t number) { return slots_[static_cast<std::size_t>(slot_of(number))]; }
  int slot_of(std::int64_t number) const {
    return static_cast<int>(number % static_cast<std::int64_t>(slots_.size()));
  }

  void serve(int worker) {
    std::unique_lock lock(mutex_);
    while (!finished()) {
      try {
        if (!step(worker, lock)) changed_.wait(lock);
      } catch (...) {
        if (!lock.owns_lock()) lock.lock();
        if (!failure_) failure_ = std::current_exception();
      }
    }
    changed_.notify_all();
  }

  bool finished() const { return failure_ != nullptr || (exhausted_ && delivered_ == opened_); }

  // Does what is due, without the lock while it lasts. False: nothing was.
  bool step(int worker, std::unique_lock<std::mutex>& lock) {
    if (!delivering_ && delivered_ < opened_ && batch(delivered_).state == State::done) {
      deliver(lock);
      return true;
    }
    if (!free_lanes_.empty()) {
      for (std::int64_t number = delivered_; number < opened_; ++number) {
        if (batch(number).state != State::ready) continue;
        work(worker, number, lock);
        return true;
      }
    }
    return !exhausted_ && take(worker, lock);
  }

  void deliver(std::unique_lock<std::mutex>& lock) {
    delivering_ = true;
    const std::int64_t number = delivered_;
    const std::size_t count = batch(number).taken;
    lock.unlock();
    stages_.deliver(slot_of(number), count);
    lock.lock();
    batch(number) = {};
    ++delivered_;
    delivering_ = false;
    changed_.notify_all();
  }

  void work(int worker, std::int64_t number, std::unique_lock<std::mutex>& lock) {
    const int lane = free_lanes_.back();
    free_lanes_.pop_back();
    batch(number).state = State::working;
    const std::size_t count = batch(number).taken;
    lock.unlock();
    stages_.work(worker, lane, slot_of(number), count);
    lock.lock();
    free_lanes_.push_back(lane);
    batch(number).state = State::done;
    changed_.notify_all();
  }

  // Takes an item into the newest batch, or into a new one, and prepares it. False: there is no room, or
  // another worker is taking one and may wait for it.
  bool take(int worker, std::unique_lock<std::mutex>& lock) {
    if (taking_) return false;
    if (opened_ == delivered_ || batch(opened_ - 1).taken == shape_.batch) {
      if (opened_ - delivered_ == static_cast<std::int64_t>(slots_.size())) return false;
      ++opened_;
    }
    const std::int64_t number = opened_ - 1;
    const std::size_t place = batch(number).taken;
    taking_ = true;
    lock.unlock();
    const bool more = stages_.take(slot_of(number), place);
    lock.lock();
    taking_ = false;
    changed_.notify_all();
    if (!more) {
      exhausted_ = true;
      if (place == 0) --opened_;
      if (place > 0) close_if_prepared(number);
      return true;
    }
    ++batch(number).taken;
    lock.unlock();
    stages_.prepare(worker, slot_of(number), place);
    lock.lock();
    ++batch(number).prepared;
    close_if_prepared(number);
    return true;
  }

  void close_if_prepared(std::int64_t number) {
    Batch& it = batch(number);
    if (it.prepared < it.taken || (it.taken < shape_.batch && !exhausted_)) return;
    it.state = State::ready;
    changed_.notify_all();
  }

  const PipelineShape shape_;
  const PipelineStages& stages_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<Batch> slots_;
  std::vector<int> free_lanes_;
  std::int64_t opened_ = 0, delivered_ = 0;  // numbers of batches
  bool taking_ = false, delivering_ = false, exhausted_ = false;
  std::exception_ptr failure_;
};

}  // namespace

void run_two_stage_pipeline(const PipelineShape& shape, const PipelineStages& stages) {
  TwoStagePipeline(shape, stages).run();
}

}  // namespace godwit
