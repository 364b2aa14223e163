// The files behind power caps, and the order in which they are written.
#include "runtime/energy/caps/power_cap.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <fmt/format.h>
#include <map>
#include <set>

#include "runtime/error.h"

namespace godwit::energy {
namespace {

constexpr std::array<std::string_view, 3> kBackends = {"powercap", "cpufreq", "threads"};
// A register's unit is an eighth of a watt or less; what differs by more was clamped.
constexpr double kClamped = 0.01;

double number_or(const SysRoot& root, const std::string& path, double otherwise) {
  const auto value = root.number(path);
  return value ? static_cast<double>(*value) : otherwise;
}

// Zones of the first level that are packages: "sys/class/powercap/intel-rapl:0" and its twin by MMIO.
std::vector<std::string> package_zones(const SysRoot& root) {
  std::vector<std::string> zones;
  std::set<std::string> seen;
  for (const char* directory : {"sys/class/powercap", "sys/devices/virtual/powercap"}) {
    for (const std::string& id : root.list(directory)) {
      const std::string zone = fmt::format("{}/{}", directory, id);
      if (root.text(zone + "/name").starts_with("package-") && seen.insert(root.real_path(zone)).second)
        zones.push_back(zone);
    }
  }
  return zones;
}

std::vector<CapFile> powercap_files(const SysRoot& root) {
  const std::vector<std::string> zones = package_zones(root);
  if (zones.empty()) {
    throw Error(fmt::format("there is no package in '{}' whose power could be capped; --backend cpufreq or "
                            "threads may work",
                            root.shown("sys/class/powercap")),
                ErrorKind::missing);
  }
  std::vector<CapFile> files;
  std::map<std::string, double> lowest_long_term;  // by package, over the zones that are its twins
  std::vector<std::string> package_of;
  for (const std::string& zone : zones) {
    for (int i = 0; i < 3; ++i) {
      const std::string stem = fmt::format("{}/constraint_{}", zone, i);
      const std::string term = root.text(stem + "_name"), path = stem + "_power_limit_uw";
      const double found = number_or(root, path, 0);
      if ((term != "long_term" && term != "short_term") || found <= 0) continue;
      const double lowest = std::max(number_or(root, stem + "_min_power_uw", 0), kLowestCap * found);
      files.push_back({path, found, lowest, found, term == "long_term"});
      package_of.push_back(root.text(zone + "/name"));
      if (term != "long_term") continue;
      const auto [entry, first] = lowest_long_term.try_emplace(package_of.back(), found);
      if (!first) entry->second = std::min(entry->second, found);
    }
  }
  if (lowest_long_term.empty()) {
    throw Error(fmt::format("'{}' has no power limits, as on AMD; --backend cpufreq works there",
                            root.shown(zones.front())),
                ErrorKind::missing);
  }
  // The lower of two twins rules; the cap is a part of that.
  for (std::size_t i = 0; i < files.size(); ++i) {
    const auto ruling = lowest_long_term.find(package_of[i]);
    if (files[i].long_term && ruling != lowest_long_term.end()) files[i].unit = ruling->second;
  }
  std::stable_partition(files.begin(), files.end(), [](const CapFile& file) { return file.long_term; });
  return files;
}

std::vector<CapFile> cpufreq_files(const SysRoot& root) {
  const std::string directory = "sys/devices/system/cpu/cpufreq";
  std::vector<CapFile> files;
  for (const std::string& policy : root.list(directory)) {
    const std::string path = fmt::format("{}/{}/scaling_max_freq", directory, policy);
    const double found = number_or(root, path, 0);
    if (!policy.starts_with("policy") || found <= 0) continue;
    const double lowest = std::max(
        number_or(root, fmt::format("{}/{}/cpuinfo_min_freq", directory, policy), 0), kLowestCap * found);
    files.push_back({path, found, lowest, found, true});
  }
  if (files.empty()) {
    throw Error(
        fmt::format("there is no frequency policy in '{}', as in a virtual machine; --backend threads works "
                    "without",
                    root.shown(directory)),
        ErrorKind::missing);
  }
  return files;
}

// Sums over packages the lowest of each one's long-term limits.
double watts_of(const SysRoot& root, const std::vector<CapFile>& files) {
  std::map<std::string, double> by_package;
  for (const CapFile& file : files) {
    if (!file.long_term) continue;
    const std::string zone = file.path.substr(0, file.path.rfind('/'));
    const double now = number_or(root, file.path, file.found) * 1e-6;
    const auto [entry, first] = by_package.try_emplace(root.text(zone + "/name"), now);
    if (!first) entry->second = std::min(entry->second, now);
  }
  double sum = 0;
  for (const auto& [package, watts] : by_package) sum += watts;
  return sum;
}

}  // namespace

std::string_view name_of(CapBackend backend) { return kBackends[static_cast<std::size_t>(backend)]; }

std::optional<CapBackend> cap_backend(std::string_view name) {
  for (std::size_t i = 0; i < kBackends.size(); ++i) {
    if (kBackends[i] == name) return static_cast<CapBackend>(i);
  }
  return std::nullopt;
}

std::vector<CapFile> find_cap_files(const SysRoot& root, CapBackend backend) {
  if (backend == CapBackend::powercap) return powercap_files(root);
  if (backend == CapBackend::cpufreq) return cpufreq_files(root);
  return {};
}

PowerCap::PowerCap(const SysRoot& root, CapBackend backend, const std::string& journal_directory,
                   bool allow_raise)
    : root_(root), backend_(backend), allow_raise_(allow_raise), files_(find_cap_files(root, backend)) {
  if (backend == CapBackend::powercap) found_w_ = watts_of(root_, files_);
  if (backend != CapBackend::threads) journal_ = std::make_unique<CapJournal>(root_, journal_directory);
}

PowerCap::Applied PowerCap::apply(double level) {
  if (!(level > 0)) throw Error("a cap must be above 0 % of the limit found");
  if (level > 1 && (!allow_raise_ || backend_ == CapBackend::threads))
    throw Error("a cap above the limit that was found needs --allow-raise");
  Applied applied;
  applied.level = level;
  const bool lower = level < level_;
  level_ = level;
  // Going down, long-term limits fall first; going up they rise last: the short-term limit, which is the
  // higher one, is never below the other.
  std::vector<const CapFile*> order;
  for (const CapFile& file : files_) order.push_back(&file);
  if (!lower) std::ranges::reverse(order);
  for (const CapFile* file : order) {
    // A twin whose own limit is higher comes down to the ruling one; at level 1 everything is as found.
    const double target =
        level == 1 ? file->found : std::max(file->lowest, std::min(level, 1.0) * file->unit);
    const double value = level > 1 ? level * file->found : std::min(target, file->found);
    const std::string text = fmt::format("{:.0f}", value);
    if (root_.number(file->path) == parse_integer(text)) continue;
    const double held = static_cast<double>(parse_integer(journal_->set(file->path, text)).value_or(0));
    if (std::abs(held / value - 1) > kClamped)
      applied.note =
          fmt::format("'{}' holds {:.0f} where {} was written", root_.shown(file->path), held, text);
  }
  if (backend_ == CapBackend::powercap) applied.watts = watts_of(root_, files_);
  return applied;
}

std::vector<Restored> PowerCap::restore() {
  level_ = 1;
  return journal_ == nullptr ? std::vector<Restored>() : journal_->restore();
}

}  // namespace godwit::energy
