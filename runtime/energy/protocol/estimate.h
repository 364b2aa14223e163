// Joules without a sensor: only when asked for, always a range, never called measured.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "runtime/energy/ledger/ledger.h"
#include "runtime/energy/ledger/quantity.h"
#include "runtime/energy/protocol/power_profile.h"

namespace godwit::energy {

// An estimate that nothing was calibrated for may be wrong by this factor each way: the figures of the
// literature scatter about such formulas with a geometric standard deviation of 2.0 to 2.3 (Yang et al. 2024,
// figure 6), which squared is 4.0 to 5.3 at 95 %.
inline constexpr double kUncalibratedFactor = 4;

// Days since 0001-01-01, which is day 1 (proleptic Gregorian), of "2018-03-27". Throws Error where the text
// is no date from year 1 to 9999.
int ordinal_day(std::string_view date);

// The efficiency of accelerators at a date, for comparison with the literature only. A log-linear fit over 32
// GPUs launched 2010-11-09 to 2020-09-01 (Desislavov et al. 2023, table J.9). It takes those without
// adaptation and those adapted for CNNs.
struct Trend {
  double intercept = -228.16869421138085;  // log10(GFLOPS/W) at day 0
  double per_day = 0.00031214883873618976;
  int first_day = 734085, last_day = 737669;  // what the fit has seen

  // FLOPS per watt, which is FLOPs per joule.
  double flops_per_joule(int day) const;
  // Factor by which efficiency grows in 365.25 days.
  double per_year() const;
  bool covers(int day) const { return day >= first_day && day <= last_day; }
};

// FLOPs (2 per MAC) at the trend's efficiency on that day. Throws Error for a day outside of what the fit has
// seen, and for int8: operations per watt say nothing about it (INT8 gains 2 to 4 times in practice where
// data sheets promise 8 to 30).
Estimated<Joules> estimate_by_trend(double flops, int day, std::string_view precision,
                                    const Trend& trend = {});

// Time of a run, as the operating system counts it.
struct CpuWork {
  double cpu_seconds = 0;  // of all threads
  double wall_seconds = 0;
  int threads = 1;
  int cpus = 1;  // that this machine shows
  bool virtual_machine = false;
};

// Facts known about the machine's power. Nothing has a default: a figure that nobody gave is not used.
struct PowerFacts {
  std::optional<double> max_w;          // of all CPUs busy: a TDP, or a limit that the firmware states
  std::string max_source;               // "--tdp 65 W", "constraint_0_max_power_uw of package-0"
  std::optional<double> idle_w;         // of the same scope
  std::optional<int> host_cpus;         // in a virtual machine: CPUs of the host below it
  std::optional<PowerProfile> profile;  // used in place of the figures above
  std::string cpu;                      // this machine's, to tell whether the profile is of the same kind
};

// E = CPU_s (P_max - P_idle) / N + wall P_idle share. N counts the CPUs that P_max is of: this machine's, or
// the host's. The share is 1, or in a virtual machine its CPUs / the host's; where the host's number is
// unknown the idle term is left out and the basis says so. By a profile E = wall P_idle + CPU_s (P_n -
// P_idle) / n at n threads. nullopt where neither a P_max nor a profile is known. Throws Error for figures
// that contradict each other.
std::optional<EstimatedEnergy> estimate_by_cpu_time(const CpuWork& work, const PowerFacts& facts);

}  // namespace godwit::energy
