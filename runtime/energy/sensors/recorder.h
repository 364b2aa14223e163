// Reads all sensors of a machine again and again and keeps what each saw over time.
#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "runtime/energy/ledger/ledger.h"
#include "runtime/energy/sensors/clock.h"
#include "runtime/energy/sensors/sensor.h"
#include "runtime/energy/sensors/series.h"

namespace godwit::energy {

// Something that went wrong with a sensor, and when it was noticed.
struct SensorFault {
  Nanoseconds time = 0;
  std::size_t sensor = 0;
  std::string reason;  // "counter-gap", "counter-reset", "suspended", "sensor-lost", "power-gap"
};

class Recorder {
 public:
  // Keeps references to both. Sensors of domains that are not used are not read.
  Recorder(const Discovery& found, Clock& clock);

  // The interval between reads. Counters: 100 ms, for a trace and often enough for every guard interval.
  // Power sensors: 10 ms or the sensor's own interval.
  Nanoseconds period() const { return period_; }
  // Reads every sensor once. Safe beside another thread that does the same.
  Instant read();
  // Returns just after the first counter of the total has moved. Gives up after 20 ms, in which a counter of
  // milliseconds would have.
  void wait_for_update();
  // Takes implausible domains out of the total; says which and why. Their mean power over [begin, end] is
  // below zero, or more than three times their limit (2 kW where none is known).
  std::vector<std::string> drop_implausible(Nanoseconds begin, Nanoseconds end);

  // The curve of the total, of one domain, and of one sensor.
  EnergySeries total() const;
  EnergySeries domain(std::size_t index) const;
  EnergySeries sensor(std::size_t index) const;
  const Total& chosen() const { return chosen_; }
  const Discovery& found() const { return found_; }

  // Faults of the sensors that the total stands on, between two moments.
  std::vector<SensorFault> faults(Nanoseconds begin, Nanoseconds end) const;
  // Steps of a sensor, larger of unit and what was seen; joules.
  double resolution_j() const;
  bool has_counters() const;
  // Rows of the ledger; disagreements of alternates are over [begin, end].
  std::vector<SensorUse> uses(Nanoseconds begin, Nanoseconds end) const;

 private:
  struct Track {
    std::optional<Counter> counter;
    std::optional<PowerIntegral> power;
    std::size_t sensor = 0;
    bool lost = false;
    EnergySeries series;
  };
  void read(Track& track, const Instant& now);
  const Track* track_of(std::size_t sensor) const;
  SensorUse use_of(const Track& track, Nanoseconds begin, Nanoseconds end) const;

  const Discovery& found_;
  Clock& clock_;
  Total chosen_;
  Nanoseconds period_ = kSecond / 10;
  mutable std::mutex mutex_;
  std::vector<Track> tracks_;
  std::vector<SensorFault> faults_;
};

}  // namespace godwit::energy
