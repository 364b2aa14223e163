// Joules without a sensor: only when asked for, always a range, never called measured.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "runtime/energy/quantity.h"

namespace godwit::energy {

// An estimate that nothing was calibrated for may be wrong by this factor each way: the figures of the
// literature scatter about such formulas with a geometric standard deviation of 2.0 to 2.3 (Yang et al. 2024,
// figure 6), which squared is 4.0 to 5.3 at 95 %.
inline constexpr double kUncalibratedFactor = 4;

// Days since 0001-01-01, which is day 1 (proleptic Gregorian), of "2018-03-27". Throws Error where the text
// is no date from year 1 to 9999.
int ordinal_day(std::string_view date);

// The efficiency that accelerators had at a date: a log-linear fit over 32 of Desislavov et al.'s GPUs (2023,
// table J.9, those without adaptation and those adapted for CNNs), launched 2010-11-09 to 2020-09-01.
// For comparison with the literature only.
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

}  // namespace godwit::energy
