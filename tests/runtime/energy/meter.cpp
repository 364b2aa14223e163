// Meters' logs: what lines say, what accuracies mean, and how clocks are found.
#include "runtime/energy/protocol/meter.h"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "runtime/error.h"
#include "tests/runtime/energy/simulated.h"
#include "tests/support/figure.h"

namespace godwit::energy {
namespace {

TEST(MeterTime, IsSecondsMillisecondsOrIso) {
  constexpr Nanoseconds kWhen = 1'763'695'800 * kSecond;
  EXPECT_EQ(parse_meter_time("1763695800"), kWhen);
  EXPECT_EQ(parse_meter_time("1763695800.25"), kWhen + kSecond / 4);
  EXPECT_EQ(parse_meter_time("1763695800250"), kWhen + kSecond / 4);
  EXPECT_EQ(parse_meter_time("2025-11-21T03:30:00Z"), kWhen);
  EXPECT_EQ(parse_meter_time("2025-11-21 03:30:00.250"), kWhen + kSecond / 4);
  EXPECT_EQ(parse_meter_time("2025-11-21T04:30:00+01:00"), kWhen);
  EXPECT_EQ(parse_meter_time("2024-02-29T00:00:00Z"), 1'709'164'800 * kSecond);
  for (const char* bad : {"", "noon", "2025-13-01T00:00:00Z", "2025-11-21T03:30:00X", "-5", "1e99", "nan"}) {
    EXPECT_FALSE(parse_meter_time(bad)) << bad;
  }
}

TEST(MeterAccuracy, IsOfReadingAndAbsolute) {
  EXPECT_DOUBLE_EQ(parse_meter_accuracy("0.5%rdg+0.1W").of_reading, 0.005);
  EXPECT_DOUBLE_EQ(parse_meter_accuracy("0.5%rdg+0.1W").watts, 0.1);
  EXPECT_DOUBLE_EQ(parse_meter_accuracy("1%").of_reading, 0.01);
  EXPECT_DOUBLE_EQ(parse_meter_accuracy("0.2 W").watts, 0.2);
  for (const char* bad : {"", "good", "1", "-1%", "1%+", "inf%"})
    EXPECT_THROW(parse_meter_accuracy(bad), Error) << bad;
}

TEST(MeterLog, ReadsHeadersNumbersAndChosenColumns) {
  const MeterLog watts = parse_meter_log("t,watts\n1,40\n2,50\n3,60\n", "x");
  EXPECT_FALSE(watts.joules);
  ASSERT_EQ(watts.readings.size(), 3U);
  EXPECT_DOUBLE_EQ(series_of(watts).joules(1 * kSecond, 3 * kSecond), 100);
  const MeterLog bare = parse_meter_log("# from a meter\n1,40\n2,50\n", "x");
  EXPECT_EQ(bare.readings.size(), 2U);
  const MeterLog joules = parse_meter_log("time,volts,joules\n1,230,0\n2,230,45\n3,230,90\n4,230,5\n", "x");
  EXPECT_TRUE(joules.joules);
  EXPECT_DOUBLE_EQ(series_of(joules).joules(1 * kSecond, 3 * kSecond), 90);
  const MeterColumns columns = parse_meter_columns("t=2,watts=P");
  const MeterLog chosen = parse_meter_log("n,when,P\n0,1,40\n1,2,50\n", "x", columns);
  EXPECT_EQ(chosen.readings[1].value, 50);
  EXPECT_THROW(parse_meter_columns("watts=P"), Error);
  EXPECT_THROW(parse_meter_log("n,when\n0,1\n", "x", columns), Error);
}

TEST(MeterLog, LeavesOutLinesWithoutAValueAndRefusesTheRest) {
  const MeterLog log = parse_meter_log("t,watts\n1,40\n2,nan\n2.5,unavailable\n2.7,\n3,60\n4,5", "x");
  ASSERT_EQ(log.readings.size(), 2U);  // the last line has no end: it is still being written
  EXPECT_EQ(log.skipped, 3U);
  for (const char* line : {"nonsense", "2,1e300", "0.5,7", "2,40 W", "2,0x28", "noon,40", "2,40,1", "2"}) {
    EXPECT_THROW(parse_meter_log(fmt::format("t,watts\n1,40\n{}\n3,60\n", line), "x"), Error) << line;
  }
  EXPECT_THROW(parse_meter_log("", "x"), Error);
  EXPECT_THROW(parse_meter_log("t,watts\n1,2\n", "x"), Error);
  EXPECT_THROW(parse_meter_log(std::string(1000, '\0'), "x"), Error);
}

// The log that a meter beside the simulated machine would have written.
struct MeteredRun {
  RunLog log;
  ProtocolOptions options;
  std::vector<Workload> workloads;
  MeterLog meter;
  double middle_s = 0;  // of the run, since the meter began
};

MeteredRun metered(double hertz, double offset_s, double drift, double loss, std::uint64_t seed) {
  MeteredRun result;
  test::Simulated machine;
  result.options.pulses = true;
  result.options.rounds = 2;
  const auto step = static_cast<Nanoseconds>(1e9 / hertz);
  support::Random random(seed);
  const Nanoseconds begin = machine.clock.now().mono;
  double last_joules = 0;
  Nanoseconds last = begin;
  // An integrating meter: the mean power since the reading before, told at the middle of that time.
  const auto ticker = machine.clock.every(step, [&] {
    const Nanoseconds now = machine.clock.now().mono;
    const double joules = machine.plant.joules();
    const double watts = (joules - last_joules) / to_seconds(now - last);
    const Nanoseconds middle = now - (now - last) / 2;
    last = now;
    last_joules = joules;
    if (random.uniform() < loss) return;
    const double passed = to_seconds(middle - begin);
    const Nanoseconds told =
        middle + support::VirtualClock::kUnixMinusMono + from_seconds(passed * drift - offset_s);
    result.meter.readings.push_back({told, watts});
  });
  machine.clock.advance(5 * kSecond + static_cast<Nanoseconds>(random.uniform() * 1e9));
  result.log = machine.run(result.options);
  result.middle_s = to_seconds((result.log.begin() + result.log.end()) / 2 - begin);
  machine.clock.advance(2 * kSecond);
  result.workloads = {machine.workload()};
  return result;
}

// Offsets of up to half a minute, clocks that drift by 50 ppm, readings that get lost: found within half a
// sample or refused, and the energy within what is stated.
TEST(MeterJoin, FindsTheOffsetWithinHalfASampleOrRefuses) {
  support::Random random(11);
  int found = 0, refused = 0;
  double worst = 0;
  for (const double hertz : {1.0, 16.0, 100.0}) {
    for (const double offset : {-30.0, -7.3, 0.0, 0.4, 12.25, 30.0}) {
      const MeteredRun run = metered(hertz, offset, 50e-6, 0.05, random.next());
      std::string note;
      const EnergySource source =
          source_of(run.meter, run.log, MeterClock::pulse, "wall", MeterAccuracy{0.01, 0.2}, note);
      if (source.verdict.invalid()) {
        ++refused;
        continue;
      }
      ++found;
      MeterLog ours = run.meter;
      for (MeterReading& reading : ours.readings) reading.unix_time -= run.log.unix_minus_mono;
      const Alignment alignment = align(ours, activities_of(run.log), 31);
      // A clock that drifts has the offset of the run's middle.
      const double error = std::abs(alignment.offset_s - (offset - run.middle_s * 50e-6));
      worst = std::max(worst, error * hertz);
      EXPECT_LE(error, 0.5 / hertz) << hertz << " Hz, offset " << offset;
      const EnergyResult result = analyse(run.log, run.options, run.workloads, source).front();
      EXPECT_EQ(result.energy.quality, Quality::external);
      const double truth = 30 * result.seconds;
      EXPECT_LE(result.energy.ci95_j->low, truth) << note;
      EXPECT_GE(result.energy.ci95_j->high, truth) << note;
    }
  }
  support::figure("found", found);
  support::figure("refused", refused);
  support::figure("worst_error_in_samples", worst);
  EXPECT_GE(found, 12);
}

TEST(MeterJoin, AFlatLogNeedsNoOffsetAndIsTakenAsItStands) {
  MeteredRun run = metered(10, 0, 0, 0, 3);
  for (MeterReading& reading : run.meter.readings) reading.value = 42.5;
  std::string note;
  const EnergySource source =
      source_of(run.meter, run.log, MeterClock::automatic, "wall", MeterAccuracy{0.005, 0.1}, note);
  const EnergyResult result = analyse(run.log, run.options, run.workloads, source).front();
  EXPECT_FALSE(result.verdict.invalid()) << result.verdict.to_string();
  EXPECT_NEAR(result.energy.gross.value(), 42.5 * result.seconds, 1e-3);
  // (0.5 % of 42.5 W + 0.1 W) / √3
  EXPECT_NEAR(result.energy.uncertainty.meter.value(), 0.3125 / std::sqrt(3) * result.seconds, 1e-3);
  EXPECT_TRUE(source_of(run.meter, run.log, MeterClock::pulse, "wall", std::nullopt, note).verdict.invalid());
}

TEST(MeterJoin, PowerThatDoesNotFollowTheLoadIsRefused) {
  MeteredRun run = metered(10, 0, 0, 0, 3);
  support::Random random(5);
  for (std::size_t i = 0; i < run.meter.readings.size(); ++i) {
    run.meter.readings[i].value = 40 + 20 * std::sin(static_cast<double>(i) / 55) + random.uniform();
  }
  std::string note;
  const EnergySource source =
      source_of(run.meter, run.log, MeterClock::automatic, "wall", std::nullopt, note);
  EXPECT_EQ(source.verdict.to_string(), "invalid:meter-unaligned");
  EXPECT_TRUE(note.starts_with("clock not aligned: ")) << note;
}

// Removes the readings of the four seconds around a moment of our clock.
void make_hole(MeteredRun& run, Nanoseconds middle) {
  std::erase_if(run.meter.readings, [&](const MeterReading& reading) {
    return std::abs(reading.unix_time - middle - run.log.unix_minus_mono) < 2 * kSecond;
  });
}

EnergyResult joined(const MeteredRun& run, MeterClock clock = MeterClock::automatic) {
  std::string note;
  const EnergySource source = source_of(run.meter, run.log, clock, "wall", MeterAccuracy{0.01, 0.2}, note);
  return analyse(run.log, run.options, run.workloads, source).front();
}

TEST(MeterJoin, AHoleInARoundIsSuspectAndLeftOut) {
  MeteredRun run = metered(10, 0, 0, 0, 3);
  const EnergyResult whole = joined(run);
  EXPECT_EQ(whole.verdict.to_string(), "valid");
  make_hole(run, run.log.rounds[0][0].begin + 5 * kSecond);
  // Nobody asks what a meter would have shown meanwhile: readings at the hole's edges do not tell.
  const EnergyResult result = joined(run);
  EXPECT_EQ(result.verdict.to_string(), "suspect:meter-gap");
  ASSERT_EQ(result.window_s.size(), 2U);
  // Four seconds, and what lies between the last readings and them: two steps of a tenth at most.
  EXPECT_NEAR(whole.window_s[0] - result.window_s[0], 4, 0.2);
  EXPECT_EQ(result.window_s[1], whole.window_s[1]);
  EXPECT_NEAR(result.seconds, result.window_s[0] + result.window_s[1], 1e-9);
  // Only runs that were seen count: twenty a second.
  EXPECT_NEAR(static_cast<double>(result.repetitions), 20 * result.seconds, 2);
  EXPECT_LE(result.energy.ci95_j->low, 30 * result.seconds);
  EXPECT_GE(result.energy.ci95_j->high, 30 * result.seconds);
}

TEST(MeterJoin, AHoleInIdleTimeIsSuspectToo) {
  MeteredRun run = metered(10, 0, 0, 0, 3);
  const EnergyResult whole = joined(run);
  make_hole(run, run.log.before->begin + 5 * kSecond);
  const EnergyResult result = joined(run);
  EXPECT_EQ(result.verdict.to_string(), "suspect:meter-gap");
  EXPECT_EQ(result.window_s, whole.window_s);
}

TEST(MeterJoin, ALogThatHardlySeesARoundOrEndsBeforeItIsInvalid) {
  MeteredRun run = metered(10, 0, 0, 0, 3);
  for (int second = 2; second <= 8; second += 2)
    make_hole(run, run.log.rounds[0][0].begin + second * kSecond);
  EXPECT_EQ(joined(run, MeterClock::trusted).verdict.to_string(), "invalid:meter-gap");
  MeteredRun ended = metered(10, 0, 0, 0, 3);
  const Nanoseconds end = ended.log.rounds[0][1].begin + kSecond + ended.log.unix_minus_mono;
  std::erase_if(ended.meter.readings, [&](const MeterReading& reading) { return reading.unix_time > end; });
  EXPECT_TRUE(joined(ended, MeterClock::trusted).verdict.invalid());
}

TEST(MeterJoin, ALogOfAnotherTimeSaysBothTimes) {
  MeteredRun run = metered(10, 0, 0, 0, 3);
  for (MeterReading& reading : run.meter.readings) reading.unix_time += 3600 * kSecond;
  run.meter.zoneless = true;
  std::string note;
  const EnergySource source =
      source_of(run.meter, run.log, MeterClock::automatic, "wall", std::nullopt, note);
  EXPECT_EQ(source.verdict.to_string(), "invalid:meter-gap");
  EXPECT_TRUE(note.starts_with("the log tells of 20")) << note;
  EXPECT_NE(note.find("no time zone"), std::string::npos) << note;
}

// The same run by a running total: joules, and the total's resolution in what is stated.
TEST(MeterJoin, ATotalOfEnergyGivesTheSameAsPower) {
  const MeteredRun run = metered(10, 0, 0, 0, 3);
  const EnergyResult power = joined(run);
  MeteredRun total = run;
  total.meter.joules = true;
  double joules = 1000;
  for (std::size_t i = 0; i < run.meter.readings.size(); ++i) {
    if (i > 0) {
      joules += (run.meter.readings[i].value + run.meter.readings[i - 1].value) / 2 *
                to_seconds(run.meter.readings[i].unix_time - run.meter.readings[i - 1].unix_time);
    }
    total.meter.readings[i].value = joules;
  }
  const EnergyResult counted = joined(total, MeterClock::trusted);
  const EnergyResult trusted = joined(run, MeterClock::trusted);
  EXPECT_EQ(counted.verdict.to_string(), "valid");
  // Powers are held in whole microwatts, totals in nanojoules.
  EXPECT_NEAR(counted.energy.gross.value(), trusted.energy.gross.value(), 1e-6 * power.seconds);
  EXPECT_EQ(joined(total).verdict.to_string(), "valid");
  make_hole(total, total.log.rounds[0][0].begin + 5 * kSecond);
  EXPECT_EQ(joined(total).verdict.to_string(), "suspect:meter-gap");
}

TEST(MeterJoin, ATotalInStepsTooLargeForARoundIsSaidSo) {
  MeteredRun run = metered(10, 0, 0, 0, 3);
  // 30 W for ten seconds, in steps of 36 J and of 3.6 kJ.
  for (const auto& [step, verdict] :
       {std::pair(36.0, "suspect:meter-coarse"), {3600.0, "invalid:meter-coarse"}}) {
    MeteredRun coarse = run;
    coarse.meter.joules = true;
    coarse.meter.resolution_j = step;
    double joules = 3550;
    for (MeterReading& reading : coarse.meter.readings) {
      joules += reading.value / 10;
      reading.value = std::floor(joules / step) * step;
    }
    const std::string told = joined(coarse, MeterClock::trusted).verdict.to_string();
    EXPECT_TRUE(told.find("meter-coarse") != std::string::npos || told == "invalid:no-power") << told;
    EXPECT_EQ(told.substr(0, told.find(':')), std::string(verdict).substr(0, std::string(verdict).find(':')));
  }
}

TEST(MeterStream, NamesWhatItCannotOpen) {
  EXPECT_THROW(MeterStream::open("csv:/nonexistent/meter.csv"), Error);
  EXPECT_THROW(MeterStream::open("fd:999"), Error);
  EXPECT_THROW(MeterStream::open("usb"), Error);
}

}  // namespace
}  // namespace godwit::energy
