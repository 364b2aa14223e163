// --estimate: joules where there is no sensor, as a range that is never called measured.
#pragma once

#include <optional>
#include <string>

#include "runtime/energy/protocol/estimate.h"
#include "runtime/energy/sensors/sys_root.h"
#include "tools/report/json.h"

namespace godwit::tools {

struct EstimateOptions {
  bool estimate = false;
  double tdp = 0, idle_watts = 0;  // 0: not given
  int host_cpus = 0;
  std::string profile;
  energy::SysDirectories directories;
};

// Counts of the operating system over `images`.
struct EstimateWork {
  double cpu_seconds = 0, wall_seconds = 0;
  int threads = 1;
  double images = 1;
};

struct Estimate {
  EstimateWork work;
  std::optional<energy::EstimatedEnergy> energy;  // nullopt: nobody said what the machine may draw
};
// nullopt where --estimate was not given, or no image was done.
std::optional<Estimate> estimate(const EstimateOptions& options, const EstimateWork& work);

// null without an estimate.
Json estimate_json(const std::optional<Estimate>& estimate);
std::string estimate_text(const std::optional<Estimate>& estimate);

}  // namespace godwit::tools
