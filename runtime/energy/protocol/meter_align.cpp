// Brings a meter's clock onto ours by what the machine was seen to do.
#include <algorithm>
#include <cmath>
#include <ctime>
#include <fmt/chrono.h>
#include <fmt/format.h>

#include "runtime/energy/protocol/meter.h"

namespace godwit::energy {
namespace {

constexpr double kLeastCorrelation = 0.6;
// Another offset, farther away than the peak is wide, that fits nearly as well.
constexpr double kRival = 0.97;
constexpr double kMostUncertainty = 0.05;  // of the window
// A log is flat where no offset within its own reach changes a window's energy by more than this.
constexpr double kFlat = 0.02;
// Steps without a reading that make a hole, unless it is a small part of a window.
constexpr double kMostLost = 3.5, kMostBridged = 0.02;

// Power over the meter's time, each reading a moment.
struct Signal {
  std::vector<double> time;  // seconds from the first activity
  std::vector<double> watts;
};

Signal signal_of(const MeterLog& log, Nanoseconds origin) {
  Signal signal;
  for (std::size_t i = 0; i < log.readings.size(); ++i) {
    const MeterReading& reading = log.readings[i];
    const double time = to_seconds(reading.unix_time - origin);
    if (!log.joules) {
      signal.time.push_back(time);
      signal.watts.push_back(reading.value);
    } else if (i > 0) {
      // A difference speaks of the time in the middle.
      const double step = to_seconds(reading.unix_time - log.readings[i - 1].unix_time);
      signal.time.push_back(time - step / 2);
      signal.watts.push_back(std::max(0.0, reading.value - log.readings[i - 1].value) / step);
    }
  }
  return signal;
}

// Knows the machine's state at a moment of our clock: 1 busy, 0 idle, nullopt between windows.
class Reference {
 public:
  explicit Reference(const std::vector<Activity>& activities) : activities_(activities) {
    for (const Activity& activity : activities) seconds_ += to_seconds(activity.end - activity.begin);
  }

  // Readings that fall into activities where the signal covers them all.
  double expected(const Signal& signal) const {
    const double span = signal.time.back() - signal.time.front();
    return span > 0 ? static_cast<double>(signal.time.size()) * std::min(1.0, seconds_ / span) : 1;
  }

  std::optional<bool> at(double seconds, std::size_t& hint) const {
    const Nanoseconds time = activities_.front().begin + from_seconds(seconds);
    while (hint > 0 && time < activities_[hint].begin) --hint;
    while (hint + 1 < activities_.size() && time >= activities_[hint].end) ++hint;
    const Activity& here = activities_[hint];
    return time >= here.begin && time < here.end ? std::optional(here.busy) : std::nullopt;
  }

