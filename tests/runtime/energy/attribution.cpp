// Joules of layers on a machine whose joules per MAC and per byte are known.
#include "runtime/energy/protocol/attribution.h"

#include <algorithm>
#include <cmath>
#include <ctime>
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "runtime/error.h"
#include "tests/runtime/energy/simulated.h"
#include "tests/support/figure.h"
#include "tests/support/temporary_directory.h"

namespace godwit::energy {
namespace {

constexpr double kPerMac = 8e-12, kPerByte = 60e-12;

struct Layer {
  double macs, bytes, seconds;
  double joules() const { return kPerMac * macs + kPerByte * bytes; }
};

// Layers from 0.1 ms to 2 ms, by MACs and by bytes.
std::vector<Layer> layers() {
  return {{118e6, 3.2e6, 0.5e-3}, {12e6, 6.4e6, 0.15e-3}, {231e6, 2.1e6, 0.9e-3}, {0, 12.8e6, 0.3e-3},
          {462e6, 9.5e6, 2.0e-3}, {51e6, 25e6, 0.8e-3},   {2e6, 8.2e6, 0.1e-3}};
}

class Layers : public testing::Test {
 protected:
  Layers() {
    machine.found = discover(machine.root, machine.perf);
    machine.recorder = std::make_unique<Recorder>(machine.found, machine.clock);
  }
  void run(const Layer& layer) {
    machine.plant.set_extra(layer.joules() / layer.seconds);
    machine.clock.work(from_seconds(layer.seconds));
    machine.plant.set_extra(0);
  }

