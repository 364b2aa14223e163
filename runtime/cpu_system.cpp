// Reads cache sizes, the CPU's name and cgroup quotas from procfs, sysfs and cgroupfs.
#include "runtime/cpu_system.h"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <fstream>
#include <limits>
#include <sstream>
#include <string_view>
#include <vector>

namespace godwit {
namespace {

namespace fs = std::filesystem;

std::string first_line(const fs::path& path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  return line;
}

std::vector<std::string> words(const std::string& line) {
  std::istringstream stream(line);
  std::vector<std::string> result;
  for (std::string word; stream >> word;) result.push_back(word);
  return result;
}

// A whole decimal number; nullopt for anything else ("max", "", "12x").
std::optional<std::int64_t> number(std::string_view text) {
  std::int64_t value = 0;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc() || stop != end || text.empty()) return std::nullopt;
  return value;
}

// "32K", "1024K", "8M" as sysfs writes cache sizes.
std::optional<std::size_t> size_with_suffix(std::string_view text) {
  std::int64_t unit = 1;
  if (text.ends_with('K')) unit = 1 << 10;
  if (text.ends_with('M')) unit = 1 << 20;
  if (text.ends_with('G')) unit = 1 << 30;
  if (unit != 1) text.remove_suffix(1);
  const auto value = number(text);
  if (!value || *value <= 0 || *value > (std::int64_t{1} << 40) / unit) return std::nullopt;
  return static_cast<std::size_t>(*value * unit);
}

// mountinfo writes space, tab, newline and backslash as three octal digits.
std::string unescape(const std::string& text) {
  std::string result;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto octal = [&](std::size_t at) { return at < text.size() && text[at] >= '0' && text[at] <= '7'; };
    if (text[i] == '\\' && octal(i + 1) && octal(i + 2) && octal(i + 3)) {
      result += static_cast<char>((text[i + 1] - '0') * 64 + (text[i + 2] - '0') * 8 + (text[i + 3] - '0'));
      i += 3;
    } else {
      result += text[i];
    }
  }
  return result;
}

bool lists(std::string_view comma_separated, std::string_view item) {
  while (!comma_separated.empty()) {
    const std::size_t comma = std::min(comma_separated.find(','), comma_separated.size());
    if (comma_separated.substr(0, comma) == item) return true;
    comma_separated.remove_prefix(std::min(comma + 1, comma_separated.size()));
  }
  return false;
}

enum class Version { v1, v2 };

// A visible cgroup hierarchy: `point` shows its cgroup `top`.
struct Mount {
  fs::path point;
  std::string top;
};

std::optional<Mount> find_mount(const fs::path& root, Version version) {
  std::ifstream mounts(root / "proc/self/mountinfo");
  for (std::string line; std::getline(mounts, line);) {
    // id parent major:minor top point options [optional fields…] - type source super-options
    const std::vector<std::string> fields = words(line);
    const auto dash = std::find(fields.begin(), fields.end(), "-");
    if (fields.size() < 6 || fields.end() - dash < 4) continue;
    const bool matches =
        version == Version::v2 ? dash[1] == "cgroup2" : dash[1] == "cgroup" && lists(dash[3], "cpu");
    if (matches) return Mount{unescape(fields[4]), unescape(fields[3])};
  }
  return std::nullopt;
}

// This process's place in the hierarchy, as proc/self/cgroup gives it ("id:controllers:path").
std::optional<std::string> find_path(const fs::path& root, Version version) {
  std::ifstream groups(root / "proc/self/cgroup");
  for (std::string line; std::getline(groups, line);) {
    const std::size_t first = line.find(':');
    const std::size_t second = first == std::string::npos ? first : line.find(':', first + 1);
    if (second == std::string::npos) continue;
    const std::string controllers = line.substr(first + 1, second - first - 1);
    if (version == Version::v2 ? controllers.empty() : lists(controllers, "cpu"))
      return line.substr(second + 1);
  }
  return std::nullopt;
}

std::optional<int> quota_cores(const fs::path& group, Version version) {
  std::optional<std::int64_t> quota, period;
  if (version == Version::v2) {
    const std::vector<std::string> fields = words(first_line(group / "cpu.max"));
    if (fields.size() != 2) return std::nullopt;
    quota = number(fields[0]);
    period = number(fields[1]);
  } else {
    quota = number(first_line(group / "cpu.cfs_quota_us"));
    period = number(first_line(group / "cpu.cfs_period_us"));
  }
  if (!quota || !period || *quota <= 0 || *period <= 0) return std::nullopt;  // v1 writes -1 for no quota
  const std::int64_t cores = *quota / *period + (*quota % *period != 0 ? 1 : 0);
  return static_cast<int>(std::min<std::int64_t>(cores, std::numeric_limits<int>::max()));
}

void tighten(std::optional<int>& limit, std::optional<int> other) {
  if (other && (!limit || *other < *limit)) limit = other;
}

std::optional<int> hierarchy_cores(const fs::path& root, Version version) {
  const std::optional<std::string> path = find_path(root, version);
  if (!path) return std::nullopt;
  const fs::path usual = version == Version::v2 ? "/sys/fs/cgroup" : "/sys/fs/cgroup/cpu";
  const Mount mount = find_mount(root, version).value_or(Mount{usual, "/"});
  const fs::path point = root / mount.point.relative_path();

  // In a container the mount may show only our own subtree while the path is told from the host's root; a
  // path outside what the mount shows ("/../other") leaves the mount's own limit.
  fs::path below =
      fs::path(*path).lexically_normal().lexically_relative(fs::path(mount.top).lexically_normal());
  if (below.empty() || *below.begin() == "..") below = ".";

  std::optional<int> limit = quota_cores(point, version);
  fs::path group = point;
  for (const fs::path& component : below) {
    group /= component;
    tighten(limit, quota_cores(group, version));
  }
  return limit;
}

}  // namespace

CacheSizes read_cache_sizes(const fs::path& root) {
  CacheSizes sizes;
  for (int index = 0; index < 8; ++index) {
    const fs::path cache = root / "sys/devices/system/cpu/cpu0/cache" / ("index" + std::to_string(index));
    const auto size = size_with_suffix(first_line(cache / "size"));
    if (!size || first_line(cache / "type") == "Instruction") continue;
    const std::string level = first_line(cache / "level");
    if (level == "1") sizes.l1d = *size;
    if (level == "2") sizes.l2 = *size;
    if (level == "3") sizes.l3 = *size;
  }
  return sizes;
}

std::string read_cpu_model(const fs::path& root) {
  std::ifstream cpuinfo(root / "proc/cpuinfo");
  for (std::string line; std::getline(cpuinfo, line);) {
    if (!line.starts_with("model name")) continue;
    const std::size_t colon = line.find(':');
    const std::size_t begin = colon == std::string::npos ? colon : line.find_first_not_of(" \t", colon + 1);
    if (begin != std::string::npos) return line.substr(begin, line.find_last_not_of(" \t") - begin + 1);
  }
  return "unknown CPU";
}

std::optional<int> read_cgroup_cores(const fs::path& root) {
  std::optional<int> limit = hierarchy_cores(root, Version::v2);
  tighten(limit, hierarchy_cores(root, Version::v1));
  return limit;
}

}  // namespace godwit
