// A machine whose power is known: what it drew is the truth that measurements are held against.
#pragma once

#include <cmath>
#include <cstdint>
#include <functional>
#include <string>

#include "runtime/energy/counter.h"
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

  void set_busy(bool busy) {
    settle();
    busy_ = busy;
  }
  // Added to the power from now on; a ramp per second.
  void set_extra(double watts, double watts_per_second = 0) {
    settle();
    extra_w_ = watts;
    ramp_ = watts_per_second;
    ramp_from_ = clock_.now().mono;
  }
  // One run of a workload that takes this long.
  void work(Nanoseconds duration) {
    set_busy(true);
    clock_.work(duration);
    set_busy(false);
  }

  // Joules drawn so far, noise included.
  double joules() {
    settle();
    return joules_;
  }
  double watts() {
    settle();
    return power();
  }

  // The counter as the kernel shows it.
  std::int64_t energy_uj() {
    // The register was last written at an update before now.
    const Nanoseconds now = clock_.now().mono;
    if (options_.update > 0 && now < next_update_) return shown_uj_;
    settle();
    next_update_ = now - now % std::max<Nanoseconds>(1, options_.update) + options_.update +
                   static_cast<Nanoseconds>(random_.uniform() * static_cast<double>(options_.jitter));
    const auto steps = static_cast<std::uint64_t>(joules_ * 1e9 / static_cast<double>(options_.unit_nj));
    const std::uint64_t reg =
        (steps + static_cast<std::uint64_t>(options_.first_register) + offset_) & 0xffff'ffffU;
    shown_uj_ = static_cast<std::int64_t>(static_cast<energy::Int128>(reg) * options_.unit_nj / 1000);
    return shown_uj_;
  }
  std::int64_t range_uj() const {
    return static_cast<std::int64_t>(static_cast<energy::Int128>(0xffff'ffffU) * options_.unit_nj / 1000);
  }
  // The counter starts again from nothing.
  void reset() {
    const auto steps = static_cast<std::uint64_t>(joules() * 1e9 / static_cast<double>(options_.unit_nj));
    offset_ = 0 - steps - static_cast<std::uint64_t>(options_.first_register);
    next_update_ = 0;
  }

  // Adds a powercap zone of this plant to a root.
  void show(VirtualRoot& root, const std::string& path, const std::string& name) {
    root.file(path + "/name", name);
    root.file(path + "/max_energy_range_uj", std::to_string(range_uj()));
    root.file(path + "/energy_uj", [this] { return energy::SysText{std::to_string(energy_uj()) + "\n", 0}; });
  }

 private:
  double power() const {
    const double since = energy::to_seconds(last_ - ramp_from_);
    return std::max(0.0, options_.idle_w + (busy_ ? options_.load_w : 0) + extra_w_ + ramp_ * since + noise_);
  }
  // Brings the energy up to now, in steps over which the noise stands still.
  void settle() {
    constexpr Nanoseconds kStep = 20'000'000;
    const Nanoseconds now = clock_.now().mono;
    while (last_ < now) {
      const Nanoseconds end = std::min(now, last_ - last_ % kStep + kStep);
      joules_ += power() * energy::to_seconds(end - last_);
      last_ = end;
      if (options_.noise_w > 0 && end % kStep == 0) {
        const double keep = std::exp(-energy::to_seconds(kStep) / options_.correlation_s);
        noise_ = keep * noise_ + std::sqrt(1 - keep * keep) * options_.noise_w * normal();
      }
    }
  }
  // Box and Muller.
  double normal() {
    const double radius = std::sqrt(-2 * std::log(1 - random_.uniform()));
    return radius * std::cos(6.283185307179586 * random_.uniform());
  }

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

  void show(VirtualRoot& root) {
    root.file("proc/stat", [this] {
      const double passed = energy::to_seconds(clock_.now().mono - begin_) * cpus * 100;
      const double self = energy::to_seconds(clock_.cpu_time()) * 100;
      const double user = self + others * passed, stolen = steal * passed;
      return energy::SysText{"cpu  " + whole(user) + " 0 0 " + whole(passed - user - stolen) + " 0 0 0 " +
                                 whole(stolen) + " 0 0\n",
                             0};
    });
    root.file("proc/self/stat", [this] {
      return energy::SysText{
          "1 (a) b) R 0 0 0 0 0 0 0 0 0 0 " + whole(energy::to_seconds(clock_.cpu_time()) * 100) + " 0 0 0\n",
          0};
    });
    const std::string cpu = "sys/devices/system/cpu/cpu0/";
    root.file(cpu + "topology/physical_package_id", "0");
    const auto number = [&](const std::string& path, std::int64_t& value) {
      root.file(path, [&value] { return energy::SysText{std::to_string(value) + "\n", 0}; });
    };
    number(cpu + "thermal_throttle/package_throttle_count", throttles);
    number(cpu + "thermal_throttle/package_power_limit_count", power_limits);
    number(cpu + "cpufreq/scaling_cur_freq", khz);
    root.file("sys/fs/cgroup/cpu.stat", [this] {
      return energy::SysText{"usage_usec 1\nnr_throttled " + std::to_string(quota) + "\n", 0};
    });
  }

 private:
  static std::string whole(double value) { return std::to_string(static_cast<std::int64_t>(value)); }

  VirtualClock& clock_;
  energy::Nanoseconds begin_;
};

}  // namespace godwit::support
