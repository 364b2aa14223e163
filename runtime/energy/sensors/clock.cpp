// The machine's own clocks.
#include "runtime/energy/sensors/clock.h"

#include <atomic>
#include <cerrno>
#include <condition_variable>
#include <ctime>
#include <mutex>
#include <thread>

namespace godwit::energy {
namespace {

Nanoseconds read_clock(clockid_t clock) {
  timespec time = {};
  ::clock_gettime(clock, &time);
  return static_cast<Nanoseconds>(time.tv_sec) * kSecond + time.tv_nsec;
}

class ThreadTicker final : public Clock::Ticker {
 public:
  ThreadTicker(Nanoseconds period, std::function<void()> tick)
      : tick_(std::move(tick)), thread_([this, period] { run(std::chrono::nanoseconds(period)); }) {}
  ~ThreadTicker() override {
    {
      const std::lock_guard lock(mutex_);
      stop_ = true;
    }
    wake_.notify_one();
    thread_.join();
  }
  ThreadTicker(const ThreadTicker&) = delete;
  ThreadTicker& operator=(const ThreadTicker&) = delete;

  Nanoseconds cpu_time() const override { return cpu_time_.load(); }

 private:
  void run(std::chrono::nanoseconds period) {
    auto next = std::chrono::steady_clock::now();
    std::unique_lock lock(mutex_);
    while (!stop_) {
      next += period;
      // Late by more than a period: what was missed is not made up for.
      next = std::max(next, std::chrono::steady_clock::now());
      if (wake_.wait_until(lock, next, [this] { return stop_; })) break;
      lock.unlock();
      tick_();
      cpu_time_.store(read_clock(CLOCK_THREAD_CPUTIME_ID));
      lock.lock();
    }
  }

  std::function<void()> tick_;
  std::mutex mutex_;
  std::condition_variable wake_;
  bool stop_ = false;
  std::atomic<Nanoseconds> cpu_time_{0};
  std::thread thread_;  // last: it uses all of the above
};

class SystemClock final : public Clock {
 public:
  Instant now() const override { return {read_clock(CLOCK_MONOTONIC), read_clock(CLOCK_BOOTTIME)}; }
  Nanoseconds unix_time() const override { return read_clock(CLOCK_REALTIME); }
  Nanoseconds cpu_time() const override { return read_clock(CLOCK_PROCESS_CPUTIME_ID); }
  void sleep(Nanoseconds duration) override {
    timespec left = {duration / kSecond, duration % kSecond};
    while (duration > 0 && ::clock_nanosleep(CLOCK_MONOTONIC, 0, &left, &left) == EINTR) {
    }
  }
  std::unique_ptr<Ticker> every(Nanoseconds period, std::function<void()> tick) override {
    return std::make_unique<ThreadTicker>(period, std::move(tick));
  }
};

}  // namespace

std::unique_ptr<Clock> system_clock() { return std::make_unique<SystemClock>(); }

}  // namespace godwit::energy
