// Estimates: the literature's trend, what is refused, and ranges.
#include "runtime/energy/protocol/estimate.h"

#include <gtest/gtest.h>
#include <string>
#include <vector>

#include "tests/support/errors.h"

namespace godwit::energy {
namespace {

using support::error_of;

TEST(Trend, DaysCountAsCalendarsDo) {
  EXPECT_EQ(ordinal_day("0001-01-01"), 1);
  EXPECT_EQ(ordinal_day("1970-01-01"), 719163);
  EXPECT_EQ(ordinal_day("2000-02-29"), 730179);
  EXPECT_EQ(ordinal_day("2018-03-27"), 736780);
  for (const char* bad : {"", "2018", "2018-3-27", "2018-13-01", "2019-02-29", "1900-02-29", "2018-00-10",
                          "2018-01-32", "0000-01-01", "2018/01/01", "2018-01-0x", "-018-01-01"}) {
    EXPECT_NE(error_of([&] { (void)ordinal_day(bad); }).find("is not a date"), std::string::npos) << bad;
  }
}

// Desislavov et al., "Trends in AI inference energy consumption" (2023), table K.10: GFLOPs of a forward
// pass, launch of the GPU (P100, V100, RTX 2080 Ti), and the joules printed there.
TEST(Trend, ReproducesThePrintedEstimates) {
  struct Row {
    double gflops;
    const char* date;
    double printed;
  };
  const Row rows[] = {{1.42, "2016-05-20", 0.035}, {1.42, "2018-03-27", 0.022}, {1.42, "2018-09-20", 0.019},
                      {3.0, "2016-05-20", 0.074},  {3.0, "2018-03-27", 0.046},  {3.0, "2018-09-20", 0.040},
                      {7.6, "2016-05-20", 0.189},  {7.6, "2018-03-27", 0.116},  {7.6, "2018-09-20", 0.102},
                      {31.0, "2016-05-20", 0.769}, {31.0, "2018-03-27", 0.473}, {31.0, "2018-09-20", 0.417}};
  for (const Row& row : rows) {
    const Estimated<Joules> joules = estimate_by_trend(row.gflops * 1e9, ordinal_day(row.date), "f32");
    EXPECT_NEAR(joules.middle(), row.printed, 0.00051) << row.gflops << " " << row.date;
    EXPECT_DOUBLE_EQ(joules.low(), joules.middle() / 4);
    EXPECT_DOUBLE_EQ(joules.high(), joules.middle() * 4);
  }
  EXPECT_NEAR(Trend().per_year(), 1.30, 0.005);
}

TEST(Trend, RefusesInt8AndWhatLiesPastTheData) {
  const auto error = [](const char* date, const char* precision) {
    return error_of([&] { (void)estimate_by_trend(1e9, ordinal_day(date), precision); });
  };
  EXPECT_NE(error("2018-03-27", "int8").find("int8"), std::string::npos);
  EXPECT_EQ(error("2018-03-27", "bf16"), "");
  EXPECT_NE(error("2010-11-08", "f32").find("2010-11-09 to 2020-09-01"), std::string::npos);
  EXPECT_EQ(error("2010-11-09", "f32"), "");
  EXPECT_EQ(error("2020-09-01", "f32"), "");
  EXPECT_NE(error("2026-01-01", "f32").find("not drawn past"), std::string::npos);
}

// 30 CPU seconds of 8 CPUs that draw 65 W together, idle 5 W: 30 (65 - 5) / 8 + 10 x 5.
TEST(CpuEstimate, ByHandOnBareMetal) {
  PowerFacts facts;
  facts.max_w = 65;
  facts.max_source = "--tdp";
  facts.idle_w = 5;
  const auto estimate = estimate_by_cpu_time({30, 10, 4, 8, false}, facts);
  ASSERT_TRUE(estimate);
  EXPECT_DOUBLE_EQ(estimate->total.middle(), 30 * 60.0 / 8 + 50);
  EXPECT_DOUBLE_EQ(estimate->total.low(), estimate->total.middle() / 4);
  EXPECT_DOUBLE_EQ(estimate->total.high(), estimate->total.middle() * 4);
  EXPECT_EQ(estimate->method, "cpu");
}

// Two CPUs of a guest on a host with 64: the host's power is shared by 64, the idle term by 2 / 64.
TEST(CpuEstimate, AGuestBearsItsShareOrNone) {
  PowerFacts facts;
  facts.max_w = 320;
  facts.idle_w = 64;
  facts.host_cpus = 64;
  const CpuWork work{20, 10, 2, 2, true};
  EXPECT_DOUBLE_EQ(estimate_by_cpu_time(work, facts)->total.middle(), 20 * 256.0 / 64 + 10 * 64 * 2.0 / 64);
  facts.host_cpus.reset();
  const auto unknown = estimate_by_cpu_time(work, facts);
  EXPECT_DOUBLE_EQ(unknown->total.middle(), 20 * 256.0 / 2);
  EXPECT_NE(unknown->basis.find("no idle share: --host-cpus was not given"), std::string::npos)
      << unknown->basis;
}

TEST(CpuEstimate, NothingIsAssumed) {
  const CpuWork work{20, 10, 2, 2, false};
  EXPECT_FALSE(estimate_by_cpu_time(work, {}));
  PowerFacts facts;
  facts.max_w = 100;
  EXPECT_NE(estimate_by_cpu_time(work, facts)->basis.find("the idle power is not known"), std::string::npos);
  facts.idle_w = 100;
  EXPECT_NE(error_of([&] { (void)estimate_by_cpu_time(work, facts); }).find("is not below"),
            std::string::npos);
  facts.idle_w = 10;
  facts.host_cpus = 1;
  EXPECT_NE(error_of([&] { (void)estimate_by_cpu_time(work, facts); }).find("fewer than the 2"),
            std::string::npos);
}

// Three readings each about 10, 30 and 50 W, at most 1 % off.
const std::vector<PowerReading> kReadings = {{0, 10},   {0, 10.1}, {0, 9.9},  {1, 30},  {1, 30.3},
                                             {1, 29.7}, {4, 50},   {4, 50.5}, {4, 49.5}};

PowerProfile profile() {
  PowerProfile profile = fit_profile(kReadings);
  profile.cpu = "some CPU";
  profile.date = "2026-11-21";
  profile.scope = "package";
  profile.cpus = 4;
  return profile;
}

TEST(Profile, FindsIdleAndBusyPowerAndItsError) {
  const PowerProfile found = profile();
  EXPECT_NEAR(found.idle_w, 10, 1e-9);
  ASSERT_EQ(found.busy.size(), 2U);
  EXPECT_NEAR(found.max_w(), 50, 1e-9);
  // Six relative deviations of 1 % and nine readings less three means: 1.96 x 1 %.
  EXPECT_NEAR(found.error, 0.0196, 1e-6);
  EXPECT_NEAR(found.watts_at(0), 10, 1e-9);
  EXPECT_NEAR(found.watts_at(0.5), 20, 1e-9);
  EXPECT_NEAR(found.watts_at(2.5), 40, 1e-9);
  EXPECT_NEAR(found.watts_at(7), 70, 1e-9);
}

TEST(Profile, GivesTheEstimateItsRange) {
  PowerFacts facts;
  facts.profile = profile();
  facts.cpu = "some CPU";
  // Four threads busy for 10 s each: (50 - 10) / 4 W a thread, and 10 W of the idle machine.
  const auto same = estimate_by_cpu_time({40, 10, 4, 4, false}, facts);
  EXPECT_NEAR(same->total.middle(), 500, 1e-6);
  EXPECT_NEAR(same->total.high(), 500 * 1.0196, 0.01);
  for (const char* words : {"some CPU", "2026-11-21", "95 % error 2.0 %"})
    EXPECT_NE(same->basis.find(words), std::string::npos) << same->basis;
  facts.cpu = "another CPU";
  const auto other = estimate_by_cpu_time({40, 10, 4, 4, false}, facts);
  EXPECT_NEAR(other->total.high(), 2000, 1e-6);
  EXPECT_NE(other->basis.find("this machine is another"), std::string::npos) << other->basis;
}

TEST(Profile, IsReadBackAndBadOnesAreRefused) {
  const std::string text = to_json_text(profile());
  EXPECT_EQ(to_json_text(profile_from_json(text, "p")), text);
  EXPECT_NE(error_of([] { (void)profile_from_json("{}", "p"); }), "");
  EXPECT_NE(error_of([] { (void)profile_from_json("[", "p"); }), "");
  const auto changed = [&](const std::string& from, const std::string& to) {
    std::string bad = text;
    bad.replace(bad.find(from), from.size(), to);
    return error_of([&] { (void)profile_from_json(bad, "p"); });
  };
  EXPECT_NE(changed("\"threads\": 1", "\"threads\": 0").find("rising numbers of threads"), std::string::npos);
  EXPECT_NE(changed("\"cpus\": 4", "\"cpus\": \"4\"").find("of another type"), std::string::npos);
  EXPECT_NE(changed("\"busy\"", "\"lazy\"").find("lacks a field"), std::string::npos);
}

TEST(Profile, ReadingsThatShowNoWorkAreRefused) {
  EXPECT_NE(error_of([] { (void)fit_profile({{0, 10}, {0, 10}}); }), "");
  EXPECT_NE(error_of([] {
              (void)fit_profile({{0, 10}, {0, 10}, {1, 9}, {1, 9}});
            }).find("does not see"),
            std::string::npos);
  EXPECT_NE(error_of([] { (void)fit_profile({{0, -1}}); }), "");
}

}  // namespace
}  // namespace godwit::energy
