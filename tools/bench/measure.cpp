// Repetitions, quantiles and the input they run on.
#include "tools/bench/measure.h"

#include <algorithm>
#include <cmath>
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
constexpr double kDoubtfulDrift = 0.05;

double median_of(std::vector<double> values) {
  std::ranges::sort(values);
  return quantile_of(values, 0.5);
}

// "+1.2 %"
std::string percent(const std::optional<double>& share) {
  return share ? fmt::format("{:+.1f}%", 100 * *share) : "-";
}

}  // namespace

double Measurement::mean_ms() const {
  return std::accumulate(sorted_ms.begin(), sorted_ms.end(), 0.0) / static_cast<double>(sorted_ms.size());
}

std::optional<double> Measurement::drift() const {
  if (thirds_ms.size() != 3 || !(thirds_ms.front() > 0)) return std::nullopt;
  return thirds_ms.back() / thirds_ms.front() - 1;
}

double Measurement::spread() const {
  if (!(median_ms() > 0)) return 0;
  return (quantile_of(sorted_ms, 0.9) - quantile_of(sorted_ms, 0.1)) / median_ms();
}

void Measurement::set_times(std::vector<double> ms) {
  thirds_ms.clear();
  const std::size_t third = ms.size() / 3;
  if (third > 0) {
    const auto at = [&](std::size_t i) { return ms.begin() + static_cast<std::ptrdiff_t>(i); };
    // A remainder of the division by three belongs to the middle.
    thirds_ms = {median_of({at(0), at(third)}), median_of({at(third), at(ms.size() - third)}),
                 median_of({at(ms.size() - third), at(ms.size())})};
  }
  sorted_ms = std::move(ms);
  std::ranges::sort(sorted_ms);
}

Json Measurement::to_json() const {
  double squares = 0;
  for (const double ms : sorted_ms) squares += (ms - mean_ms()) * (ms - mean_ms());
  const auto count = static_cast<double>(sorted_ms.size());
  Json json = {{"batch", batch},
               {"repetitions", sorted_ms.size()},
               {"seconds", seconds},
               {"cut", cut},
               {"latency_ms",
                {{"min", sorted_ms.front()},
                 {"p10", quantile_of(sorted_ms, 0.1)},
                 {"median", median_ms()},
                 {"mean", mean_ms()},
                 {"p90", quantile_of(sorted_ms, 0.9)},
                 {"p99", quantile_of(sorted_ms, 0.99)},
                 {"max", sorted_ms.back()},
                 {"stdev", count > 1 ? Json(std::sqrt(squares / (count - 1))) : Json(nullptr)}}},
               {"spread", spread()},
               {"thirds_ms", thirds_ms},
               {"drift", drift() ? Json(*drift()) : Json(nullptr)},
               {"images_per_second", images_per_second()}};
  if (!schedule.empty()) json["schedule"] = schedule;
  if (!schedule_by.empty()) json["schedule_by"] = schedule_by;
  return json;
}

bool MeasureOptions::enough(std::size_t runs, double spent, bool& cut) const {
  const bool full = iterations > 0 ? runs >= static_cast<std::size_t>(iterations)
                                   : runs >= static_cast<std::size_t>(min_repetitions) && spent >= seconds;
  cut = !full && runs > 0 && max_seconds > 0 && spent >= max_seconds;
  return full || cut;
}

Measurement measure(const MeasureOptions& options, std::int64_t batch, const std::function<void()>& work) {
  const Stopwatch warm_up;
  const int warm_runs = options.warmup.value_or(kWarmUpRuns);
  double one_s = 0;  // of the run before
  const auto tell = [&](std::size_t runs, double spent) {
    if (!options.on_run) return;
    double whole = std::max(options.seconds, options.min_repetitions * one_s);
    if (options.iterations > 0) whole = options.iterations * one_s;
    if (options.max_seconds > 0) whole = std::min(whole, std::max(options.max_seconds, one_s));
    const double left = std::max(0.0, whole - spent);
    options.on_run(spent / std::max(spent + left, 1e-9), runs, left);
  };
  for (int i = 0; i < warm_runs && (options.warmup || i == 0 || warm_up.seconds() < kWarmUpSeconds); ++i) {
    const Stopwatch one;
    work();
    one_s = one.seconds();
    tell(0, 0);
    stop_if_interrupted();
  }
  Measurement result;
  result.batch = batch;
  std::vector<double> ms;
  const std::clock_t cpu_before = std::clock();
  const Stopwatch all;
  while (!options.enough(ms.size(), all.seconds(), result.cut)) {
    const Stopwatch one;
    work();
    one_s = one.seconds();
    ms.push_back(one_s * 1e3);
    tell(ms.size(), all.seconds());
    if (interrupted()) break;
  }
  result.seconds = all.seconds();
  result.cpu_seconds = static_cast<double>(std::clock() - cpu_before) / CLOCKS_PER_SEC;
  result.set_times(std::move(ms));
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

Table measurement_table(std::vector<Table::Column> more) {
  const std::vector<Table::Column> columns = {{"batch"},   {"runs"},    {"min ms"}, {"median ms"},
                                              {"mean ms"}, {"p90 ms"},  {"p99 ms"}, {"spread"},
                                              {"drift"},   {"images/s"}};
  more.insert(more.end(), columns.begin(), columns.end());
  return Table(std::move(more));
}

void add_row(Table& table, const Measurement& m, std::vector<std::string> more) {
  const std::vector<std::string> cells = {fmt::format("{}", m.batch),
                                          fmt::format("{}", m.sorted_ms.size()),
                                          fmt::format("{:.3f}", m.sorted_ms.front()),
                                          fmt::format("{:.3f}", m.median_ms()),
                                          fmt::format("{:.3f}", m.mean_ms()),
                                          fmt::format("{:.3f}", quantile_of(m.sorted_ms, 0.9)),
                                          fmt::format("{:.3f}", quantile_of(m.sorted_ms, 0.99)),
                                          fmt::format("{:.1f}%", 100 * m.spread()),
                                          percent(m.drift()),
                                          fmt::format("{:.1f}", m.images_per_second())};
  more.insert(more.end(), cells.begin(), cells.end());
  table.add(std::move(more));
}

std::string remarks_of(const Measurement& m, const std::string& name) {
  std::string text;
  if (m.cut) {
    text += fmt::format(
        "{}: {} run{} only, as --max-seconds was over; --min-repetitions or --iterations ask for more\n",
        name, m.sorted_ms.size(), m.sorted_ms.size() == 1 ? "" : "s");
  }
  if (m.drift() && std::abs(*m.drift()) > kDoubtfulDrift) {
    text += fmt::format(
        "{}: the last third of the runs took {} than the first; another program, heat or a limit may be at "
        "work\n",
        name, fmt::format("{:.1f} % {}", 100 * std::abs(*m.drift()), *m.drift() > 0 ? "longer" : "less"));
  }
  return text;
}

}  // namespace godwit::tools
