// Differences of counters that wrap, stop and start again.
#include "runtime/energy/sensors/counter.h"

#include <algorithm>

namespace godwit::energy {
namespace {

constexpr std::int64_t kRegisterMax = 0xffff'ffff;
// RAPL updates about once a millisecond, so that a step may hold the energy of a little more time than
// passed.
constexpr Nanoseconds kUpdateJitter = 5'000'000;
// CLOCK_BOOTTIME and CLOCK_MONOTONIC are read one after the other; a suspend takes longer than this.
constexpr Nanoseconds kSuspend = 100'000'000;
constexpr std::int64_t kMaxUnitNj = 2'000'000'000;  // 2 J: whole joules, and room

}  // namespace

Nanoseconds CounterRange::ambiguous_after() const {
  if (range_uj <= 0 || max_power_w <= 0) return std::numeric_limits<Nanoseconds>::max();
  const double seconds = static_cast<double>(range_uj) * 1e-6 / max_power_w;
  return from_seconds(std::min(seconds, 1e9));
}

Nanoseconds CounterRange::guard_interval() const { return std::min(10 * kSecond, ambiguous_after() / 4); }

std::int64_t unit_of_range(std::int64_t range_uj) {
  // range = floor(register max × unit / 1000), so that the unit is the next whole number above the quotient.
  const Int128 unit = (static_cast<Int128>(range_uj) * 1000 + kRegisterMax - 1) / kRegisterMax;
  const bool fits = unit > 0 && unit * kRegisterMax / 1000 == range_uj;
  return fits && unit >= 1000 && unit <= kMaxUnitNj ? static_cast<std::int64_t>(unit) : 1000;
}

CounterFault Counter::classify(Int128 step_nj, Nanoseconds gap, Nanoseconds slept) const {
  // `slept` compares two pairs of clock reads; a process that is stopped sees none of it.
  if (slept > kSuspend) return CounterFault::suspended;
  if (gap > range_.ambiguous_after()) return CounterFault::gap;
  const double most_nj = range_.max_power_w * static_cast<double>(gap + kUpdateJitter) +
                         2 * static_cast<double>(std::max<std::int64_t>(range_.unit_nj, 1'000'000'000 / 100));
  return static_cast<double>(step_nj) > most_nj ? CounterFault::reset : CounterFault::none;
}

CounterFault Counter::add(std::int64_t value_uj, const Instant& when) {
  ++reads_;
  if (!started_) {
    started_ = true;
    changed_ = 1;
    last_uj_ = value_uj;
    last_ = when;
    return CounterFault::none;
  }
  const Nanoseconds gap = when.mono - last_.mono;
  const Nanoseconds slept = (when.boot - last_.boot) - gap;
  Int128 step_nj = (static_cast<Int128>(value_uj) - last_uj_) * 1000;
  CounterFault fault = CounterFault::none;
  if (step_nj < 0 && range_.range_uj <= 0) {
    fault = CounterFault::reset;
    step_nj = 0;
  } else {
    if (step_nj < 0) {
      step_nj += static_cast<Int128>(range_.range_uj) * 1000 + range_.unit_nj;
      ++wraps_;
    }
    fault = classify(step_nj, gap, slept);
    if (fault == CounterFault::reset) step_nj = 0;
  }
  if (value_uj != last_uj_) {
    ++changed_;
    smallest_step_uj_ = std::min(smallest_step_uj_, static_cast<std::int64_t>(step_nj / 1000));
  }
  longest_gap_ = std::max(longest_gap_, gap);
  largest_step_nj_ = std::max(largest_step_nj_, step_nj);
  total_nj_ += step_nj;
  worst_ = std::max(worst_, fault);
  last_uj_ = value_uj;
  last_ = when;
  return fault;
}

double Counter::resolution_j() const {
  const double unit_j = static_cast<double>(range_.unit_nj) * 1e-9;
  // Steps of a fine counter are many units; only steps that are whole joules speak of a coarse one.
  constexpr std::int64_t kJoule = 1'000'000;
  const bool whole_joules = changed_ > 1 && smallest_step_uj_ >= kJoule && smallest_step_uj_ % kJoule == 0;
  return whole_joules ? std::max(unit_j, 1.0) : unit_j;
}

}  // namespace godwit::energy
