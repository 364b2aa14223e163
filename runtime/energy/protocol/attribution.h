// Joules of layers: shares of a measured total by time, loops that repeat one layer, and a regression on what
// layers do. A counter that ticks each millisecond cannot see a layer of 50 us, and nothing here claims that
// it does.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "runtime/energy/ledger/quantity.h"
#include "runtime/energy/ledger/verdict.h"
#include "runtime/energy/sensors/recorder.h"

namespace godwit::energy {

// A part of the work and how long how many cores were busy with it.
struct TimedPart {
  std::string name;
  double seconds = 0;
  double cores = 1;
};
struct EnergyShare {
  std::string name;
  double joules = 0;
  double share = 0;
};
// Divides `total` by core seconds, in whole nanojoules: the parts and a last row "unattributed" (what
// `seconds` of all `cores` leave over) sum to the total exactly.
std::vector<EnergyShare> attribute_by_time(Measured<Joules> total, std::span<const TimedPart> parts,
                                           double seconds, double cores);
// The total in nanojoules that the shares sum to.
std::int64_t to_nanojoules(double joules);

// A layer that can be run alone.
struct ReplayItem {
  std::string name;
  std::function<void()>
      prepare;  // brings its operands into the state that the layer finds; outside of the window
  std::function<void()> run;
};
struct Replay {
  std::string name;
  std::int64_t calls = 0;
  double seconds = 0;  // of the loop
  double gross_j = 0;  // of one call
  double net_j = 0;    // of one call, by the idle power given
  double seconds_each = 0;
};
// Runs each item again and again for at least `seconds` (2 by default) while the recorder reads. `idle_w` is
// the power to subtract.
std::vector<Replay> replay(std::span<const ReplayItem> items, Clock& clock, Recorder& recorder, double idle_w,
                           double seconds = 2);
// Sum of the net joules of all replays over the net joules of one run of the whole.
double closure_of(std::span<const Replay> replays, double whole_net_j);
// "closure" where it is more than 10 % off.
void judge_closure(double closure, Verdict& verdict);

// The activity of a layer as a regression sees it: MACs by type, bytes by level, seconds. All rows keep one
// order.
struct ActivityRow {
  std::string name;
  std::vector<double> activity;
  double joules = 0;
};
struct ActivityModel {
  std::vector<double> joules_per;  // of one unit of each activity, never negative
  std::vector<double> predicted;   // of each row
  std::vector<double> error;       // relative, of each row when all rows of its name were left out of the fit
};
// Least squares of relative errors with non-negative coefficients (Lawson and Hanson 1974). Throws Error
// where rows differ in length, have fewer than two names, or have no positive joules.
ActivityModel fit_activity(std::span<const ActivityRow> rows);

// This process's part of a net figure on a busy host: CPU seconds of ours over busy seconds of all.
double process_share(double own_cpu_s, double busy_cpu_s);

}  // namespace godwit::energy
