// Counters: sums across wraps are the truth, and what cannot be told is flagged.
#include "runtime/energy/sensors/counter.h"

#include <gtest/gtest.h>

#include "tests/support/figure.h"
#include "tests/support/random.h"

namespace godwit::energy {
namespace {

TEST(CounterUnit, FollowsFromTheRange) {
  // Ranges that Linux shows for units of 2^-14 J and 2^-16 J, which it rounds to whole nanojoules.
  EXPECT_EQ(unit_of_range(262'143'328'850), 61'035);
  EXPECT_EQ(unit_of_range(65'712'999'613), 15'300);
  EXPECT_EQ(unit_of_range(0), 1000);
  EXPECT_EQ(unit_of_range(12'345), 1000);
}

TEST(CounterRange, SaysHowOftenToRead) {
  CounterRange range{262'143'328'850, 61'035, 250};
  EXPECT_NEAR(to_seconds(range.ambiguous_after()), 17.5 * 60, 2);  // C3: wraps in 17.5 min at 250 W
  EXPECT_EQ(range.guard_interval(), 10 * kSecond);
  range = {65'712'999'613, 15'300, 280};
  EXPECT_NEAR(to_seconds(range.ambiguous_after()), 3.9 * 60, 2);
  range.max_power_w = 5000;
  EXPECT_LT(range.guard_interval(), 4 * kSecond);
}

TEST(Counter, EqualReadingsAreNothingAndNeverAWrap) {
  Counter counter({1'000'000, 1000, 500});
  EXPECT_EQ(counter.add(5, {0, 0}), CounterFault::none);
  EXPECT_EQ(counter.add(5, {kSecond / 1000, kSecond / 1000}), CounterFault::none);
  EXPECT_TRUE(counter.total_uj() == 0);
  EXPECT_EQ(counter.wraps(), 0);
  EXPECT_EQ(counter.changed(), 1);
}

TEST(Counter, AWrapCostsTheRangeAndOneUnit) {
  Counter counter({262'143'328'850, 61'035, 500});
  counter.add(262'143'328'850, {0, 0});
  EXPECT_EQ(counter.add(61, {kSecond, kSecond}), CounterFault::none);
  EXPECT_TRUE(counter.total_uj() == 61 + 61);
  EXPECT_EQ(counter.wraps(), 1);
}

TEST(Counter, LongGapsResetsAndSuspendsAreFlagged) {
  const CounterRange range{262'143'328'850, 61'035, 500};
  const auto second = [&](std::int64_t from, std::int64_t to, Nanoseconds mono, Nanoseconds boot) {
    Counter counter(range);
    counter.add(from, {0, 0});
    const CounterFault fault = counter.add(to, {mono, boot});
    EXPECT_EQ(counter.worst(), fault);
    return fault;
  };
  EXPECT_EQ(second(0, 10'000'000, 525 * kSecond, 525 * kSecond), CounterFault::gap);
  EXPECT_EQ(second(0, 10'000'000, 520 * kSecond, 520 * kSecond), CounterFault::none);
  EXPECT_EQ(second(9'000'000'000, 0, kSecond, kSecond), CounterFault::reset);
  EXPECT_EQ(second(0, 600'000'000, kSecond, kSecond), CounterFault::reset);  // 600 W of 500
  EXPECT_EQ(second(0, 10'000'000, kSecond, 3 * kSecond), CounterFault::suspended);
  Counter endless({0, 1000, 500});  // 64 bits never wrap: a fall is a reset
  endless.add(100, {0, 0});
  EXPECT_EQ(endless.add(50, {kSecond, kSecond}), CounterFault::reset);
}

TEST(Counter, WholeJoulesGiveThemselvesAway) {
  Counter counter({262'143'328'850, 61'035, 2000});
  for (int i = 0; i < 20; ++i) counter.add(i / 3 * 1'000'000, {i * kSecond / 50, i * kSecond / 50});
  EXPECT_DOUBLE_EQ(counter.resolution_j(), 1.0);
  Counter fine({262'143'328'850, 61'035, 2000});
  for (int i = 0; i < 20; ++i) fine.add(i * 812'345, {i * kSecond / 50, i * kSecond / 50});
  EXPECT_LT(fine.resolution_j(), 1e-4);
}

// Random ranges, units, powers and reading times, 1e5 counters: as long as every gap is shorter than range /
// P_max the sum is the truth but for one step of the register at each end; longer gaps are flagged, always.
TEST(Counter, SumsAreTrueOrFlaggedInHundredThousandRandomCases) {
  support::Random random(20260101);
  int wrapped = 0, flagged = 0;
  for (int i = 0; i < 100'000; ++i) {
    const std::int64_t unit_nj = random.integer(1000, 1'000'000);
    const auto range_uj = static_cast<std::int64_t>(static_cast<Int128>(0xffff'ffffU) * unit_nj / 1000);
    const double most_w = random.uniform(100, 2000);
    const CounterRange range{range_uj, unit_of_range(range_uj), most_w};
    ASSERT_EQ(range.unit_nj, unit_nj);
    const bool too_long = random.uniform() < 0.1;
    Int128 energy_nj = static_cast<Int128>(random.next() % 0xffff'ffffU) * unit_nj;
    const Int128 begin_nj = energy_nj;
    Nanoseconds now = 0;
    Counter counter(range);
    const auto read = [&] {
      const auto reg = static_cast<std::int64_t>(energy_nj / unit_nj % (Int128{1} << 32));
      return counter.add(static_cast<std::int64_t>(static_cast<Int128>(reg) * unit_nj / 1000), {now, now});
    };
    EXPECT_EQ(read(), CounterFault::none);
    const int reads = static_cast<int>(random.integer(1, 12));
    const int long_read = static_cast<int>(random.integer(0, reads - 1));
    for (int r = 0; r < reads; ++r) {
      const bool is_long = too_long && r == long_read;
      const auto limit = static_cast<double>(range.ambiguous_after());
      const auto gap =
          static_cast<Nanoseconds>(limit * (is_long ? random.uniform(1.001, 5) : random.uniform(0, 0.999)));
      now += gap;
      energy_nj += static_cast<Int128>(random.uniform(0, most_w) * static_cast<double>(gap));
      const CounterFault fault = read();
      if (is_long) {
        ASSERT_EQ(fault, CounterFault::gap);
      } else {
        ASSERT_EQ(fault, CounterFault::none) << "case " << i;
      }
    }
    wrapped += counter.wraps() > 0 ? 1 : 0;
    if (too_long) {
      ++flagged;
      ASSERT_EQ(counter.worst(), CounterFault::gap);
      continue;
    }
    // A register step and a microjoule of rounding for the two ends, a microjoule for each wrap.
    const Int128 error_nj = counter.total_uj() * 1000 - (energy_nj - begin_nj);
    const auto error = static_cast<double>(error_nj < 0 ? -error_nj : error_nj);
    ASSERT_LE(error, static_cast<double>(unit_nj + 2000 + 1000 * counter.wraps())) << "case " << i;
  }
  support::figure("cases_with_wraps", wrapped);
  support::figure("cases_flagged", flagged);
  EXPECT_GT(wrapped, 50'000);
  EXPECT_GT(flagged, 5'000);
}

}  // namespace
}  // namespace godwit::energy
