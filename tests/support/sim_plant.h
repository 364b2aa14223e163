// A machine whose power is known: what it drew is the truth that measurements are held against.
#pragma once

#include <cstdint>
#include <string>

#include "runtime/energy/sensors/counter.h"
#include "tests/support/random.h"
#include "tests/support/virtual_system.h"

namespace godwit::support {

// One power-drawing part with a RAPL-like counter.
class SimPlant {
 public:
  using Nanoseconds = energy::Nanoseconds;

  struct Options {
    double idle_w = 15;
    double load_w = 30;          // added while busy
    double noise_w = 0;          // standard deviation of an AR(1) process
    double correlation_s = 0.2;  // time in which its autocorrelation falls to 1/e
    std::uint64_t seed = 1;
    std::int64_t unit_nj = 61'035;       // of the counter's register
    std::int64_t first_register = 1000;  // what it holds at first
    Nanoseconds update = 1'000'000;      // the counter moves about this often, without a time stamp
    Nanoseconds jitter = 100'000;
  };

  SimPlant(VirtualClock& clock, const Options& options)
      : clock_(clock), options_(options), random_(options.seed), last_(clock.now().mono) {}

  void set_busy(bool busy);
  // Added to the power from now on; a ramp per second.
  void set_extra(double watts, double watts_per_second = 0);
  // One run of a workload that takes this long.
  void work(Nanoseconds duration);

  // Joules drawn so far, noise included.
  double joules();
  double watts();

  // The counter as the kernel shows it.
  std::int64_t energy_uj();
  std::int64_t range_uj() const;
  // The counter starts again from nothing.
  void reset();

  // Adds a powercap zone of this plant to a root.
  void show(VirtualRoot& root, const std::string& path, const std::string& name);

 private:
  double power() const;
  // Brings the energy up to now, in steps over which the noise stands still.
  void settle();
  double normal();

  VirtualClock& clock_;
  Options options_;
  Random random_;
  Nanoseconds last_;
  double joules_ = 0, noise_ = 0, extra_w_ = 0, ramp_ = 0;
  Nanoseconds ramp_from_ = 0;
  bool busy_ = false;
  std::uint64_t offset_ = 0;
  Nanoseconds next_update_ = 0;
  std::int64_t shown_uj_ = 0;
};

// The host's files that HostWatch reads: CPU time, steal, throttling.
class SimHost {
 public:
  explicit SimHost(VirtualClock& clock) : clock_(clock), begin_(clock.now().mono) {}

  int cpus = 4;
  double others = 0.002;  // share of all CPU time
  double steal = 0;
  std::int64_t throttles = 0, power_limits = 0, quota = 0;
  std::int64_t khz = 3'000'000;

  void show(VirtualRoot& root);

 private:
  VirtualClock& clock_;
  energy::Nanoseconds begin_;
};

}  // namespace godwit::support
