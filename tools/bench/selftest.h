// Checks that the sensors of a machine tell of its work, for 'godwit energy selftest'.
#pragma once

#include <string>
#include <vector>

#include "tools/bench/energy_meter.h"
#include "tools/report/json.h"

namespace godwit::tools {

struct SelftestCheck {
  enum class State { passed, failed, skipped };
  std::string name;
  State state = State::passed;
  std::string detail;
};

// Checks an outcome whose first workload kept one thread busy and whose second, where there is one, all of
// them.
std::vector<SelftestCheck> check_sensors(const EnergyOutcome& outcome);

bool all_passed(const std::vector<SelftestCheck>& checks);
std::string selftest_text(const std::vector<SelftestCheck>& checks);
Json selftest_json(const std::vector<SelftestCheck>& checks);

}  // namespace godwit::tools
