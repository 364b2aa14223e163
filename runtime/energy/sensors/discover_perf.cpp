// The kernel's `power` performance units: energy in 64 bits, kept by the kernel across wraps.
#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <fmt/format.h>
#include <map>

#include "runtime/energy/sensors/discover_parts.h"

namespace godwit::energy {
namespace {

constexpr int kRankPerf = 0;
constexpr const char* kUnit = "sys/bus/event_source/devices/power";

class PerfGauge final : public Gauge {
 public:
  PerfGauge(std::unique_ptr<PerfCounter> counter, long double microjoules)
      : counter_(std::move(counter)), microjoules_(microjoules) {}

  std::optional<std::int64_t> read() override {
    std::uint64_t count = 0;
    if (!counter_->read(count)) return std::nullopt;
    return static_cast<std::int64_t>(static_cast<long double>(count) * microjoules_);
  }

 private:
  std::unique_ptr<PerfCounter> counter_;
  long double microjoules_;  // one count; 2^-32 J on x86, so that 64 bits of significand are wanted
};

// "0,18" or "0-3,8": the CPUs that speak for their package.
std::vector<int> parse_cpus(std::string_view text) {
  std::vector<int> cpus;
  while (!text.empty() && cpus.size() < 4096) {
    const std::size_t comma = std::min(text.find(','), text.size());
    const std::string_view part = text.substr(0, comma);
    const std::size_t dash = part.find('-');
    const auto first = parse_integer(part.substr(0, dash));
    const auto last = dash == std::string_view::npos ? first : parse_integer(part.substr(dash + 1));
    if (!first || !last || *first < 0 || *last > 65535) return {};
    for (std::int64_t cpu = *first; cpu <= *last; ++cpu) cpus.push_back(static_cast<int>(cpu));
    text.remove_prefix(std::min(comma + 1, text.size()));
  }
  return cpus;
}

// "event=0x02" or "config=2".
std::optional<std::uint64_t> parse_event(std::string_view text) {
  const std::size_t equals = text.find('=');
  if (equals == std::string_view::npos) return std::nullopt;
  std::string_view digits = trimmed(text.substr(equals + 1));
  int base = 10;
  if (digits.starts_with("0x")) {
    digits.remove_prefix(2);
    base = 16;
  }
  std::uint64_t value = 0;
  const auto [stop, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value, base);
  if (error != std::errc() || stop != digits.data() + digits.size()) return std::nullopt;
  return value;
}

struct Event {
  const char* name;
  DomainKind kind;
};
constexpr Event kEvents[] = {{"energy-pkg", DomainKind::package},
                             {"energy-psys", DomainKind::psys},
                             {"energy-cores", DomainKind::core},
                             {"energy-gpu", DomainKind::uncore},
                             {"energy-ram", DomainKind::dram}};

// "0", or "0-die-1" where the package has more than one die.
std::string package_of(const SysRoot& root, int cpu, std::size_t speakers, int sockets) {
  const std::string topology = fmt::format("sys/devices/system/cpu/cpu{}/topology/", cpu);
  const std::int64_t package = root.number(topology + "physical_package_id").value_or(0);
  const std::optional<std::int64_t> die = root.number(topology + "die_id");
  if (die && speakers > static_cast<std::size_t>(sockets)) return fmt::format("{}-die-{}", package, *die);
  return fmt::format("{}", package);
}

double double_of(const std::string& text) {
  double value = 0;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  return error == std::errc() && stop == end ? value : 0;
}

// The first counter that was opened on each CPU leads the others there.
using Leaders = std::map<int, const PerfCounter*>;

std::unique_ptr<PerfCounter> open_counter(Finder& finder, std::uint32_t type, std::uint64_t config, int cpu,
                                          Leaders& leaders, int& error) {
  const auto leader = leaders.find(cpu);
  std::unique_ptr<PerfCounter> counter =
      finder.perf.open(type, config, cpu, leader == leaders.end() ? nullptr : leader->second, error);
  // A unit that takes no groups, or no more of them, still counts each event alone.
  if (counter == nullptr && error == EINVAL && leader != leaders.end())
    counter = finder.perf.open(type, config, cpu, nullptr, error);
  if (counter != nullptr) leaders.emplace(cpu, counter.get());
  return counter;
}

// False where the kernel refuses for want of permission.
bool add_event(Finder& finder, const Event& event, std::uint32_t type, const std::vector<int>& cpus,
               Leaders& leaders) {
  const SysRoot& root = finder.root;
  const std::string file = fmt::format("{}/events/{}", kUnit, event.name);
  const std::optional<std::uint64_t> config = parse_event(root.text(file));
  const double scale = double_of(root.text(file + ".scale"));
  if (!config || !(scale > 0) || root.text(file + ".unit") != "Joules") return true;
  for (const int cpu : cpus) {
    int error = 0;
    std::unique_ptr<PerfCounter> counter = open_counter(finder, type, *config, cpu, leaders, error);
    if (counter == nullptr) {
      if (error == EACCES || error == EPERM) return false;
      finder.found.notes.push_back(fmt::format("perf power/{}@cpu{}: not used, it cannot be opened ({})",
                                               event.name, cpu, std::strerror(error)));
      continue;
    }
    const std::string package = package_of(root, cpu, cpus.size(), finder.found.sockets);
    Sensor sensor;
    sensor.id = fmt::format("perf:power/{}@cpu{}", event.name, cpu);
    sensor.rank = kRankPerf;
    sensor.range.max_power_w = most_watts(0, event.kind == DomainKind::psys ? finder.found.sockets : 1);
    sensor.gauge = std::make_unique<PerfGauge>(std::move(counter), static_cast<long double>(scale) * 1e6L);
    std::string parent;
    switch (event.kind) {
      case DomainKind::package:
        sensor.domain = "package-" + package;
        break;
      case DomainKind::psys:
        sensor.domain = "psys";
        break;
      case DomainKind::dram:
        sensor.domain = "dram-" + package;
        break;
      default:
        parent = "package-" + package;
        sensor.domain = fmt::format("{}/{}", parent, name_of(event.kind));
    }
    finder.add(std::move(sensor), event.kind, parent);
    if (event.kind == DomainKind::psys) break;  // one for the whole platform
  }
  return true;
}

}  // namespace

void find_perf(Finder& finder) {
  const SysRoot& root = finder.root;
  const std::optional<std::int64_t> type = root.number(std::string(kUnit) + "/type");
  const std::size_t before = finder.found.sensors.size();
  if (!type || *type < 0 || *type > 0xffff'ffff) {
    finder.found.looked.push_back({"perf PMU \"power\"", "absent"});
    return;
  }
  const std::vector<int> cpus = parse_cpus(root.text(std::string(kUnit) + "/cpumask"));
  Leaders leaders;
  for (const Event& event : kEvents) {
    if (add_event(finder, event, static_cast<std::uint32_t>(*type), cpus, leaders)) continue;
    finder.found.unreadable.push_back(
        {"perf PMU \"power\"",
         fmt::format("needs CAP_PERFMON or kernel.perf_event_paranoid <= 0 (it is {})",
                     root.text("proc/sys/kernel/perf_event_paranoid")),
         true});
    break;
  }
  finder.found.looked.push_back(
      {"perf PMU \"power\"",
       fmt::format("{} open", fmt::format("{} counter{}", finder.found.sensors.size() - before,
                                          finder.found.sensors.size() - before == 1 ? "" : "s"))});
  if (root.exists("sys/bus/event_source/devices/power_core")) {
    finder.found.notes.emplace_back(
        "perf PMU \"power_core\": listed, not used: cores are part of their package");
  }
}

}  // namespace godwit::energy
