// Repetitions, quantiles and the input they run on.
#include "tools/bench/measure.h"

#include <algorithm>
#include <ctime>
#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <numeric>
#include <string>

#include "runtime/stopwatch.h"
#include "tools/report/interrupt.h"

namespace godwit::tools {
namespace {

constexpr int kWarmUpRuns = 3;
constexpr double kWarmUpSeconds = 1;
constexpr double kTie = 0.02;  // less gain than this is none

}  // namespace

double Measurement::mean_ms() const {
  return std::accumulate(sorted_ms.begin(), sorted_ms.end(), 0.0) / static_cast<double>(sorted_ms.size());
}

Json Measurement::to_json() const {
  Json json = {{"batch", batch},
               {"repetitions", sorted_ms.size()},
               {"seconds", seconds},
               {"latency_ms",
                {{"min", sorted_ms.front()},
                 {"median", median_ms()},
                 {"mean", mean_ms()},
                 {"p90", quantile_of(sorted_ms, 0.9)},
                 {"p99", quantile_of(sorted_ms, 0.99)}}},
               {"images_per_second", images_per_second()}};
  if (!schedule.empty()) json["schedule"] = schedule;
  if (!schedule_by.empty()) json["schedule_by"] = schedule_by;
  return json;
}

Measurement measure(const MeasureOptions& options, std::int64_t batch, const std::function<void()>& work) {
  const Stopwatch warm_up;
  for (int i = 0; i < kWarmUpRuns && (i == 0 || warm_up.seconds() < kWarmUpSeconds); ++i) {
    work();
    stop_if_interrupted();
  }
  Measurement result;
  result.batch = batch;
  const std::clock_t cpu_before = std::clock();
  const Stopwatch all;
  while (static_cast<int>(result.sorted_ms.size()) < options.min_repetitions ||
         all.seconds() < options.seconds) {
    const Stopwatch one;
    work();
    result.sorted_ms.push_back(one.seconds() * 1e3);
    if (interrupted()) break;
  }
  result.seconds = all.seconds();
  result.cpu_seconds = static_cast<double>(std::clock() - cpu_before) / CLOCKS_PER_SEC;
  std::ranges::sort(result.sorted_ms);
  return result;
}

bool levels_off(const std::vector<Measurement>& sweep) {
  if (sweep.size() < 3) return false;
  return sweep.back().images_per_second() < (1 + kTie) * (sweep.end() - 3)->images_per_second();
}

std::int64_t best_batch(const std::vector<Measurement>& sweep) {
  double most = 0;
  for (const Measurement& m : sweep) most = std::max(most, m.images_per_second());
  std::int64_t best = 0;
  for (const Measurement& m : sweep) {
    if (m.images_per_second() * (1 + kTie) >= most && (best == 0 || m.batch < best)) best = m.batch;
  }
  return best;
}

Table measurement_table() {
  return Table(
      {{"batch"}, {"runs"}, {"min ms"}, {"median ms"}, {"mean ms"}, {"p90 ms"}, {"p99 ms"}, {"images/s"}});
}

void add_row(Table& table, const Measurement& m) {
  table.add({fmt::format("{}", m.batch), fmt::format("{}", m.sorted_ms.size()),
             fmt::format("{:.3f}", m.sorted_ms.front()), fmt::format("{:.3f}", m.median_ms()),
             fmt::format("{:.3f}", m.mean_ms()), fmt::format("{:.3f}", quantile_of(m.sorted_ms, 0.9)),
             fmt::format("{:.3f}", quantile_of(m.sorted_ms, 0.99)),
             fmt::format("{:.1f}", m.images_per_second())});
}

}  // namespace godwit::tools
