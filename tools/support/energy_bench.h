// The energy of a benchmark: what --energy adds to a command that runs a model.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/plan.h"
#include "tools/support/energy_estimate.h"
#include "tools/support/energy_layers.h"
#include "tools/support/energy_meter.h"
#include "tools/support/energy_options.h"

namespace godwit::tools {

// One run's facts for its line in the ledger.
struct BenchFacts {
  std::string model;
  std::string precision;
  const engine::Plan* plan = nullptr;
  std::int64_t batch = 1;  // of that plan
  int threads = 1;
};

class BenchEnergy {
 public:
  // Nothing happens, and nothing is looked at, where --energy was not given. `seconds` and `repetitions` as
  // EnergyOptions::protocol_options() takes them. Throws Error as EnergyMeter does.
  BenchEnergy(const EnergyOptions& options, std::string model, std::optional<double> seconds,
              std::optional<int> repetitions);
  ~BenchEnergy();
  BenchEnergy(const BenchEnergy&) = delete;
  BenchEnergy& operator=(const BenchEnergy&) = delete;

  bool asked() const { return meter_ != nullptr; }
  bool measures() const { return meter_ != nullptr && meter_->measures(); }
  EnergyMeter& meter() { return *meter_; }

  // Measures all configurations; does nothing where nothing can be measured.
  void measure(const std::vector<energy::Workload>& workloads);
  // CPU seconds of one image, told where no joules are.
  void set_cpu_seconds(double per_image) { cpu_s_per_image_ = per_image; }

  // For the ledger, of the configuration measured last.
  void set_estimate(const std::optional<Estimate>& estimate) { estimate_ = estimate; }

  // null where --energy was not given.
  Json json(const BenchFacts& facts) const;
  std::string text(const BenchFacts& facts) const;
  const std::optional<EnergyOutcome>& outcome() const { return outcome_; }
  // Appends a line for each configuration to --ledger, where that was given.
  void write_ledger(const BenchFacts& facts, const LayerJoules& layers = {}) const;
  // Results of the machine's own sensors, where a meter is the one that counts; requires an outcome.
  const std::vector<energy::EnergyResult>& inside() const {
    return outcome_->inside.empty() ? outcome_->results : outcome_->inside;
  }

 private:
  energy::Record record_of(const BenchFacts& facts, const energy::EnergyResult* result) const;

  EnergyOptions options_;
  std::string model_;
  std::optional<double> seconds_;
  std::optional<int> repetitions_;
  std::unique_ptr<EnergyMeter> meter_;
  std::optional<EnergyOutcome> outcome_;
  double cpu_s_per_image_ = 0;
  std::optional<Estimate> estimate_;
};

}  // namespace godwit::tools
