// Joules, their uncertainty, and what speaks against them.
#include "runtime/energy/protocol/analysis.h"

#include <Eigen/Core>
#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "runtime/energy/protocol/attribution.h"

namespace godwit::energy {
namespace {

constexpr int kSegments = 10;             // of a window: batch means, and points of the slope test
constexpr double kRegisterUpdate = 1e-3;  // seconds between two updates of RAPL
constexpr double kLeastSeen = 0.1;        // of a window, beside holes
// A share of a round's energy: a larger step of the meter's last digit is worth a warning.
constexpr double kCoarse = 0.05;

// Start of a window's energy: some protocols leave its first part out.
Nanoseconds counted_from(const Window& window, const ProtocolOptions& options) {
  return window.begin +
         static_cast<Nanoseconds>(options.skip_share * static_cast<double>(window.end - window.begin));
}

// Segments long enough to hold a few readings each; one per run of a protocol that takes runs as independent.
std::vector<double> watts_of(const EnergySeries& series, const Window& window,
                             const ProtocolOptions& options) {
  const Nanoseconds begin = counted_from(window, options);
  if (options.interval == IntervalMethod::sem) {
    std::vector<double> watts;
    Nanoseconds last = begin;
    for (const Nanoseconds end : window.run_ends) {
      if (end <= begin) continue;
      // Runs shorter than the curve's step share their readings.
      if (series.points_within(last, end) < 1 && end != window.run_ends.back()) continue;
      watts.push_back(series.watts(last, end));
      last = end;
    }
    return watts;
  }
  const int count = std::clamp(series.points_within(begin, window.end) / 2, 1, kSegments);
  return series.segment_watts(begin, window.end, count);
}

// Runs per second in equal parts of a window; a run counts where it lies.
std::vector<double> rates_of(const Window& window) {
  const auto boundary = [&](int i) { return window.begin + (window.end - window.begin) * i / kSegments; };
  std::vector<double> rates;
  Nanoseconds last = window.begin;
  std::size_t run = 0;
  for (int i = 0; i < kSegments; ++i) {
    const std::size_t first = run;
    Nanoseconds end = last;
    while (run < window.run_ends.size() && window.run_ends[run] <= boundary(i + 1))
      end = window.run_ends[run++];
    // Parts without an end of a run tell nothing: runs longer than a part have no rate of their own.
    if (run == first || end <= last) return {};
    rates.push_back(static_cast<double>(run - first) / to_seconds(end - last));
    last = end;
  }
  return rates;
}

struct IdlePower {
  double before_w = 0;
  std::optional<double> after_w;
  double mean_w = 0;
  double standard_error = 0;  // of mean_w, by the noise at both ends
  double degrees = 1;
  double steady_error = 0;  // the same with each end's own slope taken out
};

std::vector<double> without_slope(std::vector<double> values) {
  const auto count = static_cast<Eigen::Index>(values.size());
  if (count < 2) return values;
  Eigen::Map<Eigen::ArrayXd> y(values.data(), count);
  const double middle = (static_cast<double>(count) - 1) / 2;
  const Eigen::ArrayXd x = Eigen::ArrayXd::LinSpaced(count, -middle, middle);
  y -= (x * y).sum() / x.square().sum() * x;
  return values;
}

// The parts of a window that readings tell of. A run counts where it ends, CPU time by the clock.
std::vector<Window> seen_parts(const Window& window, const std::vector<EnergySource::Hole>& holes) {
  std::vector<Window> parts;
  const auto add = [&](Nanoseconds begin, Nanoseconds end) {
    if (end <= begin) return;
    Window part = window;
    part.begin = begin;
    part.end = end;
    std::erase_if(part.run_ends, [&](Nanoseconds run) { return run <= begin || run > end; });
    part.cpu_s *= part.seconds() / window.seconds();
    parts.push_back(std::move(part));
  };
  Nanoseconds begin = window.begin;
  for (const EnergySource::Hole& hole : holes) {
    if (hole.end <= window.begin || hole.begin >= window.end) continue;
    add(begin, hole.begin);
    begin = hole.end;
  }
  if (begin == window.begin) return {window};
  add(begin, window.end);
  return parts;
}

double seen_seconds(const Window& window, const std::vector<EnergySource::Hole>& holes) {
  double seconds = 0;
  for (const Window& part : seen_parts(window, holes)) seconds += part.seconds();
  return seconds;
}

std::optional<IdlePower> idle_power(const RunLog& log, const ProtocolOptions& options,
                                    const EnergySource& source) {
  const auto known = [&](const std::optional<Window>& window) {
    return window && source.series.covers(window->begin, window->end) &&
           seen_seconds(*window, source.holes) >= kLeastSeen * window->seconds();
  };
  if (!known(log.before)) return std::nullopt;
  IdlePower idle;
  std::vector<std::vector<double>> centred, level;
  const auto take = [&](const Window& window) {
    double joules = 0, seconds = 0;
    centred.emplace_back();
    for (const Window& part : seen_parts(window, source.holes)) {
      joules += source.series.joules(part.begin, part.end);
      seconds += part.seconds();
      const std::vector<double> more = watts_of(source.series, part, options);
      centred.back().insert(centred.back().end(), more.begin(), more.end());
    }
    const double watts = joules / seconds;
    const double mean = std::accumulate(centred.back().begin(), centred.back().end(), 0.0) /
                        static_cast<double>(centred.back().size());
    for (double& value : centred.back()) value -= mean;
    level.push_back(without_slope(centred.back()));
    return watts;
  };
  idle.mean_w = idle.before_w = take(*log.before);
  if (known(log.after)) {
    idle.after_w = take(*log.after);
    idle.mean_w = (idle.before_w + *idle.after_w) / 2;
  }
  const MeanEstimate mean = mean_of_rounds(centred, options.interval);
  idle.standard_error = std::isfinite(mean.standard_error) ? mean.standard_error : 0;
  idle.degrees = std::max(1.0, mean.degrees - (idle.after_w ? 1 : 0));
  idle.steady_error = std::min(idle.standard_error, mean_of_rounds(level, options.interval).standard_error);
  return idle;
}

double rectangular(double half_width) { return half_width / std::sqrt(3.0); }

class Analyst {
 public:
  Analyst(const RunLog& log, const ProtocolOptions& options, const EnergySource& source)
      : log_(log), options_(options), source_(source), idle_(idle_power(log, options, source)) {}

