// Sensors of energy, the physical domains that they see, and which of these may be added up.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/energy/ledger/quantity.h"
#include "runtime/energy/sensors/counter.h"
#include "runtime/energy/sensors/sys_root.h"

namespace godwit::energy {

enum class SensorKind : std::uint8_t { counter, power };

// A sensor's current value: microjoules of a counter, microwatts of a power sensor; nullopt where it gives
// none.
class Gauge {
 public:
  virtual ~Gauge() = default;
  virtual std::optional<std::int64_t> read() = 0;
};

struct Sensor {
  std::string id;      // "powercap:intel-rapl:0", "perf:power/energy-pkg@cpu0"
  std::string domain;  // "package-0"
  SensorKind kind = SensorKind::counter;
  int rank = 0;                     // the lowest of a domain rules, the others are alternates
  CounterRange range;               // of a counter
  double limit_w = 0;               // what the domain is allowed to draw at length; 0: not known
  Nanoseconds update = 10'000'000;  // how often a power sensor has news
  std::unique_ptr<Gauge> gauge;
};

enum class DomainKind : std::uint8_t { psys, package, core, uncore, dram, board, part, battery, other };
std::string_view name_of(DomainKind kind);

// A physical part of the machine whose energy is told apart. The same part seen by several sensors is one
// domain.
struct EnergyDomain {
  std::string name;  // "package-0", "dram-0", "package-0/core", "VDD_IN"
  DomainKind kind = DomainKind::other;
  int parent = -1;                   // the domain that contains it
  std::vector<std::size_t> sensors;  // the first one rules
  std::string unused;                // why it is listed and not used; empty: usable
};

// A place where sensors were sought: what was there, for the message that says so.
struct Look {
  std::string place;    // "/sys/class/powercap"
  std::string outcome;  // "absent", "2 zones"
};

// A sensor that exists and may not be read.
struct Unreadable {
  std::string path;  // or the name of a perf unit
  std::string why;   // "mode 0400, owner root …"
  bool perf = false;
};

// A sensor that exists and tells nothing that can be used: blank, broken, a link to nothing, an unknown zone.
struct Unusable {
  std::string path;
  std::string why;  // "it reads '', which is no number"
};

// Domains that add up to what is reported: never one inside another.
struct Total {
  std::string scope;  // "package+dram", "board", "system-battery"; empty: nothing to measure with
  Quality quality = Quality::measured;  // or host_attributed
  std::vector<std::size_t> domains;
};

struct Discovery {
  std::vector<Sensor> sensors;
  std::vector<EnergyDomain> domains;
  std::vector<Look> looked;
  std::vector<Unreadable> unreadable;
  std::vector<Unusable> unusable;
  std::vector<std::string> notes;  // what was found and left alone, and why
  int sockets = 1;
  bool host_share = false;  // the tree was exported by a hypervisor

  // packages and DRAM, else psys, else a board's total, else its parts, else the battery.
  Total total() const;
  const Sensor& ruling(std::size_t domain) const { return sensors[domains[domain].sensors.front()]; }
};

}  // namespace godwit::energy
