// Measuring a command's work by sensors and meters.
#include "tools/bench/energy_meter.h"

#include <algorithm>
#include <fmt/format.h>

#include "runtime/error.h"
#include "tools/bench/energy_text.h"
#include "tools/report/interrupt.h"

namespace godwit::tools {
namespace {

// The system's clock, whose sleep ends with the program.
class InterruptibleClock : public energy::Clock {
 public:
  energy::Instant now() const override { return clock_->now(); }
  energy::Nanoseconds unix_time() const override { return clock_->unix_time(); }
  energy::Nanoseconds cpu_time() const override { return clock_->cpu_time(); }
  void sleep(energy::Nanoseconds duration) override {
    constexpr energy::Nanoseconds kSlice = energy::kSecond / 20;
    const energy::Nanoseconds end = now().mono + duration;
    for (energy::Nanoseconds left = duration; left > 0; left = end - now().mono) {
      clock_->sleep(std::min(left, kSlice));
      stop_if_interrupted();
    }
  }
  std::unique_ptr<Ticker> every(energy::Nanoseconds period, std::function<void()> tick) override {
    return clock_->every(period, std::move(tick));
  }

 private:
  std::unique_ptr<energy::Clock> clock_ = energy::system_clock();
};

energy::Workload interruptible(const energy::Workload& workload) {
  return {workload.images, [&workload] {
            stop_if_interrupted();
            workload.run();
          }};
}

}  // namespace

energy::Discovery find_sensors(const SensorOptions& options, const energy::SysRoot& root,
                               energy::PerfOpener& perf, std::unique_ptr<energy::SysRoot>& shared_root) {
  if (!options.powercap_dir.empty()) {
    shared_root = energy::open_powercap_directory(options.powercap_dir);
    return energy::discover_host_share(*shared_root);
  }
  return energy::discover(root, perf, {options.board_rails()});
}

EnergyMeter::EnergyMeter(const EnergyOptions& options)
    : options_(options), root_(energy::open_sys_root({options.sensors.sysfs, options.sensors.procfs})) {
  (void)options.accuracy();
  (void)options.columns();
  // A tree of files knows nothing of the running kernel's counters.
  perf_ = options.sensors.sysfs == energy::SysDirectories().sysfs ? energy::system_perf() : energy::no_perf();
  clock_ = std::make_unique<InterruptibleClock>();
  if (!options.meter.empty()) {
    stream_ = energy::MeterStream::open(options.meter);
    // A log that cannot be read is said so before minutes of work.
    (void)energy::parse_meter_lines(stream_->text(), stream_->name(), options.columns());
  }
  found_ = find_sensors(options.sensors, *root_, *perf_, shared_root_);
  host_ = energy::probe_host(*root_);
  watch_ = std::make_unique<energy::HostWatch>(*root_);
  if (!found_.total().domains.empty()) recorder_ = std::make_unique<energy::Recorder>(found_, *clock_);
  if (options.meter_later && options.ledger.empty()) {
    throw Error("--meter-later needs --ledger FILE, where 'godwit energy join' finds the run");
  }
  if (options.require && !has_source()) {
    throw Error(
        fmt::format("energy was required and cannot be measured: {}; attach a meter with --meter, or see "
                    "'godwit energy sensors'",
                    why_not_measured(found_, host_)),
        ErrorKind::missing);
  }
}

EnergyMeter::~EnergyMeter() = default;

EnergyOutcome EnergyMeter::measure(const std::vector<energy::Workload>& workloads,
                                   std::optional<double> seconds, std::optional<int> repetitions) {
  EnergyOutcome outcome;
  outcome.protocol = options_.protocol_options(seconds, repetitions);
  std::vector<energy::Workload> until_a_signal;
  for (const energy::Workload& workload : workloads) until_a_signal.push_back(interruptible(workload));
  outcome.log = energy::run_protocol(outcome.protocol, until_a_signal, *clock_, recorder_.get(), *watch_);
  return evaluate(std::move(outcome), workloads);
}

EnergyOutcome EnergyMeter::measure_job(const energy::Job& job) {
  EnergyOutcome outcome;
  outcome.protocol = options_.protocol_options(std::nullopt, std::nullopt);
  outcome.log = energy::run_job(outcome.protocol, job, *clock_, recorder_.get(), *watch_);
  return evaluate(std::move(outcome), {{1, nullptr}});
}

energy::SoakResult EnergyMeter::soak(const energy::Workload& workload, double seconds,
                                     const std::function<void(const energy::SoakRow&)>& on_row) {
  constexpr double kRow = 10, kFewestRows = 8;
  return energy::soak(interruptible(workload), seconds, std::min(kRow, seconds / kFewestRows), *clock_,
                      recorder_.get(), *watch_, on_row);
}

EnergyOutcome EnergyMeter::evaluate(EnergyOutcome outcome, const std::vector<energy::Workload>& workloads) {
  if (recorder_ != nullptr) {
    for (std::string& note : recorder_->drop_implausible(outcome.log.begin(), outcome.log.end())) {
      outcome.notes.push_back(std::move(note));
    }
    energy::EnergySource source = energy::source_of(*recorder_, outcome.log);
    if (!outcome.notes.empty()) source.verdict.suspect("implausible-domain");
    outcome.sensors = source.uses;
    outcome.results = energy::analyse(outcome.log, outcome.protocol, workloads, source);
  }
  if (!has_source()) {
    energy::EnergySource none;
    none.quality = energy::Quality::external;
    none.scope = options_.meter_scope;
    none.verdict.invalidate("meter-later");
    outcome.meter_note = "not measured yet: 'godwit energy join' adds the meter's log";
    outcome.results = energy::analyse(outcome.log, outcome.protocol, workloads, none);
  }
  if (stream_ != nullptr) {
    const energy::MeterLog meter = energy::finish_meter(
        *stream_, *clock_, outcome.log.end() + outcome.log.unix_minus_mono + energy::kSecond / 10,
        options_.columns());
    energy::EnergySource source = energy::source_of(
        meter, outcome.log, options_.clock(), options_.meter_scope, options_.accuracy(), outcome.meter_note);
    source.uses.front().id = "meter:" + stream_->name();
    outcome.notes.push_back("meter: " + meter.told);
    // One total is told, the meter's; the machine's own sensors stand beside it.
    for (energy::SensorUse& use : outcome.sensors) {
      if (use.role == "total") use.role = "part";
    }
    outcome.sensors.insert(outcome.sensors.begin(), source.uses.front());
    outcome.inside = std::move(outcome.results);
    outcome.results = energy::analyse(outcome.log, outcome.protocol, workloads, source);
  }
  return outcome;
}

}  // namespace godwit::tools