  EnergyResult result_of(std::size_t index, const Workload& workload) const {
    std::vector<Window> windows;
    EnergyResult result;
    for (const Window& window : log_.rounds[index]) {
      const std::vector<Window> parts = seen_parts(window, source_.holes);
      windows.insert(windows.end(), parts.begin(), parts.end());
      result.window_s.push_back(seen_seconds(window, source_.holes));
    }
    result.batch = workload.images;
    result.verdict = source_.verdict;
    result.energy.quality = source_.quality;
    result.energy.scope = source_.scope;
    if (index < log_.warmups.size()) result.warmup_s = log_.warmups[index].seconds();
    double counted_s = 0, gross = 0, all_s = 0, counted_images = 0;
    std::vector<std::vector<double>> watts;
    for (const Window& window : windows) {
      const Nanoseconds begin = counted_from(window, options_);
      const double seconds = to_seconds(window.end - begin);
      const double share = seconds / window.seconds();
      result.repetitions += static_cast<std::int64_t>(window.run_ends.size());
      result.cpu_seconds += window.cpu_s;
      counted_images +=
          share * static_cast<double>(window.run_ends.size()) * static_cast<double>(workload.images);
      all_s += window.seconds();
      counted_s += seconds;
      gross += source_.series.joules(begin, window.end);
      watts.push_back(watts_of(source_.series, window, options_));
    }
    result.images = result.repetitions * workload.images;
    result.seconds = all_s;
    result.img_s = static_cast<double>(result.images) / all_s;
    result.mean_w = gross / counted_s;
    // A protocol that leaves out the beginning of a window tells the whole window's energy at the rest's
    // power.
    fill_energy(result, watts, gross * all_s / counted_s, all_s, static_cast<int>(windows.size()));
    judge(result, log_.rounds[index], counted_images / counted_s);
    judge_meter(result, log_.rounds[index]);
    if (drifts(windows, watts) || baseline_drifts(result)) result.verdict.suspect("drift");
    attribute(result, log_.rounds[index]);
    return result;
  }

