// From a log of windows and a curve of energy to joules with an interval and a verdict.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "runtime/energy/ledger/ledger.h"
#include "runtime/energy/protocol/protocol.h"
#include "runtime/energy/sensors/series.h"

namespace godwit::energy {

// The accuracy that a meter's maker promises: |error| <= of_reading × W + watts.
struct MeterAccuracy {
  double of_reading = 0;
  double watts = 0;
};

// The curve of energy over time and its origin.
struct EnergySource {
  EnergySeries series;  // on the log's clock
  Quality quality = Quality::measured;
  std::string scope;
  bool counter = true;     // counters have edges of a millisecond
  double update_s = 1e-3;  // between two updates of what is read
  double resolution_j = 0;
  std::optional<MeterAccuracy> accuracy;
  double offset_s = 0;  // standard uncertainty of the curve's clock against the log's
  double limit_w = 0;   // what the scope may draw at length; 0: not known
  double window_s = 0;  // that this source needs at least; 0: the protocol's
  // Times that no reading tells of, in ascending order: left out of every figure, and the result is suspect.
  struct Hole {
    Nanoseconds begin = 0, end = 0;
  };
  std::vector<Hole> holes;
  std::vector<SensorFault> faults;
  std::vector<SensorUse> uses;
  // Reasons that the source itself gives against its figures.
  Verdict verdict;
};

// One configuration's energy.
struct EnergyResult {
  std::int64_t batch = 1;
  std::int64_t images = 0;
  std::int64_t repetitions = 0;
  std::vector<double> window_s;
  double warmup_s = 0;
  double seconds = 0;  // sum of the windows
  double img_s = 0;
  double mean_w = 0;
  double cpu_seconds = 0;
  MeasuredEnergy energy;
  std::optional<Baseline> baseline;
  Verdict verdict;

  // Nothing where the verdict is invalid.
  std::optional<double> gross_mj_per_image() const;
  std::optional<double> net_mj_per_image() const;
};

// One result for each workload of the log.
std::vector<EnergyResult> analyse(const RunLog& log, const ProtocolOptions& options,
                                  const std::vector<Workload>& workloads, const EnergySource& source);

// The recorder's total as a source, over the whole log.
EnergySource source_of(Recorder& recorder, const RunLog& log);

}  // namespace godwit::energy
