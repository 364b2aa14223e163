// The clocks that energy is told by: real ones, or one that a test moves.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>

namespace godwit::energy {

using Nanoseconds = std::int64_t;
constexpr Nanoseconds kSecond = 1'000'000'000;

constexpr double to_seconds(Nanoseconds time) { return static_cast<double>(time) * 1e-9; }
constexpr Nanoseconds from_seconds(double seconds) { return static_cast<Nanoseconds>(seconds * 1e9); }

// One moment on three clocks. `boot` runs on while the machine sleeps, `mono` does not.
struct Instant {
  Nanoseconds mono = 0;
  Nanoseconds boot = 0;
};

class Clock {
 public:
  virtual ~Clock() = default;
  virtual Instant now() const = 0;
  // Nanoseconds since 1970-01-01T00:00:00Z.
  virtual Nanoseconds unix_time() const = 0;
  virtual void sleep(Nanoseconds duration) = 0;
  // CPU time that this process has taken so far, all threads.
  virtual Nanoseconds cpu_time() const = 0;

  // Calls a function again and again until destroyed.
  class Ticker {
   public:
    virtual ~Ticker() = default;
    // CPU time that the calls have taken.
    virtual Nanoseconds cpu_time() const = 0;
  };
  // `tick` every `period` on a thread of its own; never two at a time.
  virtual std::unique_ptr<Ticker> every(Nanoseconds period, std::function<void()> tick) = 0;
};

std::unique_ptr<Clock> system_clock();

}  // namespace godwit::energy
