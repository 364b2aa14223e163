// Zones of the kernel's powercap framework: RAPL through MSRs, MMIO and TPMI, or any other control type.
#include <algorithm>
#include <cerrno>
#include <fmt/format.h>
#include <map>
#include <set>

#include "runtime/energy/sensors/discover_parts.h"

namespace godwit::energy {
namespace {

constexpr int kRankPowercap = 10;  // after perf

struct Zone {
  std::string id;    // "intel-rapl:0:1"
  std::string path;  // of the directory
  std::string name;  // content of its `name`
};

// Entries below powercap's folders.
struct Zones {
  std::map<std::string, Zone> zones;           // by id
  std::map<std::string, std::string> useless;  // why, by path: links to nothing, zones without a counter
};

// True where a file is there, be it one that may not be read.
bool has_file(const SysRoot& root, const std::string& path) {
  int error = 0;
  return root.exists(path) || root.open(path, error) != nullptr || error == EACCES || error == EPERM;
}

// Each place only once however many links lead to it. A container may show the classes' links without what
// they point to, or the devices alone.
Zones list_zones(const Finder& finder) {
  const SysRoot& root = finder.root;
  Zones result;
  std::set<std::string> seen, ids;
  std::map<std::string, std::string> useless_ids;
  const auto visit = [&](const std::string& directory, const auto& self, int depth) -> void {
    for (const std::string& id : root.list(directory)) {
      const std::string path = directory + "/" + id;
      const bool zone = id.find(':') != std::string::npos;
      const bool control_type = depth == 0 && !zone;
      if (zone && root.dangles(path)) {
        result.useless[path] =
            "it is a link to nothing: what it points to, below devices, is not mounted here";
        useless_ids[path] = id;
      } else if (zone && (has_file(root, path + "/energy_uj") || has_file(root, path + "/power_uw"))) {
        if (seen.insert(root.real_path(path)).second)
          result.zones.emplace(id, Zone{id, path, root.text(path + "/name")});
      } else if (zone) {
        const bool link = root.dangles(path + "/energy_uj");
        result.useless[path] = link ? "its energy_uj is a link to nothing" : "this zone has no energy_uj";
        useless_ids[path] = id;
      }
      if ((zone || control_type) && depth < 4 && directory.starts_with("sys/devices"))
        self(path, self, depth + 1);
    }
  };
  for (const char* directory : {"sys/class/powercap", "sys/devices/virtual/powercap"}) {
    visit(directory, visit, 0);
  }
  // The same zone by another way is as good.
  for (const auto& [path, id] : useless_ids) {
    if (result.zones.contains(id) || !ids.insert(id).second) result.useless.erase(path);
  }
  return result;
}

std::string control_type(const std::string& id) { return id.substr(0, id.find(':')); }

bool is_package(std::string_view name) {
  if (!name.starts_with("package-")) return false;
  name.remove_prefix(8);
  const std::size_t die = name.find("-die-");
  if (die != std::string_view::npos && !parse_integer(name.substr(die + 5))) return false;
  return parse_integer(name.substr(0, die)).has_value();
}

// The nearest zone above that is a package: "intel-rapl:0:1" lies in "intel-rapl:0".
std::string package_above(const std::map<std::string, Zone>& zones, const std::string& id) {
  for (std::size_t end = id.rfind(':'); end != std::string::npos && end > 0; end = id.rfind(':', end - 1)) {
    const auto above = zones.find(id.substr(0, end));
    if (above != zones.end() && is_package(above->second.name)) return above->second.name;
  }
  return "";
}

struct Place {
  std::string domain, parent;
  DomainKind kind = DomainKind::other;
};

// From the zone's name alone: what stands at :0 differs between machines.
Place place_of(const std::map<std::string, Zone>& zones, const Zone& zone, bool host_share) {
  if (is_package(zone.name)) return {zone.name, "", DomainKind::package};
  if (zone.name == "psys") return {"psys", "", DomainKind::psys};
  const std::string package = package_above(zones, zone.id);
  if (zone.name == "core" || zone.name == "uncore") {
    return {(package.empty() ? zone.id : package) + "/" + zone.name, package,
            zone.name == "core" ? DomainKind::core : DomainKind::uncore};
  }
  if (zone.name == "dram") {
    return {package.empty() ? zone.id + "/dram" : "dram-" + package.substr(8), "", DomainKind::dram};
  }
  // A tree that a hypervisor exports may be bare: a zone of the first level is a share of the packages.
  if (host_share && zone.name.empty() && std::ranges::count(zone.id, ':') == 1) {
    return {zone.id, "", DomainKind::package};
  }
  return {zone.id, "", DomainKind::other};
}

int rank_of(const std::string& control) {
  if (control == "intel-rapl") return kRankPowercap;
  if (control == "intel-rapl-tpmi") return kRankPowercap + 1;
  if (control == "intel-rapl-mmio") return kRankPowercap + 2;
  return kRankPowercap + 3;
}

double watts_of(const SysRoot& root, const std::string& path) {
  return static_cast<double>(std::max<std::int64_t>(0, root.number(path).value_or(0))) * 1e-6;
}

void add_zone(Finder& finder, const std::map<std::string, Zone>& zones, const Zone& zone) {
  const SysRoot& root = finder.root;
  const Place place = place_of(zones, zone, finder.found.host_share);
  Sensor sensor;
  sensor.id = "powercap:" + zone.id;
  sensor.domain = place.domain;
  sensor.rank = rank_of(control_type(zone.id));
  const bool counts = has_file(root, zone.path + "/energy_uj");
  sensor.kind = counts ? SensorKind::counter : SensorKind::power;
  double maximum_w = 0;
  for (int i = 0; i < 4; ++i) {
    maximum_w =
        std::max(maximum_w, watts_of(root, fmt::format("{}/constraint_{}_max_power_uw", zone.path, i)));
  }
  sensor.limit_w = watts_of(root, zone.path + "/constraint_0_power_limit_uw");
  if (sensor.limit_w <= 0) sensor.limit_w = maximum_w;
  // A file system of another kind (a hypervisor's export) counts in 64 bits where it states no range.
  sensor.range.range_uj =
      std::max<std::int64_t>(0, root.number(zone.path + "/max_energy_range_uj").value_or(0));
  sensor.range.unit_nj = unit_of_range(sensor.range.range_uj);
  sensor.range.max_power_w = most_watts(maximum_w, place.kind == DomainKind::psys ? finder.found.sockets : 1);
  sensor.gauge = finder.gauge({zone.path + (counts ? "/energy_uj" : "/power_uw")});
  if (sensor.gauge == nullptr) return;
  const bool known = place.kind != DomainKind::other;
  if (!known) {
    const std::string why = zone.name.empty()
                                ? "it has no name, so that nobody knows what it counts"
                                : fmt::format("a zone named '{}' is no domain that is known", zone.name);
    finder.found.notes.push_back(fmt::format("{}: listed, not used: {}", sensor.id, why));
    finder.found.unusable.push_back({root.shown(zone.path), why});
  }
  finder.add(std::move(sensor), place.kind, place.parent, known ? "" : "unknown kind of zone");
}

}  // namespace

void find_powercap(Finder& finder) {
  const std::string directory = "sys/class/powercap";
  const auto [zones, useless] = list_zones(finder);
  const std::size_t refused = finder.found.unreadable.size(), left = finder.found.unusable.size();
  const int closed = finder.root.list_error(directory);
  if (closed == EACCES || closed == EPERM) finder.refuse(directory, closed);
  for (const auto& [path, why] : useless) finder.leave(path, why);
  // Outer zones first: ids sort so, and a zone's parent is there when it comes.
  for (const auto& [id, zone] : zones) add_zone(finder, zones, zone);
  const std::size_t count = zones.size() + useless.size();
  std::string outcome = fmt::format("{} zone{}", count, count == 1 ? "" : "s");
  if (const std::size_t may_not = finder.found.unreadable.size() - refused; may_not > 0) {
    outcome = count == 0 ? "there, reading fails: permission denied"
                         : fmt::format("{}, {} of them may not be read: permission denied", outcome, may_not);
  } else if (count == 0) {
    outcome = finder.root.exists(directory) ? "empty" : "absent";
  }
  if (const std::size_t none = finder.found.unusable.size() - left; none > 0)
    outcome += fmt::format(", {} cannot be used", none);
  finder.look(directory, outcome);
}

}  // namespace godwit::energy