 private:
  void fill_energy(EnergyResult& result, const std::vector<std::vector<double>>& watts, double gross,
                   double seconds, int rounds) const {
    MeasuredEnergy& energy = result.energy;
    energy.gross = Measured<Joules>(Joules{gross});
    const MeanEstimate mean = mean_of_rounds(watts, options_.interval);
    std::vector<Component> parts;
    const auto add = [&](std::optional<double>& field, double u, double degrees) {
      field = u;
      parts.push_back({u * u, degrees});
    };
    constexpr double kNormal = std::numeric_limits<double>::infinity();
    add(energy.uncertainty.statistical, seconds * mean.standard_error, mean.degrees);
    double middle = gross;
    if (idle_) {
      middle = gross - idle_->mean_w * seconds;
      energy.net = Measured<Joules>(Joules{middle});
      result.baseline =
          Baseline{idle_->before_w, idle_->after_w, idle_->standard_error * student_t95(idle_->degrees)};
      const double difference = idle_->after_w ? *idle_->after_w - idle_->before_w : 0;
      const double noise = seconds * idle_->standard_error;
      const double drift = seconds * std::abs(difference) / std::sqrt(12.0);
      energy.uncertainty.baseline = std::hypot(noise, drift);
      parts.push_back({noise * noise, idle_->degrees});
      parts.push_back({drift * drift, kNormal});
    }
    if (options_.interval == IntervalMethod::student) {
      // Both ends of every window fall between two updates, and onto steps of the register.
      const double update = source_.counter ? kRegisterUpdate : source_.update_s;
      const double moving_w =
          source_.counter || !idle_ ? result.mean_w : std::abs(result.mean_w - idle_->mean_w);
      const double late = options_.edge_align && source_.counter ? 0.1 : 1;
      const double edge = std::hypot(moving_w * update * late, source_.resolution_j) / std::sqrt(6.0);
      const double moved = source_.offset_s * std::abs(moving_w) * std::sqrt(2.0);
      add(energy.uncertainty.edge, std::sqrt(static_cast<double>(rounds)) * std::hypot(edge, moved), kNormal);
    }
    if (source_.accuracy) {
      const MeterAccuracy& promised = *source_.accuracy;
      add(energy.uncertainty.meter,
          rectangular(promised.of_reading * std::abs(gross) + promised.watts * seconds), kNormal);
    }
    double variance = 0;
    for (const Component& part : parts) variance += part.variance;
    if (!std::isfinite(variance)) return;  // a single reading: no interval
    const double half = std::sqrt(variance) * student_t95(combined_degrees(parts));
    energy.ci95_j = Interval{middle - half, middle + half};
  }

  void judge(EnergyResult& result, const std::vector<Window>& windows, double counted_img_s) const {
    Verdict& verdict = result.verdict;
    for (const SensorFault& fault : source_.faults) {
      const auto inside = [&](const Window& window) {
        // A reading behind the end still tells of time before it.
        return fault.time > window.begin && fault.time <= window.end + kSecond / 10;
      };
      const bool idle = (log_.before && inside(*log_.before)) || (log_.after && inside(*log_.after));
      if (!idle && std::ranges::none_of(windows, inside)) continue;
      if (fault.reason == "power-gap") {
        verdict.suspect(fault.reason);
      } else {
        verdict.invalidate(fault.reason);
      }
    }
    for (const Window& window : windows) {
      if (!verdict.invalid() && !source_.series.covers(window.begin, window.end))
        verdict.invalidate("no-data");
    }
    const double required = std::max(options_.required_window_s, source_.window_s);
    for (const Window& window : windows) {
      if (window.seconds() < required || static_cast<int>(window.run_ends.size()) < 13)
        verdict.suspect("short-window");
    }
    judge_host(verdict, windows);
    judge_plausibility(result, counted_img_s);
    for (const SensorUse& use : source_.uses) {
      if (use.disagreement && *use.disagreement > 0.02) verdict.suspect("domains-disagree");
    }
  }

