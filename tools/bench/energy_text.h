// Texts and JSON of a measurement of energy, or the reason why there is none.
#pragma once

#include <string>

#include "tools/bench/energy_meter.h"
#include "tools/report/json.h"

namespace godwit::tools {

// Command that the texts speak of.
struct EnergyContext {
  std::string command;  // "bench model.onnx"
  std::string user;     // who runs us, for the message about permissions
  std::string program = "/usr/bin/godwit";
};

// "no energy sensor is visible here (virtual machine, KVM)", for one line.
std::string why_not_measured(const energy::Discovery& found, const energy::HostFacts& host);
// The whole message: what was looked at, why there is nothing, what can be done.
std::string not_measured_text(const energy::Discovery& found, const energy::HostFacts& host,
                              const EnergyContext& context);
// Sensors that exist and tell nothing: path and why.
Json unusable_json(const energy::Discovery& found);
Json not_measured_json(const energy::Discovery& found, const energy::HostFacts& host);

std::string energy_text(const EnergyOutcome& outcome, const energy::HostFacts& host);
Json energy_json(const EnergyOutcome& outcome, const energy::HostFacts& host);

// "120 s: 45.0 W, 161.2 images/s, 71 °C"
std::string soak_line(const energy::SoakRow& row);
std::string soak_text(const energy::SoakResult& soak);
Json soak_json(const energy::SoakResult& soak);

// A row for each sensor, a line for each place that was looked at.
std::string sensors_text(const energy::Discovery& found);
Json sensors_json(const energy::Discovery& found);

}  // namespace godwit::tools