 private:
  const std::vector<Activity>& activities_;
  double seconds_ = 0;
};

// Correlation of power with activity when `offset` is added to the meter's times; less where readings cover
// only a part of the activities, 0 with too few of them.
double correlation_at(const Signal& signal, const Reference& reference, double offset) {
  double n = 0, busy = 0, sum = 0, squares = 0, products = 0;
  std::size_t hint = 0;
  for (std::size_t i = 0; i < signal.time.size(); ++i) {
    const std::optional<bool> state = reference.at(signal.time[i] + offset, hint);
    if (!state) continue;
    const double watts = signal.watts[i];
    ++n;
    sum += watts;
    squares += watts * watts;
    if (*state) {
      ++busy;
      products += watts;
    }
  }
  const double variance = squares - sum * sum / n;
  const double spread = busy - busy * busy / n;
  if (n < 8 || !(variance > 1e-12 * squares) || spread <= 0) return 0;
  const double covered = std::min(1.0, n / (0.7 * reference.expected(signal)));
  return covered * (products - busy * sum / n) / std::sqrt(variance * spread);
}

struct Peak {
  double offset = 0, correlation = 0, width = 0;
};

// The middle of the offsets that fit as well as the best but for `slack`.
Peak search(const Signal& signal, const Reference& reference, double low, double high, double step) {
  std::vector<std::pair<double, double>> tried;
  double best = -2;
  const auto steps = static_cast<int>(std::floor((high - low) / step + 0.5));
  for (int i = 0; i <= steps; ++i) {
    const double offset = low + i * step;
    tried.emplace_back(offset, correlation_at(signal, reference, offset));
    best = std::max(best, tried.back().second);
  }
  const auto top = std::ranges::find_if(tried, [&](const auto& pair) { return pair.second >= best; });
  auto first = top, last = top;
  const double enough = best - 1e-9;
  while (last + 1 != tried.end() && (last + 1)->second >= enough) ++last;
  return {(first->first + last->first) / 2, best, last->first - first->first};
}

double spread_of_energy(const EnergySeries& series, const RunLog& log, double reach_s) {
  double most = 0;
  for (const auto& windows : log.rounds) {
    for (const Window& window : windows) {
      double low = 0, high = 0;
      bool first = true;
      constexpr int kSteps = 20;  // on either side
      for (int i = -kSteps; i <= kSteps; ++i) {
        const Nanoseconds shift = from_seconds(reach_s * i / kSteps);
        if (!series.covers(window.begin - shift, window.end - shift)) continue;
        const double joules = series.joules(window.begin - shift, window.end - shift);
        low = first ? joules : std::min(low, joules);
        high = first ? joules : std::max(high, joules);
        first = false;
      }
      if (high > 0) most = std::max(most, (high - low) / high);
    }
  }
  return most;
}

// Times without readings, longer than some lost lines and than what a straight line may bridge; and falls of
// a total, where nobody knows how far it had come.
std::vector<EnergySource::Hole> holes_of(const MeterLog& log, double shortest_window_s) {
  std::vector<double> steps;
  for (std::size_t i = 1; i < log.readings.size(); ++i)
    steps.push_back(to_seconds(log.readings[i].unix_time - log.readings[i - 1].unix_time));
  if (steps.empty()) return {};
  std::vector<double> sorted = steps;
  const auto middle = sorted.begin() + static_cast<std::ptrdiff_t>(sorted.size() / 2);
  std::ranges::nth_element(sorted, middle);
  const double most = std::max(kMostLost * *middle, kMostBridged * shortest_window_s);
  std::vector<EnergySource::Hole> holes;
  for (std::size_t i = 1; i < log.readings.size(); ++i) {
    const MeterReading &before = log.readings[i - 1], &after = log.readings[i];
    const bool fell = log.joules && after.value < before.value;
    if (steps[i - 1] > most || fell) holes.push_back({before.unix_time, after.unix_time});
  }
  return holes;
}

std::string utc(Nanoseconds unix_time) {
  return fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(static_cast<std::time_t>(unix_time / kSecond)));
}

// Both times, where the log lies wholly beside the run; empty where it may be of the run.
std::string other_time(const MeterLog& meter, const RunLog& log) {
  constexpr Nanoseconds kReach = 60 * kSecond;
  const Nanoseconds begin = log.begin() + log.unix_minus_mono, end = log.end() + log.unix_minus_mono;
  const Nanoseconds first = meter.readings.front().unix_time, last = meter.readings.back().unix_time;
  if (last + kReach >= begin && first - kReach <= end) return "";
  return fmt::format("the log tells of {} to {}, the run was from {} to {}{}", utc(first), utc(last),
                     utc(begin), utc(end),
                     meter.zoneless ? "; the log names no time zone and was read as UTC" : "");
}

}  // namespace

std::vector<Activity> activities_of(const RunLog& log) {
  std::vector<Activity> result;
  const auto add = [&](const Window& window, bool busy) {
    result.push_back({window.begin, window.end, busy});
  };
  if (log.before) add(*log.before, false);
  for (std::size_t i = 0; i < log.pulses.size(); ++i) {
    add(log.pulses[i], true);
    // Idle until the next pulse, or as long as the pulse was.
    const Nanoseconds begin = log.pulses[i].end;
    const Nanoseconds end = i + 1 < log.pulses.size() ? log.pulses[i + 1].begin
                            : log.warmups.empty()     ? begin + 2 * kSecond
                                                      : log.warmups.front().begin;
    result.push_back({begin, end, false});
  }
  for (const Window& window : log.warmups) add(window, true);
  std::vector<Activity> rounds;
  for (const auto& windows : log.rounds) {
    for (const Window& window : windows) rounds.push_back({window.begin, window.end, true});
  }
  std::ranges::sort(rounds, {}, &Activity::begin);
  result.insert(result.end(), rounds.begin(), rounds.end());
  if (log.after) add(*log.after, false);
  return result;
}

