// Timing repeated work, and the numbers that a benchmark reports of it.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "tools/report/json.h"
#include "tools/report/text.h"

namespace godwit::tools {

struct MeasureOptions {
  double seconds = 3;
  int min_repetitions = 13;
  std::optional<int> warmup;  // runs before; not given: three, or as many as fit a second
  int iterations = 0;         // exactly so many repetitions, whatever their time; 0: as above
  double max_seconds = 0;     // of repetitions, at least one of which is done; 0: no limit
  // Told after every run: the share that is done, the repetitions so far and the seconds left.
  std::function<void(double share, std::size_t runs, double seconds_left)> on_run = {};

  // True once so many repetitions in so many seconds are enough; `cut` tells whether by the limit.
  bool enough(std::size_t runs, double spent, bool& cut) const;
};

// Times of one kind of run, again and again.
struct Measurement {
  std::int64_t batch = 1;
  std::string schedule;     // of the batch among threads; empty where it is not known
  std::string schedule_by;  // what chose it, "trial" or "plan"; empty where there was no choice
  std::vector<double> sorted_ms;
  std::vector<double> thirds_ms;  // medians of the first, the second and the last third; empty below 3 runs
  bool cut = false;               // by max_seconds, before the repetitions were full
  double seconds = 0;
  double cpu_seconds = 0;  // of all threads

  double median_ms() const { return quantile_of(sorted_ms, 0.5); }
  double mean_ms() const;
  // The last third against the first: 0.05 is 5 % slower; nullopt below three runs.
  std::optional<double> drift() const;
  // The middle 80 % of the runs, as a share of the median.
  double spread() const;
  // Takes times in their order.
  void set_times(std::vector<double> ms);
  double images_per_second() const { return static_cast<double>(batch) * 1e3 / median_ms(); }
  double cpu_seconds_per_image() const {
    return cpu_seconds / (static_cast<double>(batch) * static_cast<double>(sorted_ms.size()));
  }
  // batch, repetitions, seconds, cut, latency_ms{min, p10, median, mean, p90, p99, max, stdev}, spread,
  // drift, images_per_second, and schedule and schedule_by where they are known.
  Json to_json() const;
};

// Warms up, then repeats until both the seconds and the repetitions are full, the limit is reached or a
// signal came. Throws Interrupted where that came before the first repetition.
Measurement measure(const MeasureOptions& options, std::int64_t batch, const std::function<void()>& work);

// The stop rule of a sweep over doubling batches: true once the last two doublings have gained less than 2 %
// in images/s together.
bool levels_off(const std::vector<Measurement>& sweep);
// The batch with the most images/s; of those within 2 % of it the smallest.
std::int64_t best_batch(const std::vector<Measurement>& sweep);

// The columns and the row of a measurement for people; `more` columns stand before the batch.
Table measurement_table(std::vector<Table::Column> more = {});
void add_row(Table& table, const Measurement& measurement, std::vector<std::string> more = {});
// Remarks beside the table: runs cut short by the limit, and a drift that is worth a doubt.
std::string remarks_of(const Measurement& measurement, const std::string& name);

}  // namespace godwit::tools