  // Holes in the readings, steps too coarse for a round, and power that nobody saw.
  void judge_meter(EnergyResult& result, const std::vector<Window>& windows) const {
    Verdict& verdict = result.verdict;
    std::vector<const Window*> all;
    for (const Window& window : windows) all.push_back(&window);
    if (log_.before) all.push_back(&*log_.before);
    if (log_.after) all.push_back(&*log_.after);
    for (const Window* window : all) {
      const double seen = seen_seconds(*window, source_.holes);
      if (seen < window->seconds()) verdict.suspect("meter-gap");
    }
    if (verdict.invalid()) return;
    for (const Window& window : windows) {
      if (seen_seconds(window, source_.holes) < kLeastSeen * window.seconds())
        verdict.invalidate("meter-gap");
    }
    const double gross = result.energy.gross.value();
    const double round = gross / static_cast<double>(windows.size());
    if (!(gross > 0)) {
      verdict.invalidate("no-power");
    } else if (source_.quality == Quality::external && source_.resolution_j > round) {
      verdict.invalidate("meter-coarse");
    } else if (source_.quality == Quality::external && source_.resolution_j > kCoarse * round) {
      verdict.suspect("meter-coarse");
    }
  }

  // On a busy host: this process's part of the net energy, by CPU seconds.
  void attribute(EnergyResult& result, const std::vector<Window>& windows) const {
    if (std::ranges::find(result.verdict.reasons, "busy-host") == result.verdict.reasons.end()) return;
    if (!result.energy.net || result.verdict.invalid()) return;
    double own = 0, busy = 0;
    for (const Window& window : windows) {
      own += window.after.self_s - window.before.self_s;
      busy += window.after.busy_s - window.before.busy_s;
    }
    if (!(busy > 0)) return;
    result.energy.attributed_share = process_share(own, busy);
    result.energy.attributed_net = *result.energy.net * *result.energy.attributed_share;
  }

  // Two series in each round are tested; together they give a false alarm once in a hundred.
  bool drifts(const std::vector<Window>& windows, const std::vector<std::vector<double>>& watts) const {
    const double p = 0.01 / (2 * static_cast<double>(windows.size()));
    const auto moves = [p](const std::vector<double>& values) {
      const Slope slope = slope_of(values);
      return values.size() >= 8 && slope.p < p && std::abs(slope.change) > 0.02;
    };
    return std::ranges::any_of(watts, moves) ||
           std::ranges::any_of(windows, [&](const Window& window) { return moves(rates_of(window)); });
  }

  bool baseline_drifts(const EnergyResult& result) const {
    if (!idle_ || !idle_->after_w) return false;
    const double difference = std::abs(*idle_->after_w - idle_->before_w);
    // Each end's mean has √2 times the error of their mean, their difference twice.
    const double error = 2 * idle_->steady_error;
    return difference > 0.02 * result.mean_w &&
           (error <= 0 || student_p(difference / error, idle_->degrees) < 0.01);
  }

  void judge_host(Verdict& verdict, const std::vector<Window>& windows) const {
    std::vector<const Window*> all;
    for (const Window& window : windows) all.push_back(&window);
    // Other programs' work during idle time is subtracted with the idle power.
    if (log_.before) all.push_back(&*log_.before);
    if (log_.after) all.push_back(&*log_.after);
    for (const Window* window : all) {
      const HostChange change = change_between(window->before, window->after);
      if (change.others_share > 0.05) verdict.suspect("busy-host");
      if (change.steal_share > 0.01) verdict.suspect("steal");
      if (change.thermal) verdict.suspect("throttled");
      if (change.power_limited) verdict.suspect("power-limited");
      if (change.quota) verdict.suspect("quota-throttled");
      if (change.under_voltage) verdict.suspect("under-voltage");
    }
    for (const Window& window : windows) {
      if (clock_falls(window)) verdict.suspect("clock-down");
    }
  }

  // The mean clock of the window's rest against that of its first third.
  bool clock_falls(const Window& window) const {
    double first = 0, rest = 0;
    int first_count = 0, rest_count = 0;
    for (const HostCounters& sample : log_.trace) {
      if (sample.time < window.begin || sample.time > window.end || sample.mhz <= 0) continue;
      const bool early = sample.time < window.begin + (window.end - window.begin) / 3;
      (early ? first : rest) += sample.mhz;
      ++(early ? first_count : rest_count);
    }
    return first_count > 0 && rest_count > 0 && rest / rest_count < 0.95 * first / first_count;
  }

