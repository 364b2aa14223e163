// Energy curves, and the trapezoids that powers make.
#include "runtime/energy/sensors/series.h"

#include <algorithm>

namespace godwit::energy {

void EnergySeries::add(Nanoseconds time, Int128 energy_nj) {
  if (points_.empty() || time > points_.back().time) points_.push_back({time, energy_nj});
}

bool EnergySeries::covers(Nanoseconds begin, Nanoseconds end) const {
  return !points_.empty() && points_.front().time <= begin && points_.back().time >= end;
}

long double EnergySeries::at(Nanoseconds time) const {
  if (points_.empty()) return 0;
  const auto next = std::ranges::lower_bound(points_, time, {}, &Point::time);
  if (next == points_.begin()) return static_cast<long double>(points_.front().energy_nj);
  if (next == points_.end()) return static_cast<long double>(points_.back().energy_nj);
  const Point& before = *(next - 1);
  const long double part =
      static_cast<long double>(time - before.time) / static_cast<long double>(next->time - before.time);
  return static_cast<long double>(before.energy_nj) +
         part * static_cast<long double>(next->energy_nj - before.energy_nj);
}

double EnergySeries::joules(Nanoseconds begin, Nanoseconds end) const {
  return static_cast<double>((at(end) - at(begin)) * 1e-9L);
}

double EnergySeries::watts(Nanoseconds begin, Nanoseconds end) const {
  return end > begin ? joules(begin, end) / to_seconds(end - begin) : 0;
}

std::vector<double> EnergySeries::segment_watts(Nanoseconds begin, Nanoseconds end, int count) const {
  std::vector<double> result;
  const auto boundary = [&](int i) {
    return begin + static_cast<Nanoseconds>(static_cast<Int128>(end - begin) * i / count);
  };
  for (int i = 0; i < count; ++i) result.push_back(watts(boundary(i), boundary(i + 1)));
  return result;
}

int EnergySeries::points_within(Nanoseconds begin, Nanoseconds end) const {
  const auto first = std::ranges::upper_bound(points_, begin, {}, &Point::time);
  const auto last = std::ranges::upper_bound(points_, end, {}, &Point::time);
  return static_cast<int>(std::max<std::ptrdiff_t>(0, last - first));
}

Nanoseconds EnergySeries::longest_gap(Nanoseconds begin, Nanoseconds end) const {
  Nanoseconds longest = 0, last = begin;
  for (const Point& point : points_) {
    if (point.time <= begin) continue;
    longest = std::max(longest, std::min(point.time, end) - last);
    if (point.time >= end) return longest;
    last = point.time;
  }
  return std::max(longest, end - last);
}

void PowerIntegral::add(std::int64_t microwatts, Nanoseconds when) {
  ++reads_;
  if (!started_ || microwatts != last_uw_) ++changed_;
  if (started_) {
    const Nanoseconds step = when - last_;
    if (step <= 0) return;
    if (step > max_gap_) ++gaps_;
    longest_gap_ = std::max(longest_gap_, step);
    // uW × ns = fJ; the trapezoid's half
    total_fj_ += (static_cast<Int128>(last_uw_) + microwatts) * step / 2;
  }
  started_ = true;
  last_uw_ = microwatts;
  last_ = when;
}

}  // namespace godwit::energy
