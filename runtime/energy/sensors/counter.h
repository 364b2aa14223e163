// The arithmetic of energy counters: differences across wraps, and what makes a difference untrue.
#pragma once

#include <cstdint>
#include <limits>
#include <optional>

#include "runtime/energy/sensors/clock.h"

namespace godwit::energy {

// Microjoules and sums of them stay whole numbers until they are printed.
__extension__ using Int128 = __int128;

// The range and the unit of a counter of microjoules.
struct CounterRange {
  // Its largest value, floor((2^32 - 1) × unit); 0: it never wraps (64 bits kept in the kernel).
  std::int64_t range_uj = 0;
  // One step of the register behind it. The counter's modulus is range_uj + unit.
  std::int64_t unit_nj = 1000;
  // More than this the domain cannot draw.
  double max_power_w = 500;

  // Time in which the counter may go round once; beyond it a difference says nothing.
  Nanoseconds ambiguous_after() const;
  // The interval between reads: min(10 s, range / (4 × max power)).
  Nanoseconds guard_interval() const;
};

// The unit of a 32-bit register whose counter ends at `range_uj` (the kernel's units are whole nanojoules);
// 1 uJ where no such unit is plausible.
std::int64_t unit_of_range(std::int64_t range_uj);

// Faults of a difference, from least to worst.
enum class CounterFault : std::uint8_t {
  none,
  suspended,  // the machine slept
  gap,        // too long between two reads: it may have gone round any number of times
  reset,      // it fell, or rose, by more than the domain can draw
};

// Adds up one counter over any number of reads.
class Counter {
 public:
  explicit Counter(const CounterRange& range) : range_(range) {}

  // Returns what this step brought to light; the first call only remembers. The energy of a step with a fault
  // is counted as read, that of a reset not at all. The fault stays in worst().
  CounterFault add(std::int64_t value_uj, const Instant& when);

  Int128 total_uj() const { return total_nj_ / 1000; }
  double joules() const { return static_cast<double>(total_nj_) * 1e-9; }
  CounterFault worst() const { return worst_; }
  std::int64_t reads() const { return reads_; }
  // Reads that differed from the one before; the first counts.
  std::int64_t changed() const { return changed_; }
  std::int64_t wraps() const { return wraps_; }
  Nanoseconds longest_gap() const { return longest_gap_; }
  // The smallest step seen, at least the unit: counters of whole joules give themselves away.
  double resolution_j() const;
  // The largest step between two reads: what a counter of few, large steps may be off at an end.
  double largest_step_j() const { return static_cast<double>(largest_step_nj_) * 1e-9; }

 private:
  CounterFault classify(Int128 step_nj, Nanoseconds gap, Nanoseconds slept) const;

  CounterRange range_;
  bool started_ = false;
  std::int64_t last_uj_ = 0;
  Instant last_;
  Int128 total_nj_ = 0;
  CounterFault worst_ = CounterFault::none;
  std::int64_t reads_ = 0, changed_ = 0, wraps_ = 0;
  std::int64_t smallest_step_uj_ = std::numeric_limits<std::int64_t>::max();
  Int128 largest_step_nj_ = 0;
  Nanoseconds longest_gap_ = 0;
};

}  // namespace godwit::energy
