// Options of energy measurements.
#include "tools/cli/energy_options.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <fmt/format.h>
#include <utility>

#include "tools/cli/options.h"

namespace godwit::tools {
namespace {

constexpr const char* kEnergyGroup = "Energy";
constexpr const char* kSensorGroup = "Sensors";

// --require-energy means --energy; every option that came after `before` needs one of them.
void require_energy_asked(CLI::App& app, EnergyOptions& options,
                          const std::vector<const CLI::Option*>& before) {
  std::vector<const CLI::Option*> refining;
  for (const CLI::Option* option : std::as_const(app).get_options()) {
    if (std::ranges::find(before, option) == before.end()) refining.push_back(option);
  }
  app.parse_complete_callback([&options, refining] {
    options.energy = options.energy || options.require;
    if (options.energy) return;
    for (const CLI::Option* option : refining) {
      if (option->count() > 0) throw CLI::RequiresError(option->get_name(), "--energy");
    }
  });
}

}  // namespace

void add_sensor_options(CLI::App& app, SensorOptions& options) {
  app.add_option("--sysfs", options.sysfs, "Look for sensors below this directory instead of /sys.")
      ->type_name("DIR")
      ->group(kSensorGroup);
  app.add_option("--procfs", options.procfs, "Read the host's state below this directory instead of /proc.")
      ->type_name("DIR")
      ->group(kSensorGroup);
  app.add_option("--powercap-dir", options.powercap_dir,
                 "Counters that a hypervisor exports for this guest, as zones of powercap; reported as "
                 "host-attributed.")
      ->type_name("DIR")
      ->group(kSensorGroup);
  add_list_option(app, "--rail", options.rails,
                  "A power rail of unknown label that supplies the whole board; may be given several times.")
      ->type_name("LABEL=board")
      ->group(kSensorGroup);
}

void add_meter_options(CLI::App& app, EnergyOptions& options) {
  const auto add = [&](const std::string& name, auto& value, const std::string& text) {
    return app.add_option(name, value, text)->group(kEnergyGroup);
  };
  add("--meter-scope", options.meter_scope, "What the meter sees: wall, dc or usb.")
      ->check(one_of({"wall", "dc", "usb"}))
      ->type_name("S")
      ->default_str("wall");
  add("--meter-accuracy", options.meter_accuracy,
      "What the meter's maker promises, such as 0.5%rdg+0.1W. Default: unknown, and said so.")
      ->type_name("A");
  add("--meter-column", options.meter_column,
      "The column of the log that holds power or a total of energy, by its name or its place from 1. "
      "Default: "
      "the one that its name tells, such as 'Power (W)', power_mw, active_power or energy_kwh.")
      ->type_name("NAME|N");
  add("--meter-time-column", options.meter_time_column,
      "The column of the log that holds unix time (s, ms, us, ns) or ISO 8601. Default: the one named so.")
      ->type_name("NAME|N");
  add("--meter-unit", options.meter_unit,
      "Unit of that column: W, mW, kW, J, Wh, kWh, uJ ... Default: the one in its name.")
      ->type_name("UNIT");
  add("--meter-columns", options.meter_columns,
      "Both columns at once, by name or number: t=COLUMN,watts=COLUMN or t=COLUMN,joules=COLUMN.")
      ->type_name("C");
  add("--meter-clock", options.meter_clock,
      "auto: aligned by the pulses, taken as it stands where the log is flat; pulse: aligned or refused; "
      "trusted: taken as it stands, no pulses.")
      ->check(one_of({"auto", "pulse", "trusted"}))
      ->type_name("M")
      ->default_str("auto");
}

void add_energy_options(CLI::App& app, EnergyOptions& options, EnergyUse use) {
  const bool job = use == EnergyUse::job;
  const std::vector<const CLI::Option*> before = std::as_const(app).get_options();
  app.add_flag("--energy", options.energy,
               job ? "Measure the energy of the whole job too: idle for 10 s, the job, idle again; without "
                     "a sensor the text says why there is none."
                   : "Measure energy too: idle, warm up, measure in rounds, idle again. Takes "
                     "a minute or more; without a sensor the text says why there is none.")
      ->group(kEnergyGroup);
  const auto add = [&](const std::string& name, auto& value, const std::string& text) {
    return app.add_option(name, value, text)->group(kEnergyGroup);
  };
  app.add_flag("--require-energy", options.require,
               "As --energy, and fail with exit status 3 where energy cannot be measured.")
      ->group(kEnergyGroup);
  add("--meter", options.meter,
      "A meter's log, lines of time and power or of time and a total of energy: a file that is written "
      "meanwhile, "
      "an open file descriptor, or stdin. Its clock is aligned by three pulses of load before the work.")
      ->type_name("csv:FILE|fd:N|-");
  add_meter_options(app, options);
  app.add_flag("--meter-later", options.meter_later,
               "Run the protocol, pulses included, whether or not there are sensors, and write to --ledger "
               "when it did what: 'godwit energy join' adds a meter's log afterwards.")
      ->group(kEnergyGroup);
  if (job) {
    options.protocol = "job";
  } else {
    add("--protocol", options.protocol,
        "std: 3 rounds of 10 s; edge5: idle power of 3 s at 16 Hz, before only; yang: 100 Hz, no idle power, "
        "the first 5 % left out, mean ± 1.96 SEM; wall: rounds of 60 s for slow meters.")
        ->check(one_of({"std", "edge5", "yang", "wall"}))
        ->type_name("P")
        ->default_str("std");
    add("--rounds", options.rounds, "Rounds of each configuration, 1 to 1000. Default: the protocol's.")
        ->check(in_range(1, 1000))
        ->type_name("N");
    app.add_flag(
           "--layers", options.layers,
           "Then run every layer alone in a loop of two seconds and print its joules, with the closure: "
           "the sum of the layers over the whole; and what a MAC, a byte and a second cost by a "
           "regression over these loops.")
        ->group(kEnergyGroup);
    add("--soak", options.soak,
        "Then run on for so long (90s, 30m, 2h) and print watts by the machine's own sensors, images/s and "
        "temperature every 10 s, and whether they drift. A soak of less than 80 s is cut in eight.")
        ->type_name("TIME");
  }
  add("--ci", options.interval,
      "How the 95 % interval is made: student (t over batch means, autocorrelation corrected) or sem (mean ± "
      "1.96 standard errors, as if readings were independent). Default: the protocol's.")
      ->check(one_of({"student", "sem"}))
      ->type_name("M");
  add("--baseline", options.baseline_s, "Seconds of idle power before and after. Default: the protocol's.")
      ->check(positive_real())
      ->type_name("S");
  app.add_flag("--edge-align", options.edge_align,
               "Begin and end each window just behind an update of the counter.")
      ->group(kEnergyGroup);
  add("--ledger", options.ledger,
      job ? "Append a line of JSON (schema godwit.energy/1) for this job to this file; 'godwit report' reads "
            "it."
          : "Append a line of JSON (schema godwit.energy/1) for each configuration to this file; 'godwit "
            "report' reads it.")
      ->type_name("FILE");
  require_energy_asked(app, options, before);
  add_sensor_options(app, options.sensors);
}

void add_estimate_options(CLI::App& app, EstimateOptions& options) {
  constexpr const char* kGroup = "Estimate";
  CLI::Option* estimate =
      app.add_flag("--estimate", options.estimate,
                   "Estimate energy from CPU time: a range, never called measured. Needs to be told what the "
                   "machine may draw.")
          ->group(kGroup);
  app.add_option("--tdp", options.tdp,
                 "Watts of all CPUs busy. Default: what the firmware states, else none.")
      ->check(positive_real())
      ->needs(estimate)
      ->type_name("W")
      ->group(kGroup);
  app.add_option("--idle-watts", options.idle_watts,
                 "Watts of the same with nothing to do. Default: left out.")
      ->check(positive_real())
      ->needs(estimate)
      ->type_name("W")
      ->group(kGroup);
  app.add_option(
         "--host-cpus", options.host_cpus,
         "In a virtual machine: CPUs of the host, which share its power. Default: unknown, and no idle "
         "share.")
      ->check(in_range(1, 65536))
      ->needs(estimate)
      ->type_name("N")
      ->group(kGroup);
  app.add_option("--power-profile", options.profile,
                 "A file of 'godwit energy calibrate', in place of --tdp.")
      ->needs(estimate)
      ->type_name("FILE")
      ->group(kGroup);
}

}  // namespace godwit::tools
