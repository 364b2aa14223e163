// Sweeps over simulated devices whose best point is known.
#include "runtime/energy/protocol/sweep.h"

#include <cmath>
#include <gtest/gtest.h>
#include <random>
#include <set>
#include <vector>

#include "runtime/energy/protocol/efficiency.h"
#include "tests/support/errors.h"
#include "tests/support/figure.h"

namespace godwit::energy {
namespace {

// Power and throughput at a level, with noise of a standard deviation of `noise` on both.
struct Device {
  std::function<Operating(const SweepPoint&)> at;
  double noise = 0.002;
  std::mt19937_64 random{7};

  SweepSample measure(const SweepPoint& point) {
    std::normal_distribution<double> normal(1, noise);
    const Operating exact = at(point);
    const double watts = exact.watts * normal(random), img_s = exact.img_s * normal(random);
    SweepSample sample;
    sample.joules = Measured<Joules>(Joules{watts / img_s});
    sample.img_s = img_s;
    sample.mean_w = watts;
    sample.p99_ms = 1e3 / img_s;
    return sample;
  }
};

SweepResult run(Device& device, const SweepOptions& options) {
  return sweep(options, [&](const SweepPoint& point) { return device.measure(point); });
}

// A device that passes through two stated points: uncapped, and capped at the ratio of their watts, where it
// is best; below it throughput falls faster than power, as a core near its lowest voltage does.
Operating through(const Operating& uncapped, const Operating& capped, double level) {
  const double knee = capped.watts / uncapped.watts;
  if (level >= 1) return uncapped;
  if (level >= knee) {
    const double part = (level - knee) / (1 - knee);
    return {uncapped.watts * level, capped.img_s + part * (uncapped.img_s - capped.img_s)};
  }
  return {uncapped.watts * level, capped.img_s * std::pow(level / knee, 2)};
}

// Region Halland and Aixia 2025, section 7.1.4, H100: 579 W and 26,170 img/s, capped 298 W and 20,394 img/s;
// they state +51 % images per SEK at -22 % img/s.
TEST(Sweep, FindsThePointOfTheH100) {
  Device device{[](const SweepPoint& point) { return through({579, 26170}, {298, 20394}, point.level); }};
  SweepOptions options;
  options.objective = Objective::cost;
  options.finest_level = 0.01;
  const SweepResult result = run(device, options);
  ASSERT_TRUE(result.best);
  EXPECT_TRUE(result.gain);
  const SweepResult::Point &best = result.points[*result.best], &before = result.points[result.reference];
  EXPECT_EQ(before.point.level, 1);
  EXPECT_NEAR(best.point.level, 298.0 / 579, 0.02);
  const CapEffect effect = effect_of_cap({before.mean_w, before.img_s}, {best.mean_w, best.img_s});
  EXPECT_NEAR(effect.images_per_unit, 0.51, 0.02);
  EXPECT_NEAR(effect.img_s, -0.22, 0.02);
}

// The two stated points alone, without refinement.
TEST(Sweep, TheTwoStatedPointsGiveTheStatedGain) {
  Device device{[](const SweepPoint& point) {
                  return through({579, 26170}, {298, 20394}, point.level);
                },
                0.0005};
  SweepOptions options;
  options.levels = {1, 298.0 / 579};
  options.finest_level = 1;
  const SweepResult result = run(device, options);
  ASSERT_EQ(result.points.size(), 2U);
  EXPECT_TRUE(result.gain);
  const CapEffect effect = effect_of_cap({result.points[0].mean_w, result.points[0].img_s},
                                         {result.points[1].mean_w, result.points[1].img_s});
  support::figure("images_per_unit_percent", 100 * effect.images_per_unit);
  support::figure("img_s_percent", 100 * effect.img_s);
  EXPECT_NEAR(100 * effect.images_per_unit, 51.4, 0.5);
  EXPECT_NEAR(100 * effect.img_s, -22.1, 0.5);
}

// The same source, RTX A10: 88 W and 1,888 img/s, capped 76 W and 1,537 img/s: a cap loses.
TEST(Sweep, LeavesTheA10Uncapped) {
  for (const bool refined : {false, true}) {
    Device device{[](const SweepPoint& point) { return through({88, 1888}, {76, 1537}, point.level); }};
    SweepOptions options;
    options.levels = {1, 76.0 / 88, 0.7};
    if (!refined) options.finest_level = 1;
    const SweepResult result = run(device, options);
    EXPECT_FALSE(result.gain);
    ASSERT_TRUE(result.best);
    EXPECT_GT(result.points[*result.best].point.level, 0.9);
  }
}

// Nothing changes with the cap: the best of many equal points is luck, and the intervals say so.
TEST(Sweep, NoiseIsNoGain) {
  int gains = 0;
  for (unsigned seed = 0; seed < 40; ++seed) {
    Device device{[](const SweepPoint& point) {
                    return Operating{100 * point.level, 1000 * point.level};
                  },
                  0.01};
    device.random.seed(seed);
    SweepOptions options;
    options.levels = {1, 0.8, 0.6};
    options.finest_level = 1;
    gains += run(device, options).gain ? 1 : 0;
  }
  EXPECT_LE(gains, 2);
}

// P = 40 + 60 f^3, images as f: J/img = 40/f + 60 f^2 is least at f = (40/120)^(1/3) = 0.693; EDP, which is
// 40/f^2 + 60 f, at (80/60)^(1/3) = 1.10, so uncapped.
TEST(Sweep, RefinesToTheKnownOptimumOfEachObjective) {
  const auto cubic = [](const SweepPoint& point) {
    return Operating{40 + 60 * std::pow(point.level, 3), 1000 * point.level};
  };
  for (const Objective objective :
       {Objective::img_per_kwh, Objective::joules, Objective::cost, Objective::edp}) {
    Device device{cubic, 0.0002};
    SweepOptions options;
    options.objective = objective;
    const SweepResult result = run(device, options);
    ASSERT_TRUE(result.best);
    const double expected = objective == Objective::edp ? 1 : std::cbrt(1.0 / 3);
    EXPECT_NEAR(result.points[*result.best].point.level, expected, 0.03) << name_of(objective);
    EXPECT_EQ(result.gain, objective != Objective::edp);
  }
}

TEST(Sweep, KeepsItsFloors) {
  const auto cubic = [](const SweepPoint& point) {
    return Operating{40 + 60 * std::pow(point.level, 3), 1000 * point.level};
  };
  Device device{cubic, 0.0002};
  SweepOptions options;
  options.floors.min_img_s = 840;
  const SweepResult result = run(device, options);
  ASSERT_TRUE(result.best);
  EXPECT_NEAR(result.points[*result.best].point.level, 0.85, 0.03);
  EXPECT_GE(result.points[*result.best].img_s, 840);
  for (const SweepResult::Point& point : result.points)
    EXPECT_EQ(point.img_s < 840, point.refused.find("img/s is below 840") != std::string::npos)
        << point.point.level;

  options.floors = {};
  options.floors.max_p99_ms = 1.1;  // 1000 / img_s here
  EXPECT_GE(run(device, options).points[*run(device, options).best].img_s, 900);
  options.floors.max_p99_ms = 0.1;
  EXPECT_FALSE(run(device, options).best);
  options.floors = {};
  options.floors.min_top1 = 70;
  const SweepResult unknown = run(device, options);
  EXPECT_FALSE(unknown.best);
  EXPECT_EQ(unknown.points[0].refused, "its top-1 is not known");
}

TEST(Sweep, AccuracyBelowItsFloorIsNoAnswerHoweverCheap) {
  SweepOptions options;
  options.precisions = {"f32", "int8"};
  options.floors.min_top1 = 75;
  const SweepResult result = sweep(options, [](const SweepPoint& point) {
    SweepSample sample;
    sample.joules = Measured<Joules>(Joules{point.precision == "int8" ? 0.1 : 1.0});
    sample.img_s = 10;
    sample.top1 = point.precision == "int8" ? 46.0 : 76.1;
    return sample;
  });
  ASSERT_TRUE(result.best);
  EXPECT_EQ(result.points[*result.best].point.precision, "f32");
}

// Threads and batches go through the grid; the best of them uncapped is the reference.
TEST(Sweep, ComparesWithTheBestUncappedPoint) {
  Device device{
      [](const SweepPoint& point) {
        return Operating{50 + 10.0 * point.threads, 100.0 * point.threads * std::sqrt(double(point.batch))};
      },
      0.001};
  SweepOptions options;
  options.threads = {1, 2, 4};
  options.batches = {1, 4};
  options.levels = {1, 0.7};
  const SweepResult result = run(device, options);
  const SweepResult::Point& reference = result.points[result.reference];
  EXPECT_EQ(reference.point.threads, 4);
  EXPECT_EQ(reference.point.batch, 4);
  EXPECT_FALSE(result.gain);  // the cap does nothing here
}

// No point is measured three times in a row: a drift of the machine hits all alike.
TEST(Sweep, PointsTakeTurns) {
  std::vector<double> order;
  SweepOptions options;
  options.rounds = 3;
  options.finest_level = 1;
  (void)sweep(options, [&](const SweepPoint& point) {
    order.push_back(point.level);
    SweepSample sample;
    sample.joules = Measured<Joules>(Joules{1});
    sample.img_s = 1;
    return sample;
  });
  ASSERT_EQ(order.size(), 12U);
  for (std::size_t round = 0; round < 3; ++round) {
    const std::set<double> levels(order.begin() + static_cast<std::ptrdiff_t>(4 * round),
                                  order.begin() + static_cast<std::ptrdiff_t>(4 * round + 4));
    EXPECT_EQ(levels.size(), 4U) << round;
  }
}

TEST(Sweep, ANoteCountsAgainstAPoint) {
  SweepOptions options;
  options.finest_level = 1;
  const SweepResult result = sweep(options, [](const SweepPoint& point) {
    SweepSample sample;
    sample.joules = Measured<Joules>(Joules{point.level});
    sample.img_s = 1;
    if (point.level < 0.5) sample.note = "cap not effective";
    return sample;
  });
  EXPECT_EQ(result.points[*result.best].point.level, 0.6);
}

TEST(Sweep, OptionsThatMakeNoSweepAreErrors) {
  const auto error = [](const SweepOptions& options) {
    return support::error_of([&] { (void)sweep(options, [](const SweepPoint&) { return SweepSample(); }); });
  };
  SweepOptions options;
  options.rounds = 1;
  EXPECT_NE(error(options), "");
  options = {};
  options.levels = {0};
  EXPECT_NE(error(options), "");
  options = {};
  options.threads.clear();
  EXPECT_NE(error(options), "");
  EXPECT_EQ(objective_of("EDP"), Objective::edp);
  EXPECT_FALSE(objective_of("speed"));
}

}  // namespace
}  // namespace godwit::energy
