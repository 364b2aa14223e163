// Facts and running totals of the host, from sysfs and procfs.
#include "runtime/energy/sensors/host.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <set>
#include <sstream>

namespace godwit::energy {
namespace {

// Ticks of /proc/stat: the kernel's interface to programs has 100 a second everywhere.
constexpr double kTick = 0.01;
// Frequencies of more CPUs than this cost more to read than they tell.
constexpr int kMaxCpuFiles = 16;

bool has(std::string_view text, std::string_view word) { return text.find(word) != std::string_view::npos; }

std::vector<std::string> cpu_directories(const SysRoot& root) {
  std::vector<std::string> result;
  const std::string directory = "sys/devices/system/cpu";
  for (const std::string& name : root.list(directory)) {
    if (name.starts_with("cpu") && parse_integer(std::string_view(name).substr(3))) {
      result.push_back(directory + "/" + name);
    }
  }
  return result;
}

void keep(const SysRoot& root, const std::string& path, std::vector<std::unique_ptr<SysFile>>& files) {
  int error = 0;
  std::unique_ptr<SysFile> file = root.open(path, error);
  if (file != nullptr && file->read().number()) files.push_back(std::move(file));
}

std::unique_ptr<SysFile> open_or_null(const SysRoot& root, const std::string& path) {
  int error = 0;
  return root.open(path, error);
}

std::int64_t sum_of(const std::vector<std::unique_ptr<SysFile>>& files) {
  std::int64_t sum = 0;
  for (const auto& file : files) sum += file->read().number().value_or(0);
  return sum;
}

// The cgroup's cpu.stat: nr_throttled counts the periods in which the quota ran out.
std::string cgroup_stat(const SysRoot& root) {
  std::istringstream groups(root.read("proc/self/cgroup").text);
  for (std::string line; std::getline(groups, line);) {
    if (!line.starts_with("0::")) continue;
    std::string path = "sys/fs/cgroup" + line.substr(3) + (line.ends_with('/') ? "" : "/") + "cpu.stat";
    if (root.exists(path)) return path;
  }
  return "sys/fs/cgroup/cpu.stat";
}

std::string find_chip(const SysRoot& root, const std::string& chip) {
  for (const std::string& entry : root.list("sys/class/hwmon")) {
    if (root.text("sys/class/hwmon/" + entry + "/name") == chip) return "sys/class/hwmon/" + entry;
  }
  return "";
}

std::optional<bool> on_battery(const SysRoot& root) {
  bool mains = false, online = false;
  for (const std::string& name : root.list("sys/class/power_supply")) {
    const std::string path = "sys/class/power_supply/" + name;
    if (root.text(path + "/type") != "Mains") continue;
    mains = true;
    online = online || root.number(path + "/online").value_or(0) == 1;
  }
  return mains ? std::optional(!online) : std::nullopt;
}

std::optional<bool> boost(const SysRoot& root) {
  const std::string cpu = "sys/devices/system/cpu/";
  if (const auto value = root.number(cpu + "cpufreq/boost")) return *value == 1;
  if (const auto value = root.number(cpu + "intel_pstate/no_turbo")) return *value == 0;
  return std::nullopt;
}

bool in_container(const SysRoot& root) {
  const std::string groups = root.read("proc/self/cgroup").text;
  for (const char* word : {"docker", "kubepods", "containerd", "libpod", "/lxc"}) {
    if (has(groups, word)) return true;
  }
  std::istringstream mounts(root.read("proc/self/mountinfo").text);
  for (std::string line; std::getline(mounts, line);) {
    // id parent major:minor top point options …: an image's layers are an overlay over "/"
    std::istringstream words(line);
    std::string word, point;
    for (int i = 0; i < 5; ++i) words >> point;
    if (point == "/") return has(line, " - overlay ");
  }
  return false;
}

std::string cpu_name(const SysRoot& root) {
  std::istringstream info(root.read("proc/cpuinfo").text);
  for (std::string line; std::getline(info, line);) {
    const std::size_t colon = line.find(':');
    if (line.starts_with("model name") && colon != std::string::npos) {
      return std::string(trimmed(std::string_view(line).substr(colon + 1)));
    }
  }
  return "unknown CPU";
}

}  // namespace

std::optional<std::string> virtual_machine(const SysRoot& root) {
  std::istringstream info(root.read("proc/cpuinfo").text);
  bool guest = false;
  for (std::string line; !guest && std::getline(info, line);) {
    guest = line.starts_with("flags") && has(line + " ", " hypervisor ");
  }
  const std::string firmware =
      root.text("sys/class/dmi/id/sys_vendor") + " " + root.text("sys/class/dmi/id/product_name");
  static constexpr std::array<std::pair<std::string_view, std::string_view>, 6> kMakers{
      {{"QEMU", "KVM"},
       {"KVM", "KVM"},
       {"Google Compute", "KVM"},
       {"VMware", "VMware"},
       {"VirtualBox", "VirtualBox"},
       {"Virtual Machine", "Hyper-V"}}};
  for (const auto& [word, maker] : kMakers) {
    if (has(firmware, word)) return std::string(maker);
  }
  const std::string clocks = root.text("sys/devices/system/clocksource/clocksource0/available_clocksource");
  if (has(clocks, "kvm-clock")) return "KVM";
  if (has(clocks, "hyperv")) return "Hyper-V";
  if (root.text("sys/hypervisor/type") == "xen") return "Xen";
  if (guest) return "of unknown make";
  return std::nullopt;
}

HostFacts probe_host(const SysRoot& root) {
  HostFacts facts;
  facts.host.cpu = cpu_name(root);
  facts.host.kernel = root.text("proc/sys/kernel/osrelease");
  facts.host.virt = virtual_machine(root);
  std::set<std::string> sockets;
  for (const std::string& cpu : cpu_directories(root)) {
    const std::string id = root.text(cpu + "/topology/physical_package_id");
    if (!id.empty()) sockets.insert(id);
  }
  if (!sockets.empty()) facts.host.sockets = static_cast<int>(sockets.size());
  const std::string governor = root.text("sys/devices/system/cpu/cpu0/cpufreq/scaling_governor");
  if (!governor.empty()) facts.host.governor = governor;
  facts.host.boost = boost(root);
  facts.container = in_container(root);
  if (const auto smt = root.number("sys/devices/system/cpu/smt/active")) facts.smt = *smt == 1;
  facts.on_battery = on_battery(root);
  double load = 0;
  if (std::istringstream(root.read("proc/loadavg").text) >> load) facts.load = load;
  facts.temperature_c = HostWatch(root).read(0).temperature_c;
  return facts;
}

HostWatch::HostWatch(const SysRoot& root)
    : stat_(open_or_null(root, "proc/stat")),
      self_(open_or_null(root, "proc/self/stat")),
      quota_(open_or_null(root, cgroup_stat(root))) {
  int cpus = 0;
  for (const std::string& cpu : cpu_directories(root)) {
    for (const char* what : {"core", "package"}) {
      keep(root, cpu + "/thermal_throttle/" + what + "_throttle_count", thermal_);
      keep(root, cpu + "/thermal_throttle/" + what + "_power_limit_count", power_limit_);
    }
    if (cpus++ < kMaxCpuFiles) keep(root, cpu + "/cpufreq/scaling_cur_freq", frequencies_);
  }
  for (const char* chip : {"coretemp", "k10temp", "zenpower", "cpu_thermal"}) {
    const std::string path = find_chip(root, chip);
    for (int i = 1; !path.empty() && i <= 4; ++i) {
      keep(root, path + "/temp" + std::to_string(i) + "_input", temperatures_);
    }
  }
  if (temperatures_.empty()) keep(root, "sys/class/thermal/thermal_zone0/temp", temperatures_);
  const std::string pi = find_chip(root, "rpi_volt");
  if (!pi.empty()) under_voltage_ = open_or_null(root, pi + "/in0_lcrit_alarm");
}

HostCounters HostWatch::read(Nanoseconds now) const {
  HostCounters counters;
  counters.time = now;
  if (stat_ != nullptr) {
    // cpu user nice system idle iowait irq softirq steal …
    std::istringstream words(stat_->read().text);
    std::string label;
    std::array<double, 8> ticks{};
    words >> label;
    for (double& value : ticks) words >> value;
    for (const double value : ticks) counters.total_s += value * kTick;
    counters.steal_s = ticks[7] * kTick;
    counters.busy_s = counters.total_s - counters.steal_s - (ticks[3] + ticks[4]) * kTick;
  }
  if (self_ != nullptr) {
    // pid (name, which may hold anything) state ppid …: user and system time are the 14th and 15th
    const std::string text = self_->read().text;
    std::istringstream words(text.substr(std::min(text.size(), text.rfind(')') + 1)));
    std::string skipped;
    for (int i = 0; i < 11; ++i) words >> skipped;
    double user = 0, system = 0;
    if (words >> user >> system) counters.self_s = (user + system) * kTick;
  }
  if (quota_ != nullptr) {
    std::istringstream words(quota_->read().text);
    for (std::string key; words >> key;) {
      if (key == "nr_throttled") words >> counters.quota_throttles;
    }
  }
  counters.thermal_throttles = sum_of(thermal_);
  counters.power_limits = sum_of(power_limit_);
  if (!frequencies_.empty()) {
    counters.mhz = static_cast<double>(sum_of(frequencies_)) / 1e3 / static_cast<double>(frequencies_.size());
  }
  for (const auto& file : temperatures_) {
    const std::optional<std::int64_t> value = file->read().number();
    if (!value) continue;
    const double celsius = static_cast<double>(*value) * 1e-3;
    counters.temperature_c = std::max(counters.temperature_c.value_or(celsius), celsius);
  }
  if (under_voltage_ != nullptr) counters.under_voltage = under_voltage_->read().number().value_or(0) != 0;
  return counters;
}

HostChange change_between(const HostCounters& before, const HostCounters& after) {
  HostChange change;
  const double total = after.total_s - before.total_s;
  if (total > 0) {
    const double others = (after.busy_s - before.busy_s) - (after.self_s - before.self_s);
    change.others_share = std::max(0.0, others / total);
    change.steal_share = (after.steal_s - before.steal_s) / total;
  }
  change.thermal = after.thermal_throttles > before.thermal_throttles;
  change.power_limited = after.power_limits > before.power_limits;
  change.quota = after.quota_throttles > before.quota_throttles;
  change.under_voltage = after.under_voltage || before.under_voltage;
  return change;
}

}  // namespace godwit::energy
