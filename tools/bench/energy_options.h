// Requests to a measurement of energy.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "runtime/energy/protocol/meter.h"
#include "runtime/energy/protocol/protocol.h"

namespace godwit::tools {

// Places that are searched for sensors.
struct SensorOptions {
  std::string sysfs = "/sys", procfs = "/proc";
  std::string powercap_dir;
  std::vector<std::string> rails;  // LABEL=board

  // The labels before "=board". Throws Error for anything else.
  std::vector<std::string> board_rails() const;
};

struct EnergyOptions {
  bool energy = false;
  bool require = false;
  SensorOptions sensors;
  std::string meter, meter_scope = "wall", meter_accuracy, meter_clock = "auto";
  std::string meter_columns, meter_column, meter_time_column, meter_unit;
  std::string protocol = "std", interval;
  double baseline_s = 0;  // 0: the protocol's
  int rounds = 0;         // 0: the protocol's
  bool edge_align = false;
  bool layers = false;
  bool meter_later = false;
  std::string soak;  // a time; empty: none
  std::string ledger;

  // The named protocol with what the options change of it. `seconds` and `repetitions` are of each window
  // where given.
  energy::ProtocolOptions protocol_options(std::optional<double> seconds,
                                           std::optional<int> repetitions) const;
  energy::MeterClock clock() const;
  std::optional<energy::MeterAccuracy> accuracy() const;
  // Throws Error for options that exclude each other or name no unit.
  energy::MeterColumns columns() const;
};

}  // namespace godwit::tools
