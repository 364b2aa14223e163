// Time per layer over repeated runs, in the model's own names.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "engine/plan.h"
#include "tools/bench/measure.h"
#include "tools/report/json.h"

namespace godwit::tools {

struct LayerProfile {
  struct Row {
    const engine::Step* step;
    double ms;  // per run
  };
  std::int64_t batch = 1;
  int threads = 1;
  double wall_ms = 0;  // of the same runs, timers included
  double cpu_ms = 0;   // of all threads
  std::vector<Row> rows;

  double sum_ms() const {
    double sum = 0;
    for (const Row& row : rows) sum += row.ms;
    return sum;
  }
  Json to_json() const;
  std::string to_string() const;
};

// Runs the plan on random input by this schedule, a timer around every layer. The rows point into the plan.
LayerProfile profile_layers(const std::shared_ptr<const engine::Plan>& plan, int threads,
                            engine::BatchSchedule schedule, const MeasureOptions& options);

}  // namespace godwit::tools
