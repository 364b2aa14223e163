// One workload for a long time: does the machine hold its power and its pace?
#pragma once

#include <functional>
#include <optional>
#include <vector>

#include "runtime/energy/ledger/verdict.h"
#include "runtime/energy/protocol/interval.h"
#include "runtime/energy/protocol/protocol.h"
#include "runtime/energy/sensors/host.h"
#include "runtime/energy/sensors/recorder.h"

namespace godwit::energy {

// A stretch of the soak.
struct SoakRow {
  double begin_s = 0, seconds = 0;  // since the soak began
  std::optional<double> watts;      // nullopt without a sensor
  double img_s = 0;
  std::optional<double> temperature_c;  // at its end
  HostChange change;
};

struct SoakResult {
  std::vector<SoakRow> rows;
  // Change over the soak by a straight line, relative to the mean, and how likely such an order is by chance.
  Slope rate, watts;
  // Suspect by drift (p < 0.01 and more than 2 %), throttling, a busy host, a sensor's fault.
  Verdict verdict;
};

// Repeats the workload for so many seconds and writes a row every `row_s`; `on_row` is called with each.
// `recorder` may be null. A row ends with the run that is under way.
SoakResult soak(const Workload& workload, double seconds, double row_s, Clock& clock, Recorder* recorder,
                const HostWatch& watch, const std::function<void(const SoakRow&)>& on_row);

}  // namespace godwit::energy
