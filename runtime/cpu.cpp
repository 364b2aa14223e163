// Asks this machine: its ISAs, its caches, and the cores that this process may use.
#include "runtime/cpu.h"

#include <algorithm>
#include <cerrno>
#include <sched.h>

#include "runtime/cpu_system.h"
#include "runtime/error.h"
#include "runtime/features.h"
#include "runtime/knobs.h"

namespace godwit {
namespace {

int affinity_cores() {
  // The kernel refuses a mask smaller than its own with EINVAL.
  for (int cpus = CPU_SETSIZE; cpus <= (1 << 20); cpus *= 2) {
    cpu_set_t* mask = CPU_ALLOC(cpus);
    if (mask == nullptr) break;
    const std::size_t bytes = CPU_ALLOC_SIZE(cpus);
    CPU_ZERO_S(bytes, mask);
    const bool known = sched_getaffinity(0, bytes, mask) == 0;
    const bool too_small = !known && errno == EINVAL;
    const int count = known ? CPU_COUNT_S(bytes, mask) : 0;
    CPU_FREE(mask);
    if (known) return count;
    if (!too_small) break;
  }
  return 1;
}

}  // namespace

bool cpu_supports(Isa isa) { return missing_for(isa, machine_features()).empty(); }

Isa best_isa() {
  const std::optional<std::string> cap = knob("GODWIT_ISA");
  if (!cap) return best_isa(machine_features());
  return with_context([] { return "GODWIT_ISA"; }, [&] { return require_isa(*cap); });
}

Isa require_isa(std::string_view name) { return require_isa(name, machine_features()); }

const CacheSizes& cache_sizes() {
  static const CacheSizes sizes = read_cache_sizes("/");
  return sizes;
}

std::string cpu_model() { return read_cpu_model("/"); }

int usable_cores() {
  return std::max(1, std::min(affinity_cores(), read_cgroup_cores("/").value_or(affinity_cores())));
}

}  // namespace godwit
