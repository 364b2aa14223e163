// godwit energy selftest: do this machine's sensors tell of its work?
#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <memory>
#include <nlohmann/json.hpp>

#include "ops/kernel_table.h"
#include "runtime/energy/ledger/ledger.h"
#include "runtime/error.h"
#include "runtime/threads.h"
#include "tools/bench/energy_options.h"
#include "tools/bench/energy_text.h"
#include "tools/bench/selftest.h"
#include "tools/cli/commands/energy.h"
#include "tools/cli/energy_options.h"
#include "tools/cli/options.h"
#include "tools/report/console.h"
#include "tools/report/json.h"
#include "tools/report/text.h"

namespace godwit::tools {
namespace {

struct Options {
  EnergyOptions energy;
  double seconds = 10;
  int threads = 0;
  bool json = false;
};

// Multiplies and adds in registers on so many threads for some milliseconds.
std::function<void()> load_on(int threads) {
  auto* kernel = ops::find_function(ops::families::peak, DType::f32, best_isa());
  return [threads, kernel] {
    constexpr std::int64_t kRounds = 1 << 20;
    run_team(threads, [&](const Worker&) {
      volatile float sink = kernel(kRounds);
      (void)sink;
    });
  };
}

int selftest(const Options& options) {
  EnergyMeter meter(options.energy);
  if (!meter.has_source()) {
    throw Error(fmt::format("there is nothing to test: {}; 'godwit energy sensors' says more",
                            why_not_measured(meter.found(), meter.host())),
                ErrorKind::missing);
  }
  const int threads = chosen_threads(options.threads);
  std::vector<energy::Workload> workloads{{1, load_on(1)}};
  if (threads > 1) workloads.push_back({1, load_on(threads)});
  message(fmt::format("about {:.0f} s: idle, one thread, {}, idle; leave the machine alone",
                      options.seconds * static_cast<double>(2 + workloads.size()),
                      counted(threads, "thread")));
  const EnergyOutcome outcome = meter.measure(workloads, options.seconds, std::nullopt);
  const std::vector<SelftestCheck> checks = check_sensors(outcome);
  const bool passed = all_passed(checks);
  if (options.json) {
    Json json = {{"schema", "godwit.selftest/1"},
                 {"time", energy::utc_time()},
                 {"passed", passed},
                 {"threads", threads},
                 {"checks", selftest_json(checks)},
                 {"energy", energy_json(outcome, meter.host())},
                 {"sensors", sensors_json(meter.found())}};
    // Its runs are stretches of load, not images.
    for (const char* key : {"results", "inside"}) {
      if (!json["energy"].contains(key)) continue;
      Json& results =
          key == std::string_view("inside") ? json["energy"][key]["results"] : json["energy"][key];
      for (Json& result : results) result.erase("per_image");
    }
    print_json(json);
    return passed ? kDone : kFailed;
  }
  using enum Table::Align;
  Table table({{"load", left}, {"W"}});
  const energy::EnergyResult& first = outcome.results.front();
  if (first.baseline) table.add({"idle", fmt::format("{:.2f}", first.baseline->before_w)});
  for (std::size_t i = 0; i < outcome.results.size(); ++i)
    table.add({i == 0 ? "1 thread" : fmt::format("{} threads", threads),
               fmt::format("{:.2f}", outcome.results[i].mean_w)});
  print(
      fmt::format("{}, scope {}\n{}", name_of(first.energy.quality), first.energy.scope, table.to_string()) +
      selftest_text(checks));
  return passed ? kDone : kFailed;
}

std::function<int()> prepare(CLI::App& app) {
  auto options = std::make_shared<Options>();
  app.add_option("--seconds", options->seconds, "Length of each stretch: idle, one thread, all threads.")
      ->check(positive_real())
      ->type_name("S")
      ->default_str("10");
  add_threads_option(app, options->threads);
  app.add_option("--meter", options->energy.meter,
                 "A meter's log that is written meanwhile; its clock is aligned by three pulses of load.")
      ->type_name("csv:FILE|fd:N|-");
  add_meter_options(app, options->energy);
  add_sensor_options(app, options->energy.sensors);
  add_json_option(app, options->json);
  return [options] {
    options->energy.baseline_s = options->seconds;
    options->energy.rounds = 1;
    return selftest(*options);
  };
}

}  // namespace

const Command energy_selftest_command = {
    "energy selftest",
    "Measure",
    "check that the sensors tell of work: idle, one thread, all threads",
    "[options]",
    "Leaves the machine idle, keeps one thread busy, then all of them, and checks that power rises each "
    "time, "
    "that sensors of the same domain agree within 2 %, that counters move, and, with --meter, that the "
    "meter's "
    "log joins and shows no less than the sensors. Exit status 0: all checks passed; 1: one failed; 3: there "
    "is neither a sensor nor a meter. The JSON (schema godwit.selftest/1) names machine, sensors and "
    "figures, "
    "to be attached to a report of a problem.",
    "godwit energy selftest --json > selftest.json\n"
    "godwit energy selftest --meter csv:meter.csv --meter-scope wall",
    prepare,
};

}  // namespace godwit::tools
