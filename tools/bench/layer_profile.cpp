// A session with a timer around every layer.
#include "tools/bench/layer_profile.h"

#include <ctime>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "engine/session.h"
#include "runtime/stopwatch.h"
#include "tools/bench/plan_facts.h"
#include "tools/report/interrupt.h"
#include "tools/report/json.h"
#include "tools/report/text.h"
#include "tools/vision/random_input.h"

namespace godwit::tools {
namespace {

double gflops_per_second(const LayerProfile::Row& row) {
  return row.ms > 0 ? static_cast<double>(row.step->cost.flops) / (row.ms * 1e6) : 0;
}

}  // namespace

LayerProfile profile_layers(const std::shared_ptr<const engine::Plan>& plan, int threads,
                            engine::BatchSchedule schedule, const MeasureOptions& options) {
  engine::Session session(plan, {threads, true, schedule});
  const std::vector<Tensor> inputs = vision::random_inputs(*plan);
  const Stopwatch all_warm;
  for (int i = 0; i < options.warmup.value_or(3); ++i) {
    session.run(inputs);
    if (!options.warmup && options.max_seconds > 0 && all_warm.seconds() > options.max_seconds / 3) break;
  }
  session.reset_profile();
  LayerProfile result;
  result.batch = batch_of(*plan);
  result.threads = threads;
  const std::clock_t cpu = std::clock();
  const Stopwatch all;
  std::size_t runs = 0;
  bool cut = false;
  while (!options.enough(runs, all.seconds(), cut)) {
    session.run(inputs);
    ++runs;
    stop_if_interrupted();
  }
  const auto count = static_cast<double>(runs);
  result.wall_ms = all.seconds() * 1e3 / count;
  result.cpu_ms = static_cast<double>(std::clock() - cpu) * 1e3 / CLOCKS_PER_SEC / count;
  for (std::size_t i = 0; i < plan->steps().size(); ++i) {
    const engine::StepTime& time = session.profile()[i];
    result.rows.push_back(
        {&plan->steps()[i], time.runs > 0 ? time.seconds * 1e3 / static_cast<double>(time.runs) : 0});
  }
  return result;
}

Json LayerProfile::to_json() const {
  Json layers = Json::array();
  for (const Row& row : rows) {
    layers.push_back({{"name", row.step->name},
                      {"origins", row.step->origins},
                      {"op", row.step->op->name},
                      {"implementation", row.step->implementation},
                      {"kernel", row.step->kernel},
                      {"ms", row.ms},
                      {"share", sum_ms() > 0 ? row.ms / sum_ms() : 0},
                      {"macs", row.step->cost.macs},
                      {"flops", row.step->cost.flops},
                      {"gflops_per_second", gflops_per_second(row)}});
  }
  return {{"batch", batch}, {"wall_ms", wall_ms}, {"sum_ms", sum_ms()}, {"layers", std::move(layers)}};
}

std::string LayerProfile::to_string() const {
  using enum Table::Align;
  Table table({{"ms"},
               {"share"},
               {"MACs"},
               {"GFLOP/s"},
               {"op", left},
               {"implementation", left},
               {"kernel", left},
               {"layer", left}});
  for (const Row& row : rows) {
    table.add(
        {fmt::format("{:.4f}", row.ms), fmt::format("{:.1f}%", sum_ms() > 0 ? 100 * row.ms / sum_ms() : 0),
         with_prefix(static_cast<double>(row.step->cost.macs)), fmt::format("{:.1f}", gflops_per_second(row)),
         std::string(row.step->op->name), std::string(row.step->implementation),
         row.step->kernel.empty() ? "-" : row.step->kernel, layers_of(*row.step)});
  }
  return fmt::format(
      "\nper layer, batch {}, mean of profiled runs\n{}sum of layers {:.3f} ms, wall {:.3f} ms ({:.1f}%)\n",
      batch, table.to_string(), sum_ms(), wall_ms, wall_ms > 0 ? 100 * sum_ms() / wall_ms : 0);
}

}  // namespace godwit::tools
