// The energy of a command's work: what --energy, --estimate and --ledger add to a command that runs a model.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/plan.h"
#include "tools/bench/energy_estimate.h"
#include "tools/bench/energy_layers.h"
#include "tools/bench/energy_meter.h"
#include "tools/bench/energy_options.h"
#include "tools/report/json.h"

namespace godwit::tools {

// One run's facts for its line in the ledger.
struct RunFacts {
  std::string model;
  const engine::Plan* plan = nullptr;
  std::int64_t batch = 1;  // of that plan
  int threads = 1;
  std::optional<energy::Accuracy> accuracy = std::nullopt;
  // From taking an image until it was labelled, where several are under way at once; empty: runs follow each
  // other, and the log of the windows tells how long each took.
  std::vector<double> latency_ms = {};
};

class EnergyAccount {
 public:
  // Nothing happens, and nothing is looked at, where --energy was not given. `command` is how the texts name
  // what to type ("bench model.onnx"); `seconds` and `repetitions` as EnergyOptions::protocol_options() takes
  // them. Throws Error as EnergyMeter does.
  EnergyAccount(const EnergyOptions& options, std::string command,
                std::optional<double> seconds = std::nullopt, std::optional<int> repetitions = std::nullopt);
  ~EnergyAccount();
  EnergyAccount(const EnergyAccount&) = delete;
  EnergyAccount& operator=(const EnergyAccount&) = delete;

  bool asked() const { return meter_ != nullptr; }
  // True where a signal ended the measuring, and nothing was measured.
  bool cut_short() const { return cut_short_; }
  bool measures() const { return meter_ != nullptr && meter_->measures(); }
  EnergyMeter& meter() { return *meter_; }

  // Facts about the workloads: seconds of one run of each, for the time that is foretold, and names
  // where they differ in more than the batch.
  struct Configurations {
    std::vector<double> run_seconds;
    std::vector<std::string> names;
  };
  // Measures all configurations; does nothing where nothing can be measured.
  void measure(const std::vector<energy::Workload>& workloads, const Configurations& configurations = {});
  // Does the job once, measured where that is possible, and keeps what it took as set_work() does.
  void run_job(const energy::Job& job, int threads);

  // Runs on for --soak's time, where that was given; rows are told on stderr as they come.
  void soak(const energy::Workload& workload);
  // Replays the parts by the machine's own sensors, against `whole`; requires that energy is measured.
  LayerJoules replay(const std::vector<ReplayPart>& parts, const energy::EnergyResult& whole);

  // Takes the operating system's counts over the configuration measured last. They are told where no joules
  // are, and estimates are made from them.
  void set_work(const EstimateWork& work) { work_ = work; }
  void estimate(EstimateOptions options);
  const std::optional<Estimate>& estimated() const { return estimate_; }

  // null where --energy was not given.
  Json json(const RunFacts& facts) const;
  // Sets "energy" and "estimate" where they were asked for.
  void add_json(const RunFacts& facts, Json& json) const;
  std::string text(const RunFacts& facts) const;
  const std::optional<EnergyOutcome>& outcome() const { return outcome_; }
  // Appends a line for each configuration to --ledger, where that was given.
  void write_ledger(const RunFacts& facts, const EnergyRows& rows = {}) const {
    write_ledger(std::vector<RunFacts>{facts}, rows);
  }
  // Facts of each configuration, or of all of them.
  void write_ledger(const std::vector<RunFacts>& facts, const EnergyRows& rows = {}) const;
  // Results of the machine's own sensors, where a meter is the one that counts; requires an outcome.
  const std::vector<energy::EnergyResult>& inside() const {
    return outcome_->inside.empty() ? outcome_->results : outcome_->inside;
  }

 private:
  energy::Record record_of(const RunFacts& facts, const energy::EnergyResult* result) const;
  template <class Work>
  void until_a_signal(const Work& work);

  EnergyOptions options_;
  std::string command_;
  std::optional<double> seconds_;
  std::optional<int> repetitions_;
  std::unique_ptr<EnergyMeter> meter_;
  std::optional<EnergyOutcome> outcome_;
  std::optional<energy::SoakResult> soak_;
  EstimateWork work_;
  std::optional<Estimate> estimate_;
  bool cut_short_ = false;
};

// Runs the plan on random input when called: load for a meter's pulses. Nothing is allocated before the first
// call.
std::function<void()> random_load(std::shared_ptr<const engine::Plan> plan, int threads);

// Throughput and latencies of one workload's rounds. `latency_ms` where runs do not follow each other.
energy::Throughput throughput_of(double img_s, const std::vector<energy::Window>& rounds,
                                 std::vector<double> latency_ms = {});

}  // namespace godwit::tools
