// Facts about CPUs and limits in the operating system's files, below a root directory that tests replace.
#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "runtime/cpu.h"

namespace godwit {

// Sizes from sys/devices/system/cpu/cpu0/cache; CacheSizes' own defaults for levels that are not there.
CacheSizes read_cache_sizes(const std::filesystem::path& root);

// The first "model name" of proc/cpuinfo; "unknown CPU" where absent.
std::string read_cpu_model(const std::filesystem::path& root);

// The tightest CPU quota in whole cores, rounded up; nullopt where nothing limits. Looks from this process's
// cgroup (proc/self/cgroup) to the top of the hierarchy, v2 and v1.
std::optional<int> read_cgroup_cores(const std::filesystem::path& root);

}  // namespace godwit
