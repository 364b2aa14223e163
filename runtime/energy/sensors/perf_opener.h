// The one way to the kernel's performance counters, of which energy needs the `power` units only.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

namespace godwit::energy {

// One open counter, 64 bits wide.
class PerfCounter {
 public:
  virtual ~PerfCounter() = default;
  // Reads the count; false where the kernel gives none.
  virtual bool read(std::uint64_t& count) = 0;
};

class PerfOpener {
 public:
  virtual ~PerfOpener() = default;
  // Counts event `config` of the unit `type` on one CPU, for all processes. With a `leader` that this opener
  // gave for the same CPU and that is still open, both count over the same time. Null and the errno where the
  // kernel refuses.
  virtual std::unique_ptr<PerfCounter> open(std::uint32_t type, std::uint64_t config, int cpu,
                                            const PerfCounter* leader, int& error) = 0;
};

// perf_event_open(2).
std::unique_ptr<PerfOpener> system_perf();
// Refuses everything with ENOENT: for trees of files that are not the running kernel's.
std::unique_ptr<PerfOpener> no_perf();

}  // namespace godwit::energy
