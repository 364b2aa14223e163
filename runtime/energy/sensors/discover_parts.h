// Parts that the sources of discovery share; private to discover*.cpp.
#pragma once

#include <functional>
#include <string>

#include "runtime/energy/sensors/discover.h"

namespace godwit::energy {

// Gathers sensors, then makes domains of them.
class Finder {
 public:
  Finder(const SysRoot& sys_root, PerfOpener& perf_opener, const DiscoverOptions& discover_options)
      : root(sys_root), perf(perf_opener), options(discover_options) {}

  // Adds a sensor that has been read once with success; `parent` and `unused` as in EnergyDomain.
  void add(Sensor sensor, DomainKind kind, const std::string& parent = "", const std::string& unused = "");
  void look(const std::string& path, const std::string& outcome);
  // Notes a sensor that exists and cannot be used.
  void leave(const std::string& path, const std::string& why);
  // Notes a sensor that this user may not read.
  void refuse(const std::string& path, int error);
  // A gauge on files that stay open, multiplied by each other and by `scale`; null where one cannot be opened
  // or gives no number at first, with the reason in the notes or among the unreadable.
  std::unique_ptr<Gauge> gauge(const std::vector<std::string>& paths, std::int64_t scale_numerator = 1,
                               std::int64_t scale_denominator = 1);

  const SysRoot& root;
  PerfOpener& perf;
  const DiscoverOptions& options;
  Discovery found;
};

void find_powercap(Finder& finder);
void find_perf(Finder& finder);
void find_hwmon(Finder& finder);
void find_iio(Finder& finder);
void find_batteries(Finder& finder);

// 500 W for each socket, or half as much again as the hardware says that it can take.
double most_watts(double stated_maximum_w, int sockets);

}  // namespace godwit::energy