  void judge_plausibility(EnergyResult& result, double counted_img_s) const {
    // Throughput by the runs' own times, power by the readings: what they multiply to must be the mean power.
    const double per_image = result.energy.gross.value() / static_cast<double>(result.images);
    if (std::abs(counted_img_s * per_image - result.mean_w) > 0.01 * result.mean_w)
      result.verdict.suspect("gate");
    if (source_.limit_w > 0 && result.mean_w > 1.05 * source_.limit_w) result.verdict.suspect("above-limit");
    if (!idle_) return;
    const double u =
        (result.energy.uncertainty.statistical.value_or(0) + result.energy.uncertainty.baseline.value_or(0)) /
        result.seconds;
    if (result.mean_w < idle_->mean_w - 2 * u - 1e-6 * idle_->mean_w) result.verdict.suspect("below-idle");
  }

  const RunLog& log_;
  const ProtocolOptions& options_;
  const EnergySource& source_;
  std::optional<IdlePower> idle_;
};

// The power at the batch with the least energy per image, against the same model's at the others.
void judge_best(std::vector<EnergyResult>& results) {
  EnergyResult* best = nullptr;
  double most_w = 0;
  for (EnergyResult& result : results) {
    if (result.verdict.invalid() || result.images <= 0) continue;
    most_w = std::max(most_w, result.mean_w);
    const auto joules = [](const EnergyResult& r) {
      return r.energy.gross.value() / static_cast<double>(r.images);
    };
    if (best == nullptr || joules(result) < joules(*best)) best = &result;
  }
  if (best != nullptr && best->mean_w < 0.6 * most_w) best->verdict.suspect("low-power-at-best");
}

}  // namespace

std::optional<double> EnergyResult::gross_mj_per_image() const {
  if (verdict.invalid() || images <= 0) return std::nullopt;
  return energy.gross.value() * 1e3 / static_cast<double>(images);
}

std::optional<double> EnergyResult::net_mj_per_image() const {
  if (verdict.invalid() || images <= 0 || !energy.net) return std::nullopt;
  return energy.net->value() * 1e3 / static_cast<double>(images);
}

std::vector<EnergyResult> analyse(const RunLog& log, const ProtocolOptions& options,
                                  const std::vector<Workload>& workloads, const EnergySource& source) {
  const Analyst analyst(log, options, source);
  std::vector<EnergyResult> results;
  for (std::size_t i = 0; i < workloads.size(); ++i) results.push_back(analyst.result_of(i, workloads[i]));
  judge_best(results);
  return results;
}

EnergySource source_of(Recorder& recorder, const RunLog& log) {
  EnergySource source;
  const Nanoseconds begin = log.begin(), end = log.end();
  if (!recorder.drop_implausible(begin, end).empty()) source.verdict.suspect("implausible-domain");
  source.series = recorder.total();
  source.quality = recorder.chosen().quality;
  source.scope = recorder.chosen().scope;
  source.counter = recorder.has_counters();
  source.resolution_j = recorder.resolution_j();
  source.uses = recorder.uses(begin, end);
  source.faults = recorder.faults(begin, end + kSecond);
  if (source.scope == "system-battery") source.window_s = 60;
  bool all_known = true;
  double limit = 0;
  for (const std::size_t index : recorder.chosen().domains) {
    const Sensor& sensor = recorder.found().ruling(index);
    limit += sensor.limit_w;
    // DRAM has no limit on most machines and draws little beside the package.
    const bool package = recorder.found().domains[index].kind != DomainKind::dram;
    all_known = all_known && (sensor.limit_w > 0 || !package);
    if (!source.counter) source.update_s = std::max(source.update_s, to_seconds(sensor.update));
  }
  if (all_known) source.limit_w = limit;
  if (recorder.chosen().domains.empty()) source.verdict.invalidate("no-sensor-left");
  return source;
}

}  // namespace godwit::energy