  test::Simulated machine;
};

TEST_F(Layers, ReplaysAreWithinThreePercentAndClose) {
  std::vector<ReplayItem> items;
  double whole = 0;
  for (const Layer& layer : layers()) {
    whole += layer.joules();
    items.push_back({fmt::format("layer{}", items.size()), [] {}, [this, layer] { run(layer); }});
  }
  const std::vector<Replay> replays = replay(items, machine.clock, *machine.recorder, 15);
  double worst = 0;
  for (std::size_t i = 0; i < replays.size(); ++i) {
    EXPECT_GE(replays[i].seconds, 2);
    worst = std::max(worst, std::abs(replays[i].net_j / layers()[i].joules() - 1));
  }
  support::figure("worst_percent", 100 * worst);
  EXPECT_LT(worst, 0.03);
  // The whole, measured end to end in the same way.
  const std::vector<ReplayItem> all{{"all", [] {},
                                     [this] {
                                       for (const Layer& layer : layers()) run(layer);
                                     }}};
  const double end_to_end = replay(all, machine.clock, *machine.recorder, 15, 10).front().net_j;
  EXPECT_NEAR(end_to_end, whole, 0.03 * whole);
  const double closure = closure_of(replays, end_to_end);
  support::figure("closure", closure);
  EXPECT_GE(closure, 0.97);
  EXPECT_LE(closure, 1.03);
  Verdict verdict;
  judge_closure(closure, verdict);
  EXPECT_TRUE(verdict.valid());
  judge_closure(1.2, verdict);
  EXPECT_EQ(verdict.to_string(), "suspect:closure");
}

TEST_F(Layers, ARegressionFindsWhatAMacAndAByteCost) {
  std::vector<ReplayItem> items;
  std::vector<ActivityRow> rows;
  for (const Layer& layer : layers()) {
    items.push_back({fmt::format("layer{}", items.size()), [] {}, [this, layer] { run(layer); }});
    rows.push_back({items.back().name, {layer.macs, layer.bytes, layer.seconds}, 0});
  }
  const std::vector<Replay> replays = replay(items, machine.clock, *machine.recorder, 15);
  for (std::size_t i = 0; i < rows.size(); ++i) rows[i].joules = replays[i].net_j;
  const ActivityModel model = fit_activity(rows);
  EXPECT_NEAR(model.joules_per[0], kPerMac, 0.05 * kPerMac);
  EXPECT_NEAR(model.joules_per[1], kPerByte, 0.05 * kPerByte);
  for (const double joules : model.joules_per) EXPECT_GE(joules, 0);
  ASSERT_EQ(model.error.size(), rows.size());
  double worst = 0;
  for (const double error : model.error) worst = std::max(worst, std::abs(error));
  support::figure("worst_left_out_percent", 100 * worst);
  EXPECT_LT(worst, 0.1);
}

TEST(Activity, IsNeverNegativeAndSaysWhatItCannotFit) {
  // The second activity would have a negative coefficient by plain least squares.
  const std::vector<ActivityRow> rows{{"a", {1, 1}, 1}, {"b", {2, 5}, 1.9}, {"c", {3, 1}, 3.1}};
  const ActivityModel model = fit_activity(rows);
  EXPECT_NEAR(model.joules_per[0], 1, 0.05);
  EXPECT_EQ(model.joules_per[1], 0);
  EXPECT_THROW(fit_activity(std::vector<ActivityRow>{{"a", {1}, 1}}), Error);
  EXPECT_THROW(fit_activity(std::vector<ActivityRow>{{"a", {1}, 1}, {"b", {1, 2}, 1}}), Error);
  EXPECT_THROW(fit_activity(std::vector<ActivityRow>{{"a", {1}, 1}, {"b", {1}, 0}}), Error);
}

// Activities that always come together, and one that never occurs: no row can tell what each of them costs.
TEST(Activity, FitsActivitiesThatGoHandInHand) {
  const std::vector<ActivityRow> rows{
      {"a", {1, 2, 0, 1}, 4}, {"b", {2, 4, 0, 1}, 7}, {"c", {3, 6, 0, 5}, 14}};
  const ActivityModel model = fit_activity(rows);
  for (std::size_t i = 0; i < rows.size(); ++i) EXPECT_NEAR(model.predicted[i], rows[i].joules, 1e-9);
  EXPECT_NEAR(model.joules_per[0] + 2 * model.joules_per[1], 3, 1e-9);
  EXPECT_EQ(model.joules_per[2], 0);
  EXPECT_NEAR(model.joules_per[3], 1, 1e-9);
}

// Kuhn and Tucker: a coefficient above 0 has no gradient, and at 0 the error falls in no allowed direction.
TEST(Activity, MeetsTheConditionsOfAMinimum) {
  support::Random random(7);
  for (int trial = 0; trial < 200; ++trial) {
    std::vector<ActivityRow> rows;
    for (int r = 0; r < 9; ++r) {
      rows.push_back({fmt::format("l{}", r), {}, random.uniform(1, 5)});
      for (int j = 0; j < 5; ++j) rows.back().activity.push_back(random.uniform(0, 2));
    }
    const ActivityModel model = fit_activity(rows);
    for (std::size_t j = 0; j < 5; ++j) {
      double downhill = 0;  // of the sum of squared relative errors, if activity j cost more
      for (std::size_t r = 0; r < rows.size(); ++r)
        downhill += rows[r].activity[j] / rows[r].joules * (1 - model.predicted[r] / rows[r].joules);
      EXPECT_GE(model.joules_per[j], 0);
      EXPECT_LT(downhill, 1e-8) << trial << ' ' << j;
      if (model.joules_per[j] > 0) {
        EXPECT_GT(downhill, -1e-8) << trial << ' ' << j;
      }
    }
  }
}

// A layer is left out at every batch that it was replayed at.
TEST(Activity, ALayerIsLeftOutWithAllItsReplays) {
  const std::vector<ActivityRow> rows{{"a", {1}, 1},   {"a", {2}, 2},   {"b", {1}, 2},
                                      {"b", {2}, 4.0}, {"c", {1}, 1.0}, {"c", {4}, 4}};
  const ActivityModel model = fit_activity(rows);
  // Without b everything costs 1, so that b is told half of what it is; its other replay would have helped.
  EXPECT_NEAR(model.error[2], -0.5, 1e-9);
  EXPECT_NEAR(model.error[3], -0.5, 1e-9);
  EXPECT_THROW(fit_activity(std::vector<ActivityRow>{{"a", {1}, 1}, {"a", {2}, 2}}), Error);
}

TEST(Time, SharesSumToTheTotalExactly) {
  support::Random random(2);
  for (int i = 0; i < 1000; ++i) {
    const Measured<Joules> total(Joules{random.uniform(0, 5000)});
    std::vector<TimedPart> parts;
    double seconds = 0;
    for (int k = 0; k < 50; ++k) {
      parts.push_back({fmt::format("l{}", k), random.uniform(0, 1e-2), 1.0 + k % 4});
      seconds += parts.back().seconds;
    }
    const auto shares = attribute_by_time(total, parts, seconds * random.uniform(0.5, 2), 4);
    ASSERT_EQ(shares.size(), 51U);
    EXPECT_EQ(shares.back().name, "unattributed");
    std::int64_t sum = 0;
    for (const EnergyShare& share : shares) {
      EXPECT_GE(share.joules, 0);
      sum += to_nanojoules(share.joules);
    }
    ASSERT_EQ(sum, to_nanojoules(total.value()));
  }
}

TEST(Process, ItsShareIsByCpuSeconds) {
  EXPECT_DOUBLE_EQ(process_share(3, 4), 0.75);
  EXPECT_DOUBLE_EQ(process_share(5, 4), 1);
  EXPECT_DOUBLE_EQ(process_share(5, 0), 1);
}

// CPU time of reading, which no other load on the machine changes: 1,000 reads are ten seconds at 100 Hz.
TEST(Sampler, TakesLessThanTwoPermilleOfACoreAtHundredHertz) {
  const godwit::test::TemporaryDirectory folder;
  for (const char* zone : {"intel-rapl:0", "intel-rapl:0:0", "intel-rapl:1"}) {
    const std::string path = std::string("class/powercap/") + zone;
    folder.write(path + "/name",
                 std::string(zone) == "intel-rapl:0:0" ? "dram" : std::string("package-") + zone[11]);
    folder.write(path + "/energy_uj", "123456789012\n");
  }
  const auto root = open_sys_root({folder.path().string(), "/proc"});
  const auto perf = no_perf();
  const Discovery found = discover(*root, *perf);
  EXPECT_EQ(found.total().domains.size(), 3U);
  const auto clock = system_clock();
  Recorder recorder(found, *clock);
  const auto cpu = [] {
    timespec time = {};
    ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
  };
  const double begin = cpu();
  for (int i = 0; i < 1000; ++i) recorder.read();
  const double share = (cpu() - begin) / 10;
  support::figure("percent_of_a_core", 100 * share);
#ifdef NDEBUG
  EXPECT_LT(share, 0.002);
#else
  EXPECT_LT(share, 0.02);  // not what is shipped
#endif
}

}  // namespace
}  // namespace godwit::energy
