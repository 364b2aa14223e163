// godwit energy calibrate: this machine's power by number of busy threads, for estimates elsewhere.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <fmt/format.h>
#include <memory>
#include <nlohmann/json.hpp>
#include <unistd.h>

#include "engine/session.h"
#include "runtime/energy/protocol/power_profile.h"
#include "runtime/error.h"
#include "runtime/output_file.h"
#include "tools/bench/energy_meter.h"
#include "tools/bench/energy_options.h"
#include "tools/bench/energy_text.h"
#include "tools/bench/plan_facts.h"
#include "tools/cli/commands/energy.h"
#include "tools/cli/energy_options.h"
#include "tools/cli/model.h"
#include "tools/cli/options.h"
#include "tools/cli/output_files.h"
#include "tools/report/console.h"
#include "tools/report/interrupt.h"
#include "tools/report/json.h"
#include "tools/report/text.h"
#include "tools/vision/random_input.h"

namespace godwit::tools {
namespace {

// More CPU time than this part taken by others, and the power is not this program's (the protocol's limit).
constexpr double kBusyHost = 0.05;

struct Options {
  std::string model, output;
  EnergyOptions energy;
  double seconds = 5;
  int rounds = 3;
  bool json = false;
};

// 1, 2, 4 … and the number of threads that this process may use.
std::vector<int> thread_counts() {
  const int most = EngineOptions().thread_count();
  std::vector<int> counts;
  for (int count = 1; count < most; count *= 2) counts.push_back(count);
  counts.push_back(most);
  return counts;
}

// Mean power while `work` is repeated for a time; asleep without work.
double watts_while(EnergyMeter& meter, const energy::HostWatch& watch, double seconds,
                   const std::function<void()>& work) {
  energy::Clock& clock = meter.clock();
  energy::Recorder& recorder = *meter.recorder();
  const auto ticker = clock.every(recorder.period(), [&] { (void)recorder.read(); });
  if (work) work();  // warm
  const energy::HostCounters before = watch.read(clock.now().mono);
  const energy::Nanoseconds begin = recorder.read().mono, length = energy::from_seconds(seconds);
  if (!work) clock.sleep(length);
  while (work && clock.now().mono - begin < length) {
    work();
    stop_if_interrupted();
  }
  const energy::Nanoseconds end = recorder.read().mono;
  for (const energy::SensorFault& fault : recorder.faults(begin, end))
    throw Error(fmt::format("a sensor failed meanwhile ({}); try again", fault.reason), ErrorKind::failed);
  const double others = energy::change_between(before, watch.read(end)).others_share;
  if (others > kBusyHost) {
    throw Error(
        fmt::format("other programs took {:.0f} % of the CPUs meanwhile, which a profile cannot have; try "
                    "again on a quiet machine",
                    100 * others),
        ErrorKind::failed);
  }
  return recorder.total().watts(begin, end);
}

int calibrate(const Options& options) {
  check_output(options.output, std::array{options.model});
  EnergyMeter meter(options.energy);
  if (meter.recorder() == nullptr) {
    throw Error(fmt::format("calibrating needs a sensor: {}; 'godwit energy sensors' says more",
                            why_not_measured(meter.found(), meter.host())),
                ErrorKind::missing);
  }
  const LoadedModel model = load_model(options.model, {}, 1);
  const std::vector<Tensor> inputs = vision::random_inputs(*model.plan);
  const auto root = energy::open_sys_root({options.energy.sensors.sysfs, options.energy.sensors.procfs});
  const energy::HostWatch watch(*root);
  const std::vector<int> counts = thread_counts();
  message(fmt::format("about {:.0f} s: idle and {} numbers of threads, {}; leave the machine alone",
                      options.seconds * options.rounds * static_cast<double>(counts.size() + 1),
                      counts.size(), counted(options.rounds, "round")));
  std::vector<energy::PowerReading> readings;
  for (int round = 0; round < options.rounds; ++round) {
    readings.push_back({0, watts_while(meter, watch, options.seconds, nullptr)});
    for (const int threads : counts) {
      engine::Session session(model.plan, {threads, false});
      readings.push_back({threads, watts_while(meter, watch, options.seconds, [&] { session.run(inputs); })});
    }
  }
  energy::PowerProfile profile = energy::fit_profile(readings);
  profile.cpu = meter.host().host.cpu;
  profile.date = energy::utc_time().substr(0, 10);
  profile.scope = meter.recorder()->chosen().scope;
  profile.cpus = static_cast<int>(::sysconf(_SC_NPROCESSORS_ONLN));
  const std::string text = energy::to_json_text(profile);
  OutputFile file(options.output);
  file.write(text);
  file.commit();
  if (options.json) {
    print_json(Json::parse(text));
    return kDone;
  }
  Table table({{"threads"}, {"W"}, {"readings"}});
  table.add({"idle", fmt::format("{:.2f}", profile.idle_w), fmt::format("{}", options.rounds)});
  for (const energy::PowerProfile::Busy& busy : profile.busy)
    table.add({fmt::format("{}", busy.threads), fmt::format("{:.2f}", busy.watts),
               fmt::format("{}", busy.readings)});
  print(fmt::format("{}, scope {}\n{}95 % of single readings lie within {:.1f} %\nwritten to {}\n",
                    profile.cpu, profile.scope, table.to_string(), 100 * profile.error, options.output));
  return kDone;
}

std::function<int()> prepare(CLI::App& app) {
  auto options = std::make_shared<Options>();
  add_model_argument(app, options->model);
  app.add_option("--output", options->output, "The profile, a JSON file.")->required()->type_name("FILE");
  app.add_option("--seconds", options->seconds, "Length of each reading.")
      ->check(positive_real())
      ->type_name("S")
      ->default_str("5");
  app.add_option("--rounds", options->rounds, "Readings of each number of threads, 2 to 100.")
      ->check(in_range(2, 100))
      ->type_name("N")
      ->default_str("3");
  add_sensor_options(app, options->energy.sensors);
  add_json_option(app, options->json);
  return [options] { return calibrate(*options); };
}

}  // namespace

const Command energy_calibrate_command = {
    "energy calibrate",
    "Measure",
    "find this machine's power by number of threads, for estimates",
    "MODEL --output FILE [options]",
    "On a machine with a sensor: measures its power idle and with 1, 2, 4 ... threads busy on a model, and "
    "writes "
    "a profile with its error. 'godwit bench --estimate --power-profile FILE' uses it where there is no "
    "sensor, "
    "and names machine, date and error.",
    "godwit energy calibrate models/resnet50.onnx --output power.json",
    prepare,
};

}  // namespace godwit::tools
