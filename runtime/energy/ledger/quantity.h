// Joules and watts that say where they come from: a measured and an estimated quantity are two types, and
// neither converts into the other.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace godwit::energy {

// Origins of a figure, from the strongest to the weakest.
enum class Quality {
  measured,         // a sensor of this machine, over the window of the work
  measured_replay,  // a sensor, over a loop that repeats one layer
  external,         // a meter outside this machine, its clock aligned with ours
  host_attributed,  // counters that a hypervisor shares with its guest
  attributed,       // a share of a measured figure, by CPU or layer time
  estimate,         // no sensor: a model of the machine, always with a range
};
// The ledger's spelling: "measured", "measured-replay", "external", "host-attributed", …
std::string_view name_of(Quality quality);
std::optional<Quality> quality_of(std::string_view name);

// Parts of a machine that a sensor's figure may cover. A scope is one of these, or several that do not
// contain each other.
enum class Domain { package, core, uncore, dram, psys, board, system_battery, wall, dc, usb };
// "package", "dram", "system-battery", …
std::string_view name_of(Domain domain);
// "package+dram": each once, in the order of the enumeration.
std::string scope_of(std::span<const Domain> domains);

// Units. The number is in the unit itself: joules, not mJ.
struct Joules {
  double value = 0;
};
struct Watts {
  double value = 0;
};

struct Interval {
  double low = 0, high = 0;
};

// A quantity that goes back to a sensor; any quality but Quality::estimate.
template <class Unit>
class Measured {
 public:
  explicit constexpr Measured(Unit quantity) : quantity_(quantity) {}
  constexpr double value() const { return quantity_.value; }

  friend constexpr Measured operator+(Measured a, Measured b) {
    return Measured(Unit{a.value() + b.value()});
  }
  friend constexpr Measured operator-(Measured a, Measured b) {
    return Measured(Unit{a.value() - b.value()});
  }
  friend constexpr Measured operator*(Measured a, double factor) {
    return Measured(Unit{a.value() * factor});
  }
  friend constexpr Measured operator/(Measured a, double divisor) {
    return Measured(Unit{a.value() / divisor});
  }
  friend constexpr bool operator==(Measured a, Measured b) { return a.value() == b.value(); }

 private:
  Unit quantity_;
};

// A quantity that no sensor has seen: a middle and the range that holds it, never a figure alone.
template <class Unit>
class Estimated {
 public:
  // Requires low <= middle <= high.
  constexpr Estimated(Unit low, Unit middle, Unit high) : low_(low), middle_(middle), high_(high) {}
  // The range from middle / factor to middle * factor.
  static constexpr Estimated within_factor(Unit middle, double factor) {
    return Estimated(Unit{middle.value / factor}, middle, Unit{middle.value * factor});
  }
  constexpr double low() const { return low_.value; }
  constexpr double middle() const { return middle_.value; }
  constexpr double high() const { return high_.value; }

  friend constexpr Estimated operator*(Estimated a, double factor) {
    return Estimated(Unit{a.low() * factor}, Unit{a.middle() * factor}, Unit{a.high() * factor});
  }
  friend constexpr Estimated operator/(Estimated a, double divisor) {
    return Estimated(Unit{a.low() / divisor}, Unit{a.middle() / divisor}, Unit{a.high() / divisor});
  }
  friend constexpr bool operator==(Estimated a, Estimated b) {
    return a.low() == b.low() && a.middle() == b.middle() && a.high() == b.high();
  }

 private:
  Unit low_, middle_, high_;
};

// Mean power over a time in seconds, and back.
constexpr Measured<Watts> mean_power(Measured<Joules> energy, double seconds) {
  return Measured<Watts>(Watts{energy.value() / seconds});
}
constexpr Measured<Joules> energy_of(Measured<Watts> power, double seconds) {
  return Measured<Joules>(Joules{power.value() * seconds});
}

}  // namespace godwit::energy
