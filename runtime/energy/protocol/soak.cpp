// Rows of a long run, and what they say together.
#include "runtime/energy/protocol/soak.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

namespace godwit::energy {
namespace {

constexpr std::size_t kFewestRows = 8;  // that a slope is drawn through

constexpr std::size_t kMostMeans = 12;  // that the order of is tested

// Means of neighbours, nearly equally many each: what lasts a minute is no trend of half an hour.
std::vector<double> means_of(const std::vector<double>& values) {
  const std::size_t count = std::min(values.size(), kMostMeans);
  std::vector<double> means;
  for (std::size_t i = 0; i < count; ++i) {
    const std::size_t begin = i * values.size() / count, end = (i + 1) * values.size() / count;
    means.push_back(std::accumulate(values.begin() + static_cast<std::ptrdiff_t>(begin),
                                    values.begin() + static_cast<std::ptrdiff_t>(end), 0.0) /
                    static_cast<double>(end - begin));
  }
  return means;
}

// Tests by Mann and Kendall that later is higher more often than chance has it. A machine that heats up or
// slows down does so along a curve, which a straight line's own test takes for noise.
double probability_of_order(const std::vector<double>& values) {
  const auto n = static_cast<double>(values.size());
  int order = 0;
  for (std::size_t i = 0; i < values.size(); ++i) {
    for (std::size_t j = i + 1; j < values.size(); ++j)
      order += values[j] > values[i] ? 1 : values[j] < values[i] ? -1 : 0;
  }
  const double deviation = std::sqrt(n * (n - 1) * (2 * n + 5) / 18);
  return student_p(std::max(0, std::abs(order) - 1) / deviation, std::numeric_limits<double>::infinity());
}

void judge(SoakResult& result) {
  std::vector<double> rates, watts;
  for (const SoakRow& row : result.rows) {
    rates.push_back(row.img_s);
    if (row.watts) watts.push_back(*row.watts);
    if (row.change.others_share > 0.05) result.verdict.suspect("busy-host");
    if (row.change.steal_share > 0.01) result.verdict.suspect("steal");
    if (row.change.thermal) result.verdict.suspect("throttled");
    if (row.change.power_limited) result.verdict.suspect("power-limited");
    if (row.change.quota) result.verdict.suspect("quota-throttled");
    if (row.change.under_voltage) result.verdict.suspect("under-voltage");
  }
  // Two series, together a false alarm once in a hundred.
  constexpr double kP = 0.01 / 2;
  const auto drifts = [&](const std::vector<double>& values, Slope& slope) {
    if (values.size() < kFewestRows) return false;
    const std::vector<double> means = means_of(values);
    slope = {slope_of(means).change, probability_of_order(means)};
    return slope.p < kP && std::abs(slope.change) > 0.02;
  };
  const bool slower = drifts(rates, result.rate);
  const bool hungrier = watts.size() == rates.size() && drifts(watts, result.watts);
  if (slower || hungrier) result.verdict.suspect("drift");
}

}  // namespace

SoakResult soak(const Workload& workload, double seconds, double row_s, Clock& clock, Recorder* recorder,
                const HostWatch& watch, const std::function<void(const SoakRow&)>& on_row) {
  SoakResult result;
  std::unique_ptr<Clock::Ticker> ticker;
  if (recorder != nullptr) ticker = clock.every(recorder->period(), [recorder] { recorder->read(); });
  const auto mark = [&] { return recorder != nullptr ? recorder->read().mono : clock.now().mono; };
  workload.run();  // warm
  const Nanoseconds begin = mark(), end = begin + from_seconds(seconds);
  Nanoseconds from = begin;
  HostCounters before = watch.read(from);
  while (from < end) {
    const Nanoseconds until = std::min(end, from + from_seconds(row_s));
    std::int64_t runs = 0;
    do {
      workload.run();
      ++runs;
    } while (clock.now().mono < until);
    const Nanoseconds now = mark();
    const HostCounters after = watch.read(now);
    SoakRow row;
    row.begin_s = to_seconds(from - begin);
    row.seconds = to_seconds(now - from);
    row.img_s = static_cast<double>(runs * workload.images) / row.seconds;
    if (recorder != nullptr) {
      row.watts = recorder->total().watts(from, now);
      const std::vector<SensorFault> faults = recorder->faults(from, now);
      if (!faults.empty()) {
        row.watts = std::nullopt;
        result.verdict.suspect(faults.front().reason);
      }
    }
    row.temperature_c = after.temperature_c;
    row.change = change_between(before, after);
    result.rows.push_back(row);
    on_row(row);
    from = now;
    before = after;
  }
  judge(result);
  return result;
}

}  // namespace godwit::energy
