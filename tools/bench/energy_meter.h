// Sets up sensors and meters for a command, runs the protocol, and keeps what came of it.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "runtime/energy/protocol/analysis.h"
#include "runtime/energy/protocol/soak.h"
#include "runtime/energy/sensors/discover.h"
#include "runtime/energy/sensors/host.h"
#include "tools/bench/energy_options.h"

namespace godwit::tools {

// Results of one measurement: the outside meter's in `results` where there is one, else the machine's own
// sensors'. `inside` has the latter where both are there.
struct EnergyOutcome {
  energy::RunLog log;
  energy::ProtocolOptions protocol;
  std::vector<energy::EnergyResult> results, inside;
  std::vector<energy::SensorUse> sensors;
  std::vector<std::string> names;  // of the results, where they differ in more than the batch
  std::string meter_note;
  std::vector<std::string> notes;
};

class EnergyMeter {
 public:
  // Finds sensors and opens the meter. Throws Error: bad options, or ErrorKind::missing where energy is
  // required and there is none.
  explicit EnergyMeter(const EnergyOptions& options);
  ~EnergyMeter();
  EnergyMeter(const EnergyMeter&) = delete;
  EnergyMeter& operator=(const EnergyMeter&) = delete;

  // True where a protocol run makes sense: there is a sensor, or a meter's log comes later.
  bool measures() const { return has_source() || options_.meter_later; }
  bool has_source() const { return recorder_ != nullptr || stream_ != nullptr; }
  const energy::Discovery& found() const { return found_; }
  const energy::HostFacts& host() const { return host_; }
  energy::Clock& clock() { return *clock_; }
  energy::Recorder* recorder() { return recorder_.get(); }

  // These three throw Interrupted.
  EnergyOutcome measure(const std::vector<energy::Workload>& workloads, std::optional<double> seconds,
                        std::optional<int> repetitions);
  // The same for a job that is done once.
  EnergyOutcome measure_job(const energy::Job& job);
  // A long run by the machine's own sensors, or by none.
  energy::SoakResult soak(const energy::Workload& workload, double seconds,
                          const std::function<void(const energy::SoakRow&)>& on_row);

 private:
  EnergyOutcome evaluate(EnergyOutcome outcome, const std::vector<energy::Workload>& workloads);

  EnergyOptions options_;
  std::unique_ptr<energy::SysRoot> root_, shared_root_;
  std::unique_ptr<energy::PerfOpener> perf_;
  std::unique_ptr<energy::Clock> clock_;
  energy::Discovery found_;
  energy::HostFacts host_;
  std::unique_ptr<energy::HostWatch> watch_;
  std::unique_ptr<energy::Recorder> recorder_;
  std::unique_ptr<energy::MeterStream> stream_;
};

// Finds the sensors that the options lead to.
energy::Discovery find_sensors(const SensorOptions& options, const energy::SysRoot& root,
                               energy::PerfOpener& perf, std::unique_ptr<energy::SysRoot>& shared_root);

}  // namespace godwit::tools
