// The commands of `godwit energy`; each is defined in the file energy_<name>.cpp and named "energy <name>".
#pragma once

#include "tools/cli/command.h"

namespace godwit::tools {

extern const Command energy_calibrate_command;
extern const Command energy_cap_command;
extern const Command energy_grant_command;
extern const Command energy_join_command;
extern const Command energy_selftest_command;
extern const Command energy_sensors_command;
extern const Command energy_sweep_command;
extern const Command energy_trend_command;

}  // namespace godwit::tools
