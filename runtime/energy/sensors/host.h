// Describes the machine, and what else happens on it while energy is measured.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "runtime/energy/ledger/ledger.h"
#include "runtime/energy/sensors/clock.h"
#include "runtime/energy/sensors/sys_root.h"

namespace godwit::energy {

// Facts that do not change during a run.
struct HostFacts {
  Host host;                       // for the ledger
  bool container = false;          // the root file system is an overlay, or the cgroup says so
  std::optional<bool> smt;         // several threads a core
  std::optional<bool> on_battery;  // no mains supply is online
  std::optional<double> load;      // of the last minute
  std::optional<double> temperature_c;
};
HostFacts probe_host(const SysRoot& root);

// "KVM", "Hyper-V", "Xen", "VMware", "VirtualBox", or "a virtual machine" of unknown make; nullopt on bare
// metal.
std::optional<std::string> virtual_machine(const SysRoot& root);

// Running totals at one moment; what cannot be read stays at its default in every reading.
struct HostCounters {
  Nanoseconds time = 0;
  // CPU seconds of all CPUs together.
  double total_s = 0, busy_s = 0, steal_s = 0;
  double self_s = 0;  // of this process
  std::int64_t thermal_throttles = 0, power_limits = 0;
  std::int64_t quota_throttles = 0;  // of this process's cgroup
  double mhz = 0;                    // mean of the CPUs; 0: not known
  std::optional<double> temperature_c;
  bool under_voltage = false;
};

// Keeps the files open and reads them again and again.
class HostWatch {
 public:
  explicit HostWatch(const SysRoot& root);
  HostCounters read(Nanoseconds now) const;

 private:
  using Files = std::vector<std::unique_ptr<SysFile>>;
  std::unique_ptr<SysFile> stat_, self_, quota_, under_voltage_;
  Files thermal_, power_limit_, frequencies_, temperatures_;
};

// Changes between two readings.
struct HostChange {
  double others_share = 0;  // of all CPU time, by anyone but this process
  double steal_share = 0;
  bool thermal = false, power_limited = false, quota = false, under_voltage = false;
};
HostChange change_between(const HostCounters& before, const HostCounters& after);

}  // namespace godwit::energy
