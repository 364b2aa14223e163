// Finding every energy sensor of a machine without writing anything.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "runtime/energy/sensors/perf_opener.h"
#include "runtime/energy/sensors/sensor.h"

namespace godwit::energy {

struct DiscoverOptions {
  // Labels of rails that are the whole board's supply, besides those that are known (--rail LABEL=board).
  std::vector<std::string> board_rails;
};

// Everything below sys/: powercap, perf `power` units, hwmon, Jetson's iio, batteries.
Discovery discover(const SysRoot& root, PerfOpener& perf, const DiscoverOptions& options = {});

// A powercap tree that a hypervisor exports (open_powercap_directory): package and psys zones only, which may
// lack a name and a range. Throws Error (ErrorKind::bad_input) where it holds no zone that can be read.
Discovery discover_host_share(const SysRoot& root);

}  // namespace godwit::energy
