// A machine's power by number of busy threads, as `godwit energy calibrate` finds it with a sensor.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace godwit::energy {

// Mean power over one stretch of time in which `threads` threads were busy; 0: idle.
struct PowerReading {
  int threads = 0;
  double watts = 0;
};

struct PowerProfile {
  std::string cpu, date, scope;  // date as "2026-11-21"
  int cpus = 1;
  double idle_w = 0;
  struct Busy {
    int threads = 1;
    double watts = 0;
    std::size_t readings = 0;
  };
  std::vector<Busy> busy;  // by rising threads, from 1 reading each
  // Half width of the 95 % range, relative: of single readings about the profile's figure.
  double error = 0;

  double max_w() const { return busy.back().watts; }
  // Power with so many threads busy, on straight lines between the points (the first of them idle); beyond
  // the last point its line goes on, and does not fall.
  double watts_at(double threads) const;
};

// Means by number of threads, and the scatter about them. Needs two or more idle readings and two or more
// with some number of threads. Throws Error where readings are missing, not finite, or busy power is not
// above idle.
PowerProfile fit_profile(const std::vector<PowerReading>& readings);

// One JSON object, schema "godwit.power_profile/1".
std::string to_json_text(const PowerProfile& profile);
// Throws Error naming `source`.
PowerProfile profile_from_json(std::string_view text, const std::string& source);

}  // namespace godwit::energy
