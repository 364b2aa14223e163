// godwit energy: the group of commands around sensors, estimates and power caps.
#include "tools/cli/commands/energy.h"

#include <array>

#include "tools/cli/commands/commands.h"

namespace godwit::tools {
namespace {

// THE table: a command is one file and one line here.
constexpr std::array<const Command*, 8> kCommands = {
    &energy_sensors_command,   &energy_selftest_command, &energy_grant_command, &energy_join_command,
    &energy_calibrate_command, &energy_trend_command,    &energy_cap_command,   &energy_sweep_command,
};

}  // namespace

const Command energy_command = {
    "energy",
    "Measure",
    "sensors, estimates, power caps: what surrounds an account of energy",
    "COMMAND [arguments] [options]",
    "A joule is measured, attributed or estimated, and every figure says which. 'godwit bench --energy' "
    "measures a model; these commands do the rest.",
    "godwit energy trend --gflops 7.6 --date 2018-03-27",
    nullptr,
    kCommands,
};

}  // namespace godwit::tools