Alignment align(const MeterLog& log, const std::vector<Activity>& activities, double reach_s) {
  Alignment alignment;
  if (activities.empty()) {
    alignment.refused = "nothing is known of what the machine did";
    return alignment;
  }
  const Signal signal = signal_of(log, activities.front().begin);
  const Reference reference(activities);
  const double sample = update_interval(log);
  const double coarse = std::clamp(sample / 2, 0.025, 0.25);
  const Peak rough = search(signal, reference, -reach_s, reach_s, coarse);
  const double fine = std::min(coarse, sample) / 20;
  const Peak peak = search(signal, reference, rough.offset - rough.width / 2 - 2 * coarse,
                           rough.offset + rough.width / 2 + 2 * coarse, fine);
  alignment.offset_s = peak.offset;
  alignment.correlation = peak.correlation;
  // Offsets over which no reading crosses an edge fit equally well: the true one lies anywhere among them.
  alignment.uncertainty_s = std::max({peak.width, fine, sample / 2}) / std::sqrt(12.0);
  if (peak.correlation < kLeastCorrelation) {
    alignment.refused =
        fmt::format("its power does not follow the load (correlation {:.2f}, {:.2f} is needed)",
                    peak.correlation, kLeastCorrelation);
    return alignment;
  }
  const double apart = std::max(1.0, 2 * sample);
  const auto rivals = static_cast<int>(2 * reach_s / (4 * coarse));
  for (int i = 0; i <= rivals; ++i) {
    const double offset = -reach_s + i * 4 * coarse;
    if (std::abs(offset - peak.offset) < apart) continue;
    const double rival = correlation_at(signal, reference, offset);
    if (rival > kRival * peak.correlation) {
      alignment.refused = fmt::format("offsets of {:.1f} s and {:.1f} s fit alike", peak.offset, offset);
      return alignment;
    }
  }
  return alignment;
}

EnergySource source_of(const MeterLog& meter, const RunLog& log, MeterClock clock, const std::string& scope,
                       std::optional<MeterAccuracy> accuracy, std::string& note) {
  EnergySource source;
  source.quality = Quality::external;
  source.scope = scope;
  source.counter = meter.joules;
  source.update_s = update_interval(meter);
  source.resolution_j = meter.resolution_j;
  source.accuracy = accuracy;
  // Onto our clock as it stands, then by what correlation adds.
  MeterLog ours = meter;
  for (MeterReading& reading : ours.readings) reading.unix_time -= log.unix_minus_mono;
  double shortest = 1e9;
  for (const auto& windows : log.rounds) {
    for (const Window& window : windows) shortest = std::min(shortest, window.seconds());
  }
  Alignment alignment;
  const std::string elsewhere = other_time(meter, log);
  if (!elsewhere.empty()) {
    alignment.refused = elsewhere;
  } else if (clock != MeterClock::trusted) {
    alignment = align(ours, activities_of(log));
  }
  if (alignment.refused.empty() && alignment.uncertainty_s > kMostUncertainty * shortest) {
    alignment.refused =
        fmt::format("its offset is known to {:.2f} s only, more than 5 % of a window of {:.1f} s",
                    alignment.uncertainty_s, shortest);
  }
  if (!elsewhere.empty()) {
    note = elsewhere;
    source.verdict.invalidate("meter-gap");
  } else if (clock == MeterClock::trusted) {
    note = "clock taken as it stands (--meter-clock trusted)";
    source.offset_s = source.update_s / 2;
  } else if (alignment.refused.empty()) {
    note = fmt::format("clock moved by {:+.3f} s (correlation {:.3f}, uncertain by {:.3f} s)",
                       alignment.offset_s, alignment.correlation, alignment.uncertainty_s);
    source.offset_s = alignment.uncertainty_s;
  } else {
    const double reach = std::min(5.0, shortest);
    const bool flat =
        clock == MeterClock::automatic && spread_of_energy(series_of(ours), log, reach) <= kFlat;
    note = flat ? "clock taken as it stands: the log is flat, so that no offset would change the energy"
                : "clock not aligned: " + alignment.refused;
    alignment = {};
    if (!flat) source.verdict.invalidate("meter-unaligned");
  }
  for (MeterReading& reading : ours.readings) reading.unix_time += from_seconds(alignment.offset_s);
  source.series = series_of(ours);
  source.holes = holes_of(ours, shortest);
  SensorUse use;
  use.domain = scope;
  use.kind = meter.joules ? "counter" : "power";
  use.role = "total";
  use.reads = static_cast<std::int64_t>(meter.readings.size());
  std::int64_t changed = 1;
  for (std::size_t i = 1; i < meter.readings.size(); ++i) {
    if (meter.readings[i].value != meter.readings[i - 1].value) ++changed;
  }
  use.changed = changed;
  use.gap_max_s = to_seconds(source.series.longest_gap(log.begin(), log.end()));
  source.uses.push_back(std::move(use));
  for (const auto& windows : log.rounds) {
    for (const Window& window : windows) {
      if (!source.series.covers(window.begin, window.end)) source.verdict.invalidate("meter-gap");
    }
  }
  return source;
}

}  // namespace godwit::energy
