// Gathers what each source of sensors finds, and chooses what adds up to a total.
#include "runtime/energy/sensors/discover.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <fmt/format.h>
#include <limits>
#include <set>

#include "runtime/energy/sensors/discover_parts.h"
#include "runtime/error.h"

namespace godwit::energy {
namespace {

// The product of one or two files.
class FileGauge final : public Gauge {
 public:
  FileGauge(std::vector<std::unique_ptr<SysFile>> files, std::int64_t numerator, std::int64_t denominator)
      : files_(std::move(files)), numerator_(numerator), denominator_(denominator) {}

  std::optional<std::int64_t> read() override {
    Int128 product = numerator_;
    for (const auto& file : files_) {
      const std::optional<std::int64_t> value = file->read().number();
      // Counters and powers are never negative; a current may flow the other way.
      if (!value || (*value < 0 && files_.size() == 1)) return std::nullopt;
      product *= *value < 0 ? -*value : *value;
    }
    product /= denominator_;
    if (product > std::numeric_limits<std::int64_t>::max()) return std::nullopt;
    return static_cast<std::int64_t>(product);
  }

 private:
  std::vector<std::unique_ptr<SysFile>> files_;
  std::int64_t numerator_, denominator_;
};

int count_sockets(const SysRoot& root) {
  std::set<std::string> sockets;
  for (const std::string& name : root.list("sys/devices/system/cpu")) {
    if (!name.starts_with("cpu") || !parse_integer(std::string_view(name).substr(3))) continue;
    const std::string id = root.text("sys/devices/system/cpu/" + name + "/topology/physical_package_id");
    if (!id.empty()) sockets.insert(id);
  }
  return std::max<int>(1, static_cast<int>(sockets.size()));
}

std::vector<std::size_t> usable(const Discovery& found, DomainKind kind) {
  std::vector<std::size_t> result;
  for (std::size_t i = 0; i < found.domains.size(); ++i) {
    if (found.domains[i].kind == kind && found.domains[i].unused.empty()) result.push_back(i);
  }
  return result;
}

// Parents are told by name while sensors come in; the order of sources must not matter.
void order_sensors(Discovery& found) {
  for (EnergyDomain& domain : found.domains) {
    std::ranges::stable_sort(domain.sensors, [&](std::size_t a, std::size_t b) {
      return found.sensors[a].rank < found.sensors[b].rank;
    });
    if (domain.kind == DomainKind::package) {
      for (std::size_t i = 0; i < found.domains.size(); ++i) {
        if (found.domains[i].kind == DomainKind::psys) domain.parent = static_cast<int>(i);
      }
    }
    if (domain.kind == DomainKind::part) {
      for (std::size_t i = 0; i < found.domains.size(); ++i) {
        if (found.domains[i].kind == DomainKind::board) domain.parent = static_cast<int>(i);
      }
    }
  }
}

}  // namespace

std::string_view name_of(DomainKind kind) {
  static constexpr std::array<std::string_view, 9> kNames{"psys",  "package", "core",    "uncore", "dram",
                                                          "board", "part",    "battery", "other"};
  return kNames[static_cast<std::size_t>(kind)];
}

double most_watts(double stated_maximum_w, int sockets) {
  return std::max(1.5 * stated_maximum_w, 500.0 * sockets);
}

void Finder::look(const std::string& path, const std::string& outcome) {
  found.looked.push_back({root.shown(path), outcome});
}

void Finder::leave(const std::string& path, const std::string& why) {
  found.notes.push_back(fmt::format("{}: not used, {}", root.shown(path), why));
  found.unusable.push_back({root.shown(path), why});
}

void Finder::refuse(const std::string& path, int error) {
  const std::optional<SysMode> mode = root.mode(path);
  found.unreadable.push_back({root.shown(path),
                              mode ? fmt::format("mode {:04o}, owner {}", mode->mode,
                                                 mode->owner == 0 ? "root" : std::to_string(mode->owner))
                                   : std::string(std::strerror(error)),
                              false});
}

std::unique_ptr<Gauge> Finder::gauge(const std::vector<std::string>& paths, std::int64_t scale_numerator,
                                     std::int64_t scale_denominator) {
  std::vector<std::unique_ptr<SysFile>> files;
  for (const std::string& path : paths) {
    int error = 0;
    std::unique_ptr<SysFile> file = root.open(path, error);
    if (file != nullptr) {
      const SysText first = file->read();
      error = first.error;
      if (first.ok() && !first.number()) {
        const std::string_view text = trimmed(first.text).substr(0, 40);
        leave(path,
              fmt::format("{}it reads '{}', which is no number", text.empty() ? "it is blank: " : "", text));
        return nullptr;
      }
      if (first.ok() && *first.number() < 0 && paths.size() == 1) {
        leave(path, fmt::format("it reads {}, which is below zero", *first.number()));
        return nullptr;
      }
    }
    if (error == EACCES || error == EPERM) {
      refuse(path, error);
      return nullptr;
    }
    if (error != 0) {
      // ENODATA: a channel that is switched off.
      leave(path, fmt::format("reading it fails ({})", error == ENODATA  ? "disabled channel"
                                                       : error == EINVAL ? "it is no regular file"
                                                                         : std::strerror(error)));
      return nullptr;
    }
    files.push_back(std::move(file));
  }
  return std::make_unique<FileGauge>(std::move(files), scale_numerator, scale_denominator);
}

void Finder::add(Sensor sensor, DomainKind kind, const std::string& parent, const std::string& unused) {
  const auto by_name = [this](const std::string& name) {
    return std::ranges::find_if(found.domains,
                                [&](const EnergyDomain& domain) { return domain.name == name; });
  };
  auto domain = by_name(sensor.domain);
  if (domain == found.domains.end()) {
    EnergyDomain fresh;
    fresh.name = sensor.domain;
    fresh.kind = kind;
    fresh.unused = unused;
    const auto above = by_name(parent);
    if (above != found.domains.end()) fresh.parent = static_cast<int>(above - found.domains.begin());
    found.domains.push_back(std::move(fresh));
    domain = found.domains.end() - 1;
  }
  domain->sensors.push_back(found.sensors.size());
  found.sensors.push_back(std::move(sensor));
}

Total Discovery::total() const {
  Total total;
  total.quality = host_share ? Quality::host_attributed : Quality::measured;
  const auto take = [&](std::string scope, std::vector<std::size_t> members) {
    total.scope = std::move(scope);
    total.domains = std::move(members);
    return total;
  };
  std::vector<std::size_t> packages = usable(*this, DomainKind::package);
  if (!packages.empty()) {
    const std::vector<std::size_t> dram = usable(*this, DomainKind::dram);
    // One by one: GCC 14 takes an insertion of both for a write past the end.
    for (const std::size_t domain : dram) packages.push_back(domain);
    return take(dram.empty() ? "package" : "package+dram", packages);
  }
  for (const auto& [kind, scope] : {std::pair(DomainKind::psys, "psys"),
                                    {DomainKind::board, "board"},
                                    {DomainKind::part, "rails"},
                                    {DomainKind::battery, "system-battery"}}) {
    const std::vector<std::size_t> members = usable(*this, kind);
    // Two views of a whole are not two wholes; parts and batteries stand beside each other.
    const bool beside = kind == DomainKind::part || kind == DomainKind::battery;
    if (!members.empty()) return take(scope, beside ? members : std::vector{members.front()});
  }
  return {};
}

Discovery discover(const SysRoot& root, PerfOpener& perf, const DiscoverOptions& options) {
  Finder finder(root, perf, options);
  finder.found.sockets = count_sockets(root);
  find_powercap(finder);
  find_perf(finder);
  find_hwmon(finder);
  find_iio(finder);
  find_batteries(finder);
  order_sensors(finder.found);
  return std::move(finder.found);
}

Discovery discover_host_share(const SysRoot& root) {
  const std::unique_ptr<PerfOpener> perf = no_perf();
  const DiscoverOptions options;
  Finder finder(root, *perf, options);
  finder.found.host_share = true;
  find_powercap(finder);
  order_sensors(finder.found);
  if (finder.found.total().domains.empty()) {
    const Discovery& found = finder.found;
    std::string why;
    if (!found.unreadable.empty()) {
      why = fmt::format("; {}: permission denied ({})", found.unreadable.front().path,
                        found.unreadable.front().why);
    } else if (!found.notes.empty()) {
      why = "; " + found.notes.front();
    }
    throw Error(fmt::format("{} holds no powercap zone with an energy_uj that can be read{}",
                            root.shown("sys/class/powercap"), why));
  }
  return std::move(finder.found);
}

}  // namespace godwit::energy
