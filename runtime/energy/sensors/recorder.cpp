// Reading sensors over time.
#include "runtime/energy/sensors/recorder.h"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>
#include <limits>

namespace godwit::energy {
namespace {

constexpr Nanoseconds kPowerPeriod = kSecond / 100;

std::string_view reason_of(CounterFault fault) {
  switch (fault) {
    case CounterFault::suspended:
      return "suspended";
    case CounterFault::gap:
      return "counter-gap";
    case CounterFault::reset:
      return "counter-reset";
    case CounterFault::none:
      break;
  }
  return "";
}

}  // namespace

Recorder::Recorder(const Discovery& found, Clock& clock)
    : found_(found), clock_(clock), chosen_(found.total()) {
  for (const EnergyDomain& domain : found.domains) {
    if (!domain.unused.empty()) continue;
    for (const std::size_t index : domain.sensors) {
      const Sensor& sensor = found.sensors[index];
      Track track;
      track.sensor = index;
      if (sensor.kind == SensorKind::counter) {
        track.counter.emplace(sensor.range);
        period_ = std::min(period_, std::max<Nanoseconds>(kPowerPeriod, sensor.range.guard_interval()));
      } else {
        track.power.emplace(std::max<Nanoseconds>(kSecond, 10 * sensor.update));
        period_ = std::min(period_, std::max<Nanoseconds>(kPowerPeriod, sensor.update));
      }
      tracks_.push_back(std::move(track));
    }
  }
}

Instant Recorder::read() {
  const std::lock_guard lock(mutex_);
  const Instant now = clock_.now();
  for (Track& track : tracks_) read(track, now);
  return now;
}

void Recorder::wait_for_update() {
  if (!has_counters()) return;
  Gauge& gauge = *found_.ruling(chosen_.domains.front()).gauge;
  const Nanoseconds deadline = clock_.now().mono + kSecond / 50;
  const std::optional<std::int64_t> first = gauge.read();
  while (clock_.now().mono < deadline && gauge.read() == first) clock_.sleep(20'000);
}

std::vector<std::string> Recorder::drop_implausible(Nanoseconds begin, Nanoseconds end) {
  constexpr double kMost = 2000;
  std::vector<std::string> reasons;
  std::erase_if(chosen_.domains, [&](std::size_t index) {
    const double limit = found_.ruling(index).limit_w;
    const double most = limit > 0 ? 3 * limit : kMost;
    const double watts = domain(index).watts(begin, end);
    if (watts >= 0 && watts <= most) return false;
    reasons.push_back(fmt::format("{} dropped: {:.1f} W is beyond what it can draw (0 to {:.0f} W)",
                                  found_.domains[index].name, watts, most));
    return true;
  });
  if (reasons.empty()) return reasons;
  std::vector<Domain> left;
  for (const std::size_t index : chosen_.domains) {
    left.push_back(found_.domains[index].kind == DomainKind::dram ? Domain::dram : Domain::package);
  }
  const bool packages = chosen_.scope.starts_with("package");
  if (left.empty() || packages) chosen_.scope = left.empty() ? "" : scope_of(left);
  return reasons;
}

void Recorder::read(Track& track, const Instant& now) {
  if (track.lost) return;
  const Sensor& sensor = found_.sensors[track.sensor];
  const std::optional<std::int64_t> value = sensor.gauge->read();
  if (!value) {
    track.lost = true;
    faults_.push_back({now.mono, track.sensor, "sensor-lost"});
    return;
  }
  if (track.counter) {
    const CounterFault fault = track.counter->add(*value, now);
    if (fault != CounterFault::none) {
      faults_.push_back({now.mono, track.sensor, std::string(reason_of(fault))});
    }
    track.series.add(now.mono, track.counter->total_uj() * 1000);
  } else {
    const int gaps = track.power->gaps();
    track.power->add(*value, now.mono);
    if (track.power->gaps() > gaps) faults_.push_back({now.mono, track.sensor, "power-gap"});
    track.series.add(now.mono, track.power->total_nj());
  }
}

const Recorder::Track* Recorder::track_of(std::size_t sensor) const {
  const auto it = std::ranges::find(tracks_, sensor, &Track::sensor);
  return it == tracks_.end() ? nullptr : &*it;
}

EnergySeries Recorder::sensor(std::size_t index) const {
  const std::lock_guard lock(mutex_);
  const Track* track = track_of(index);
  return track == nullptr ? EnergySeries() : track->series;
}

// The ruling sensor; an alternate where that one was lost or is at fault and the alternate is not.
EnergySeries Recorder::domain(std::size_t index) const {
  const std::lock_guard lock(mutex_);
  const auto at_fault = [&](std::size_t sensor) {
    return std::ranges::any_of(faults_, [&](const SensorFault& fault) { return fault.sensor == sensor; });
  };
  const EnergyDomain& domain = found_.domains[index];
  for (const std::size_t sensor : domain.sensors) {
    const Track* track = track_of(sensor);
    if (track != nullptr && !at_fault(sensor)) return track->series;
  }
  const Track* ruling = track_of(domain.sensors.front());
  return ruling == nullptr ? EnergySeries() : ruling->series;
}

EnergySeries Recorder::total() const {
  if (chosen_.domains.empty()) return {};
  if (chosen_.domains.size() == 1) return domain(chosen_.domains.front());
  std::vector<EnergySeries> parts;
  for (const std::size_t index : chosen_.domains) parts.push_back(domain(index));
  // All are read at the same moments; one that was lost ends the sum there.
  std::size_t count = std::numeric_limits<std::size_t>::max();
  for (const EnergySeries& part : parts) count = std::min(count, part.points().size());
  EnergySeries sum;
  for (std::size_t i = 0; i < count; ++i) {
    Int128 energy = 0;
    for (const EnergySeries& part : parts) energy += part.points()[i].energy_nj;
    sum.add(parts.front().points()[i].time, energy);
  }
  return sum;
}

std::vector<SensorFault> Recorder::faults(Nanoseconds begin, Nanoseconds end) const {
  const std::lock_guard lock(mutex_);
  std::vector<SensorFault> result;
  for (const std::size_t index : chosen_.domains) {
    // A domain is at fault only where every sensor of it is: an alternate without fault decides.
    const EnergyDomain& domain = found_.domains[index];
    std::vector<SensorFault> of_ruling;
    bool some_is_good = false;
    for (const std::size_t sensor : domain.sensors) {
      std::vector<SensorFault> here;
      bool ever = false;
      for (const SensorFault& fault : faults_) {
        if (fault.sensor != sensor) continue;
        ever = true;
        if (fault.time > begin && fault.time <= end) here.push_back(fault);
      }
      if (!ever) some_is_good = true;
      if (sensor == domain.sensors.front()) of_ruling = here;
    }
    for (const SensorFault& fault : of_ruling) {
      // Every sensor of a machine that slept shows the same: no alternate mends that.
      if (!some_is_good || fault.reason == "suspended") result.push_back(fault);
    }
  }
  return result;
}

double Recorder::resolution_j() const {
  const std::lock_guard lock(mutex_);
  double sum = 0;
  for (const std::size_t index : chosen_.domains) {
    const Track* track = track_of(found_.domains[index].sensors.front());
    if (track != nullptr && track->counter) sum = std::hypot(sum, track->counter->resolution_j());
  }
  return sum;
}

bool Recorder::has_counters() const {
  return std::ranges::any_of(
      chosen_.domains, [&](std::size_t index) { return found_.ruling(index).kind == SensorKind::counter; });
}

SensorUse Recorder::use_of(const Track& track, Nanoseconds begin, Nanoseconds end) const {
  const Sensor& sensor = found_.sensors[track.sensor];
  SensorUse use;
  use.id = sensor.id;
  use.domain = sensor.domain;
  use.kind = sensor.kind == SensorKind::counter ? "counter" : "power";
  use.role = "part";
  if (track.counter) {
    use.unit_j = track.counter->resolution_j();
    use.reads = track.counter->reads();
    use.changed = track.counter->changed();
    use.wraps = track.counter->wraps();
    use.gap_max_s = to_seconds(track.counter->longest_gap());
  } else {
    use.reads = track.power->reads();
    use.changed = track.power->changed();
    use.gap_max_s = to_seconds(track.power->longest_gap());
  }
  for (std::size_t i = 0; i < found_.domains.size(); ++i) {
    const EnergyDomain& domain = found_.domains[i];
    if (std::ranges::find(domain.sensors, track.sensor) == domain.sensors.end()) continue;
    const bool rules = domain.sensors.front() == track.sensor;
    if (!rules) {
      use.role = "alternate";
      const Track* ruling = track_of(domain.sensors.front());
      const double there = ruling == nullptr ? 0 : ruling->series.joules(begin, end);
      // A battery's charge falls in steps of many joules; what a step explains is no disagreement.
      const bool charge = domain.kind == DomainKind::battery && track.counter;
      const double step = charge ? track.counter->largest_step_j() : 0;
      const double apart = std::max(0.0, std::abs(track.series.joules(begin, end) - there) - step);
      if (there > 0) use.disagreement = apart / there;
    } else if (std::ranges::find(chosen_.domains, i) != chosen_.domains.end()) {
      use.role = "total";
    }
  }
  return use;
}

std::vector<SensorUse> Recorder::uses(Nanoseconds begin, Nanoseconds end) const {
  const std::lock_guard lock(mutex_);
  std::vector<SensorUse> result;
  for (const Track& track : tracks_) result.push_back(use_of(track, begin, end));
  return result;
}

}  // namespace godwit::energy
