// This machine's ISAs, the sizes of its caches, and the cores that this process may use. Compiled without any
// ISA flag, so that it runs everywhere.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "runtime/isa.h"  // IWYU pragma: export

namespace godwit {

std::string_view name_of(Isa isa);
// True when whatever runs `isa` runs kernels of `part` too; each includes itself.
bool includes(Isa isa, Isa part);
// Rank of an ISA: of two that a machine runs, the higher one has the better kernels.
int rank_of(Isa isa);
std::optional<Isa> isa_from_name(std::string_view name);
// All ISAs of the architecture this program was built for, by rank; generic is always the first.
std::span<const Isa> isas_of_build();
// True when this CPU and the operating system can run it.
bool cpu_supports(Isa isa);
// The ISA of the highest rank that this machine runs; GODWIT_ISA replaces it by another.
Isa best_isa();
// The name → ISA, checked: throws Error naming the known ones when unknown, and why when this CPU lacks it.
Isa require_isa(std::string_view name);

struct CacheSizes {
  std::size_t l1d = 32 * 1024;
  std::size_t l2 = 512 * 1024;
  std::size_t l3 = 4 * 1024 * 1024;
};
// Sizes of one core's caches from sysfs; the defaults above where the system does not say.
const CacheSizes& cache_sizes();

// "AMD EPYC …" from /proc/cpuinfo; "unknown CPU" where absent.
std::string cpu_model();

// Cores that this process may use: the smaller of its affinity mask and its cgroup's CPU quota (v2 and v1,
// rounded up), at least 1.
int usable_cores();

}  // namespace godwit
