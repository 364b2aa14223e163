// Long runs on a machine whose power, pace and temperature are known.
#include "runtime/energy/protocol/soak.h"

#include <algorithm>
#include <cmath>
#include <gtest/gtest.h>

#include "tests/runtime/energy/simulated.h"
#include "tests/support/figure.h"

namespace godwit::energy {
namespace {

class Soak : public testing::Test {
 protected:
  SoakResult run(double seconds) {
    machine.found = discover(machine.root, machine.perf);
    machine.recorder = std::make_unique<Recorder>(machine.found, machine.clock);
    const HostWatch watch(machine.root);
    return soak(machine.workload(), seconds, 10, machine.clock, machine.recorder.get(), watch,
                [this](const SoakRow&) { ++told; });
  }

  test::Simulated machine;
  std::size_t told = 0;
};

TEST_F(Soak, ASteadyMachineIsValidRowByRow) {
  const SoakResult result = run(1800);
  EXPECT_EQ(result.rows.size(), 180U);
  EXPECT_EQ(told, result.rows.size());
  double worst = 0;
  for (const SoakRow& row : result.rows) {
    ASSERT_TRUE(row.watts);
    worst = std::max(worst, std::abs(*row.watts / 45 - 1));
    EXPECT_NEAR(row.seconds, 10, 0.06);
    EXPECT_NEAR(row.img_s, 160, 0.5);  // 8 images in 50 ms
  }
  support::figure("worst_percent", 100 * worst);
  EXPECT_LT(worst, 1e-3);
  EXPECT_TRUE(result.verdict.valid()) << result.verdict.to_string();
}

TEST_F(Soak, AMachineThatGetsSlowerAndThrottlesSaysSo) {
  machine.disturb = [this](int run) {
    machine.run_time = 50'000'000 + run * 2'000;
    if (run == 3000) machine.sim_host.throttles = 4;
  };
  const SoakResult result = run(600);
  EXPECT_EQ(result.verdict.to_string(), "suspect:throttled,drift");
  // 50 ms a run becomes some 67 ms.
  EXPECT_LT(result.rate.change, -0.2);
  EXPECT_LT(std::abs(result.watts.change), 0.01);
}

TEST_F(Soak, WithoutASensorWattsAreNotThere) {
  const HostWatch watch(machine.root);
  const SoakResult result =
      soak(machine.workload(), 30, 10, machine.clock, nullptr, watch, [](const SoakRow&) {});
  ASSERT_EQ(result.rows.size(), 3U);
  for (const SoakRow& row : result.rows) EXPECT_FALSE(row.watts);
  EXPECT_TRUE(result.verdict.valid());
}

}  // namespace
}  // namespace godwit::energy
