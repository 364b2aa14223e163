// godwit energy sensors: what could measure energy here, what was looked at, and what stands in the way.
#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <memory>
#include <nlohmann/json.hpp>
#include <pwd.h>
#include <unistd.h>

#include "tools/bench/energy_options.h"
#include "tools/bench/energy_text.h"
#include "tools/cli/commands/energy.h"
#include "tools/cli/energy_options.h"
#include "tools/cli/options.h"
#include "tools/report/console.h"

namespace godwit::tools {
namespace {

struct Options {
  SensorOptions sensors;
  bool json = false;
};

int list_sensors(const Options& options) {
  const auto root = energy::open_sys_root({options.sensors.sysfs, options.sensors.procfs});
  const auto perf =
      options.sensors.sysfs == energy::SysDirectories().sysfs ? energy::system_perf() : energy::no_perf();
  std::unique_ptr<energy::SysRoot> shared;
  const energy::Discovery found = find_sensors(options.sensors, *root, *perf, shared);
  const energy::HostFacts host = energy::probe_host(*root);
  if (options.json) {
    print_json(sensors_json(found));
    return kDone;
  }
  std::string text = sensors_text(found);
  if (found.total().domains.empty()) {
    const passwd* entry = ::getpwuid(::geteuid());
    text += "\n" + not_measured_text(
                       found, host,
                       {"bench MODEL", entry != nullptr ? entry->pw_name : std::to_string(::geteuid())});
  }
  print(text);
  return kDone;
}

std::function<int()> prepare(CLI::App& app) {
  auto options = std::make_shared<Options>();
  add_sensor_options(app, options->sensors);
  add_json_option(app, options->json);
  return [options] { return list_sensors(*options); };
}

}  // namespace

const Command energy_sensors_command = {
    "energy sensors",
    "Measure",
    "list what can measure energy here, or why nothing can",
    "[options]",
    "Looks at powercap zones (RAPL), the kernel's power counters, hwmon chips, the rails of boards and "
    "batteries. "
    "The same part of the machine seen by several sensors is one domain: the first one rules, the others are "
    "alternates that it is compared with. The total adds up domains that do not contain each other.",
    "godwit energy sensors\ngodwit energy sensors --sysfs /host --json",
    prepare,
};

}  // namespace godwit::tools
