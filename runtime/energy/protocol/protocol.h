// The protocol of a measurement: idle, warm up, measure in rounds, idle again; and the log of when each
// happened.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/energy/protocol/interval.h"
#include "runtime/energy/sensors/clock.h"
#include "runtime/energy/sensors/host.h"
#include "runtime/energy/sensors/recorder.h"

namespace godwit::energy {

struct ProtocolOptions {
  std::string name = "std";
  double baseline_s = 10;      // idle before; 0: none, and no net energy
  bool baseline_after = true;  // and after
  double window_s = 10;        // of each round, at least
  int repetitions = 13;        // of each round, at least
  int rounds = 3;
  double warmup_max_s = 60;
  double skip_share = 0;  // of each window's beginning that is left out of the energy (Yang: 0.05)
  IntervalMethod interval = IntervalMethod::student;
  Nanoseconds period = 0;         // of the trace; 0: the recorder's own
  bool pulses = false;            // three times two seconds busy and idle, for a meter's clock
  bool edge_align = false;        // begin and end windows just behind an update of the counter
  std::uint64_t seed = 20260101;  // of the order of configurations

  // The window that the named protocol asks for; a shorter one makes the result suspect.
  double required_window_s = 10;
};

// "std": as above. "edge5": arXiv 2507.23093 (idle 3 s at 16 Hz, before only). "yang": Yang et al. 2024 (100
// Hz, no idle power, first 5 % of a window left out, mean ± 1.96 SEM). "wall": for meters, 60 s. "job": work
// that is done once, as run_job() does it. nullopt for other names.
std::optional<ProtocolOptions> protocol_named(std::string_view name);

// One configuration under measurement.
struct Workload {
  std::int64_t images = 1;  // of one run
  std::function<void()> run;
};

struct Window {
  Nanoseconds begin = 0, end = 0;
  std::vector<Nanoseconds> run_ends;  // of every run in it
  HostCounters before, after;
  double cpu_s = 0;  // of this process, less the sampler's

  double seconds() const { return to_seconds(end - begin); }
};

// Everything that happened, in moments of Clock::now().mono.
struct RunLog {
  std::optional<Window> before, after;      // idle
  std::vector<Window> pulses;               // busy parts only
  std::vector<Window> warmups;              // by workload
  std::vector<std::vector<Window>> rounds;  // by workload
  std::vector<HostCounters> trace;          // of the host, about once a second
  Nanoseconds unix_minus_mono = 0;
  double sampler_share = 0;  // of one core, taken by reading sensors

  Nanoseconds begin() const;
  Nanoseconds end() const;
};

// Work that is done once and cannot be repeated: it is the one round, and how it starts is part of it.
struct Job {
  // Calls `done` behind every image, one call at a time, from any thread.
  std::function<void(const std::function<void()>& done)> run;
  // Keeps the machine busy for a while: a meter's pulses; may be empty where none are asked for.
  std::function<void()> pulse;
};

// Runs the protocol. `recorder` is null where a meter outside is the only sensor.
RunLog run_protocol(const ProtocolOptions& options, const std::vector<Workload>& workloads, Clock& clock,
                    Recorder* recorder, const HostWatch& watch);
// Idle, pulses, the job, idle: the log of a single workload of one image a run.
RunLog run_job(const ProtocolOptions& options, const Job& job, Clock& clock, Recorder* recorder,
               const HostWatch& watch);

}  // namespace godwit::energy
