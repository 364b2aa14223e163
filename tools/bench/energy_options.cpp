// Makes a protocol of options.
#include "tools/bench/energy_options.h"

#include <algorithm>
#include <fmt/format.h>

#include "runtime/error.h"
#include "tools/bench/option_values.h"

namespace godwit::tools {

std::vector<std::string> SensorOptions::board_rails() const {
  std::vector<std::string> labels;
  for (const std::string& rail : rails) {
    const NamedText named = split_named(rail);
    if (named.name.empty() || named.value != "board") {
      throw Error(fmt::format("--rail '{}' is not of the form LABEL=board", rail));
    }
    labels.push_back(named.name);
  }
  return labels;
}

energy::ProtocolOptions EnergyOptions::protocol_options(std::optional<double> seconds,
                                                        std::optional<int> repetitions) const {
  energy::ProtocolOptions result = energy::protocol_named(protocol).value();
  if (seconds) result.window_s = *seconds;
  // Six windows' time is enough for a machine to settle, or never comes.
  result.warmup_max_s = std::min(result.warmup_max_s, 6 * result.window_s);
  if (repetitions) result.repetitions = *repetitions;
  if (rounds > 0) result.rounds = rounds;
  if (baseline_s > 0) result.baseline_s = baseline_s;
  if (interval == "sem") result.interval = energy::IntervalMethod::sem;
  if (interval == "student") result.interval = energy::IntervalMethod::student;
  result.edge_align = edge_align;
  result.pulses = (meter_later || !meter.empty()) && clock() != energy::MeterClock::trusted;
  return result;
}

energy::MeterClock EnergyOptions::clock() const {
  if (meter_clock == "pulse") return energy::MeterClock::pulse;
  return meter_clock == "trusted" ? energy::MeterClock::trusted : energy::MeterClock::automatic;
}

std::optional<energy::MeterAccuracy> EnergyOptions::accuracy() const {
  if (meter_accuracy.empty()) return std::nullopt;
  return energy::parse_meter_accuracy(meter_accuracy);
}

energy::MeterColumns EnergyOptions::columns() const {
  if (!meter_columns.empty()) {
    if (!meter_column.empty() || !meter_time_column.empty() || !meter_unit.empty()) {
      throw Error("--meter-columns excludes --meter-column, --meter-time-column and --meter-unit");
    }
    return energy::parse_meter_columns(meter_columns);
  }
  if (!meter_unit.empty()) energy::check_meter_unit(meter_unit);
  return {meter_time_column, meter_column, meter_unit};
}

}  // namespace godwit::tools
