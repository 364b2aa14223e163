// Energy over time as one curve: joules passed since some beginning, whichever sensors it comes from.
#pragma once

#include <vector>

#include "runtime/energy/sensors/clock.h"
#include "runtime/energy/sensors/counter.h"

namespace godwit::energy {

// Points in ascending time, energy in nanojoules. Between two points power is taken as constant.
class EnergySeries {
 public:
  struct Point {
    Nanoseconds time = 0;
    Int128 energy_nj = 0;
  };
  // Points that do not come after the one before are left out.
  void add(Nanoseconds time, Int128 energy_nj);

  const std::vector<Point>& points() const { return points_; }
  bool empty() const { return points_.empty(); }
  bool covers(Nanoseconds begin, Nanoseconds end) const;
  // Joules passed from `begin` to `end`; beyond its ends the curve is flat.
  double joules(Nanoseconds begin, Nanoseconds end) const;
  // Mean power.
  double watts(Nanoseconds begin, Nanoseconds end) const;
  // Mean power of `count` equal parts of [begin, end].
  std::vector<double> segment_watts(Nanoseconds begin, Nanoseconds end, int count) const;
  // The number of points in (begin, end].
  int points_within(Nanoseconds begin, Nanoseconds end) const;
  // The longest time in [begin, end] without a point.
  Nanoseconds longest_gap(Nanoseconds begin, Nanoseconds end) const;

 private:
  long double at(Nanoseconds time) const;  // nanojoules

  std::vector<Point> points_;
};

// Energy from powers in microwatts by the trapezoid rule, in whole femtojoules.
class PowerIntegral {
 public:
  // The first call only remembers. Times must ascend; a gap longer than `max_gap` is counted, not bridged
  // over silently.
  explicit PowerIntegral(Nanoseconds max_gap) : max_gap_(max_gap) {}
  void add(std::int64_t microwatts, Nanoseconds when);

  Int128 total_nj() const { return total_fj_ / 1'000'000; }
  int gaps() const { return gaps_; }
  Nanoseconds longest_gap() const { return longest_gap_; }
  std::int64_t reads() const { return reads_; }
  // Reads that differed from the one before: the rate of news, not of reads.
  std::int64_t changed() const { return changed_; }

 private:
  Nanoseconds max_gap_;
  bool started_ = false;
  std::int64_t last_uw_ = 0;
  Nanoseconds last_ = 0;
  Int128 total_fj_ = 0;
  int gaps_ = 0;
  Nanoseconds longest_gap_ = 0;
  std::int64_t reads_ = 0, changed_ = 0;
};

}  // namespace godwit::energy
