// Timing repeated work, and the numbers that a benchmark reports of it.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "tools/report/json.h"
#include "tools/report/text.h"

namespace godwit::tools {

struct MeasureOptions {
  double seconds = 3;
  int min_repetitions = 13;
};

// Times of one kind of run, again and again.
struct Measurement {
  std::int64_t batch = 1;
  std::string schedule;     // of the batch among threads; empty where it is not known
  std::string schedule_by;  // what chose it, "trial" or "plan"; empty where there was no choice
  std::vector<double> sorted_ms;
  double seconds = 0;
  double cpu_seconds = 0;  // of all threads

  double median_ms() const { return quantile_of(sorted_ms, 0.5); }
  double mean_ms() const;
  double images_per_second() const { return static_cast<double>(batch) * 1e3 / median_ms(); }
  double cpu_seconds_per_image() const {
    return cpu_seconds / (static_cast<double>(batch) * static_cast<double>(sorted_ms.size()));
  }
  // batch, repetitions, seconds, latency_ms{min, median, mean, p90, p99}, images_per_second, and schedule and
  // schedule_by where they are known.
  Json to_json() const;
};

// Warms up (three runs, or as many as fit a second), then repeats until both the seconds and the repetitions
// are full, or a signal came. Throws Interrupted where that came before the first repetition.
Measurement measure(const MeasureOptions& options, std::int64_t batch, const std::function<void()>& work);

// The stop rule of a sweep over doubling batches: true once the last two doublings have gained less than 2 %
// in images/s together.
bool levels_off(const std::vector<Measurement>& sweep);
// The batch with the most images/s; of those within 2 % of it the smallest.
std::int64_t best_batch(const std::vector<Measurement>& sweep);

// The columns and the row of a measurement for people.
Table measurement_table();
void add_row(Table& table, const Measurement& measurement);

}  // namespace godwit::tools
