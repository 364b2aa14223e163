// The options of commands that measure energy.
#pragma once

#include <cstdint>

#include "tools/bench/energy_estimate.h"
#include "tools/bench/energy_options.h"
#include "tools/cli/cli11.h"

namespace godwit::tools {

// --sysfs, --procfs, --powercap-dir, --rail.
void add_sensor_options(CLI::App& app, SensorOptions& options);
// --meter-scope, --meter-accuracy, --meter-column, --meter-time-column, --meter-unit, --meter-columns,
// --meter-clock.
void add_meter_options(CLI::App& app, EnergyOptions& options);
// Kinds of measurements that commands make.
enum class EnergyUse : std::uint8_t {
  rounds,  // work that can be repeated at will
  job,     // work that is done once
};
// --energy and everything that refines it; `options` outlives the parsing.
void add_energy_options(CLI::App& app, EnergyOptions& options, EnergyUse use);
// --estimate, --tdp, --idle-watts, --host-cpus, --power-profile.
void add_estimate_options(CLI::App& app, EstimateOptions& options);

}  // namespace godwit::tools
