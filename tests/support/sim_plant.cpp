#include "tests/support/sim_plant.h"

#include <algorithm>
#include <cmath>

namespace godwit::support {
namespace {

std::string whole(double value) { return std::to_string(static_cast<std::int64_t>(value)); }

}  // namespace

void SimPlant::set_busy(bool busy) {
  settle();
  busy_ = busy;
}

void SimPlant::set_extra(double watts, double watts_per_second) {
  settle();
  extra_w_ = watts;
  ramp_ = watts_per_second;
  ramp_from_ = clock_.now().mono;
}

void SimPlant::work(Nanoseconds duration) {
  set_busy(true);
  clock_.work(duration);
  set_busy(false);
}

double SimPlant::joules() {
  settle();
  return joules_;
}

double SimPlant::watts() {
  settle();
  return power();
}

std::int64_t SimPlant::energy_uj() {
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

std::int64_t SimPlant::range_uj() const {
  return static_cast<std::int64_t>(static_cast<energy::Int128>(0xffff'ffffU) * options_.unit_nj / 1000);
}

void SimPlant::reset() {
  const auto steps = static_cast<std::uint64_t>(joules() * 1e9 / static_cast<double>(options_.unit_nj));
  offset_ = 0 - steps - static_cast<std::uint64_t>(options_.first_register);
  next_update_ = 0;
}

void SimPlant::show(VirtualRoot& root, const std::string& path, const std::string& name) {
  root.file(path + "/name", name);
  root.file(path + "/max_energy_range_uj", std::to_string(range_uj()));
  root.file(path + "/energy_uj", [this] { return energy::SysText{std::to_string(energy_uj()) + "\n", 0}; });
}

double SimPlant::power() const {
  const double since = energy::to_seconds(last_ - ramp_from_);
  return std::max(0.0, options_.idle_w + (busy_ ? options_.load_w : 0) + extra_w_ + ramp_ * since + noise_);
}

void SimPlant::settle() {
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
double SimPlant::normal() {
  const double radius = std::sqrt(-2 * std::log(1 - random_.uniform()));
  return radius * std::cos(6.283185307179586 * random_.uniform());
}

void SimHost::show(VirtualRoot& root) {
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

}  // namespace godwit::support
