// Grid, refinement and the answer.
#include "runtime/energy/protocol/sweep.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <fmt/format.h>
#include <limits>
#include <random>

#include "runtime/energy/protocol/interval.h"
#include "runtime/error.h"

namespace godwit::energy {
namespace {

constexpr std::array<std::string_view, 4> kObjectives = {"img/kWh", "J", "cost", "EDP"};

struct Track {
  SweepPoint point;
  std::vector<SweepSample> samples;
};

// A price is a constant, so what costs least is what takes least; EDP adds the time of an image.
double value_of(const SweepSample& sample, Objective objective) {
  const double joules = sample.joules.value();
  return objective == Objective::edp ? joules / sample.img_s : joules;
}

template <class Value>
double mean_of(const std::vector<SweepSample>& samples, const Value& value) {
  double sum = 0;
  for (const SweepSample& sample : samples) sum += value(sample);
  return sum / static_cast<double>(samples.size());
}

std::string refusal(const SweepResult::Point& point, const SweepFloors& floors) {
  if (floors.min_img_s && point.img_s < *floors.min_img_s)
    return fmt::format("{:.4g} img/s is below {:.4g}", point.img_s, *floors.min_img_s);
  if (floors.max_p99_ms && point.p99_ms > *floors.max_p99_ms)
    return fmt::format("p99 of {:.4g} ms is above {:.4g}", point.p99_ms, *floors.max_p99_ms);
  if (floors.min_top1 && !point.top1) return "its top-1 is not known";
  if (floors.min_top1 && *point.top1 < *floors.min_top1)
    return fmt::format("top-1 of {:.4g} % is below {:.4g}", *point.top1, *floors.min_top1);
  return "";
}

SweepResult::Point summarise(const Track& track, const SweepOptions& options) {
  const auto objective = [&](const SweepSample& sample) { return value_of(sample, options.objective); };
  SweepResult::Point point;
  point.point = track.point;
  point.samples = track.samples.size();
  point.objective = mean_of(track.samples, objective);
  double squares = 0;
  for (const SweepSample& sample : track.samples)
    squares += (objective(sample) - point.objective) * (objective(sample) - point.objective);
  const auto n = static_cast<double>(track.samples.size());
  const double half = student_t95(n - 1) * std::sqrt(squares / (n - 1) / n);
  point.ci95 = {point.objective - half, point.objective + half};
  point.joules = mean_of(track.samples, [](const SweepSample& sample) { return sample.joules.value(); });
  point.img_s = mean_of(track.samples, [](const SweepSample& sample) { return sample.img_s; });
  point.p99_ms = mean_of(track.samples, [](const SweepSample& sample) { return sample.p99_ms; });
  point.mean_w = mean_of(track.samples, [](const SweepSample& sample) { return sample.mean_w; });
  point.top1 = track.samples.front().top1;
  for (const SweepSample& sample : track.samples) {
    if (!sample.note.empty()) point.refused = sample.note;
  }
  if (point.refused.empty()) point.refused = refusal(point, options.floors);
  return point;
}

// Measures the tracks from `begin` on, all of them once a round.
void measure_from(std::vector<Track>& tracks, std::size_t begin, const SweepOptions& options,
                  std::mt19937_64& random, const std::function<SweepSample(const SweepPoint&)>& measure) {
  std::vector<std::size_t> order;
  for (std::size_t i = begin; i < tracks.size(); ++i) order.push_back(i);
  for (int round = 0; round < options.rounds; ++round) {
    // Not std::shuffle: its order differs between libraries.
    for (std::size_t i = order.size(); i > 1; --i) std::swap(order[i - 1], order[random() % i]);
    for (const std::size_t i : order) tracks[i].samples.push_back(measure(tracks[i].point));
  }
}

void check(const SweepOptions& options) {
  if (options.rounds < 2) throw Error("a sweep needs two rounds or more, or it has no interval");
  if (options.threads.empty() || options.batches.empty() || options.precisions.empty())
    throw Error("a sweep needs a number of threads, a batch and a precision");
  for (const double level : options.levels) {
    if (!(level > 0) || !std::isfinite(level)) throw Error("levels of a cap are above 0");
  }
}

SweepResult summary_of(const std::vector<Track>& tracks, const SweepOptions& options) {
  SweepResult result;
  for (const Track& track : tracks) result.points.push_back(summarise(track, options));
  std::optional<std::size_t> reference;
  for (std::size_t i = 0; i < result.points.size(); ++i) {
    const SweepResult::Point& point = result.points[i];
    const auto beats = [&](const std::optional<std::size_t>& other) {
      return !other || point.objective < result.points[*other].objective;
    };
    if (!point.refused.empty()) continue;
    if (beats(result.best)) result.best = i;
    if (point.point.level == 1 && beats(reference)) reference = i;
  }
  for (std::size_t i = 0; i < result.points.size() && !reference; ++i) {
    if (result.points[i].point.level == 1) reference = i;
  }
  result.reference = *reference;  // level 1 is always measured
  if (result.best) {
    const SweepResult::Point &best = result.points[*result.best], &uncapped = result.points[result.reference];
    result.gain = best.point.level != 1 && best.ci95.high < uncapped.ci95.low;
  }
  return result;
}

}  // namespace

std::optional<Objective> objective_of(std::string_view name) {
  for (std::size_t i = 0; i < kObjectives.size(); ++i) {
    if (kObjectives[i] == name) return static_cast<Objective>(i);
  }
  return std::nullopt;
}

std::string_view name_of(Objective objective) { return kObjectives[static_cast<std::size_t>(objective)]; }

SweepResult sweep(const SweepOptions& options, const std::function<SweepSample(const SweepPoint&)>& measure) {
  check(options);
  std::vector<double> levels = options.levels;
  if (std::ranges::find(levels, 1.0) == levels.end()) levels.insert(levels.begin(), 1.0);
  std::vector<Track> tracks;
  for (const std::string& precision : options.precisions) {
    for (const int threads : options.threads) {
      for (const std::int64_t batch : options.batches) {
        for (const double level : levels) tracks.push_back({{level, threads, batch, precision}, {}});
      }
    }
  }
  std::mt19937_64 random(options.seed);
  measure_from(tracks, 0, options, random, measure);

  // Halve the distance to the neighbours of the best until it is fine enough.
  for (;;) {
    SweepResult now = summary_of(tracks, options);
    if (!now.best) return now;
    const SweepPoint best = now.points[*now.best].point;
    double below = options.lowest_level, above = std::numeric_limits<double>::infinity();
    for (const Track& track : tracks) {
      SweepPoint same = track.point;
      same.level = best.level;
      if (!(same == best)) continue;
      if (track.point.level < best.level) below = std::max(below, track.point.level);
      if (track.point.level > best.level) above = std::min(above, track.point.level);
    }
    const std::size_t measured = tracks.size();
    for (const double neighbour : {below, above}) {
      // Above the highest level asked for there is nothing to seek.
      if (!std::isfinite(neighbour) || std::abs(neighbour - best.level) / 2 < options.finest_level - 1e-9)
        continue;
      SweepPoint middle = best;
      middle.level = (best.level + neighbour) / 2;
      tracks.push_back({middle, {}});
    }
    if (tracks.size() == measured) return now;
    measure_from(tracks, measured, options, random, measure);
  }
}

}  // namespace godwit::energy
