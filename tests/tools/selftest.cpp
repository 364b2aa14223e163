// The self-test's checks on machines whose sensors tell of work, or do not.
#include "tools/bench/selftest.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "tests/runtime/energy/simulated.h"

namespace godwit::tools {
namespace {

// A machine of 15 W idle whose power rises by so much with one thread and with all.
struct Machine {
  double one_w = 12, all_w = 40;
  // Factor of a second sensor of the same package; 1: the same.
  double twin = 0;

  EnergyOutcome run() {
    energy::test::Simulated machine;
    if (twin > 0) {
      const std::string zone = "sys/class/powercap/intel-rapl-mmio:0";
      machine.root.file(zone + "/name", "package-0");
      machine.root.file(zone + "/energy_uj", [&machine, this] {
        return energy::SysText{fmt::format("{:.0f}\n", machine.plant.joules() * twin * 1e6), 0};
      });
    }
    machine.found = energy::discover(machine.root, machine.perf);
    machine.recorder = std::make_unique<energy::Recorder>(machine.found, machine.clock);
    const energy::HostWatch watch(machine.root);
    const auto load = [&](double watts) {
      return energy::Workload{1, [&machine, watts] {
                                machine.plant.set_extra(watts);
                                machine.clock.work(energy::kSecond / 20);
                                machine.plant.set_extra(0);
                              }};
    };
    const std::vector<energy::Workload> workloads{load(one_w), load(all_w)};
    EnergyOutcome outcome;
    outcome.protocol.rounds = 1;
    outcome.log =
        energy::run_protocol(outcome.protocol, workloads, machine.clock, machine.recorder.get(), watch);
    const energy::EnergySource source = energy::source_of(*machine.recorder, outcome.log);
    outcome.sensors = source.uses;
    outcome.results = energy::analyse(outcome.log, outcome.protocol, workloads, source);
    return outcome;
  }
};

std::vector<std::string> failed(const std::vector<SelftestCheck>& checks) {
  std::vector<std::string> names;
  for (const SelftestCheck& check : checks) {
    if (check.state == SelftestCheck::State::failed) names.push_back(check.name);
  }
  return names;
}
using Names = std::vector<std::string>;

TEST(Selftest, PassesWherePowerFollowsTheLoad) {
  const auto checks = check_sensors(Machine{.twin = 1}.run());
  EXPECT_EQ(failed(checks), Names());
  EXPECT_TRUE(all_passed(checks));
  EXPECT_NE(selftest_text(checks).find("15.00 W to 27.0"), std::string::npos) << selftest_text(checks);
}

TEST(Selftest, FailsByNameWhereItDoesNot) {
  EXPECT_EQ(failed(check_sensors(Machine{.one_w = 0, .all_w = 40}.run())),
            Names{"package power rises from idle to one thread"});
  EXPECT_EQ(failed(check_sensors(Machine{.one_w = 12, .all_w = 12}.run())),
            Names{"package power rises from one thread to all"});
  EXPECT_EQ(failed(check_sensors(Machine{.twin = 1.1}.run())),
            Names{"powercap:intel-rapl-mmio:0 agrees with the other sensor of package-0"});
}

TEST(Selftest, AMeterThatShowsLessThanThePackageFails) {
  EnergyOutcome outcome = Machine().run();
  outcome.inside = outcome.results;
  for (energy::EnergyResult& result : outcome.results) {
    result.energy.quality = energy::Quality::external;
    result.energy.scope = "wall";
    result.mean_w *= 0.9;
    result.baseline->before_w *= 0.9;
  }
  EXPECT_EQ(failed(check_sensors(outcome)), (Names{"the meter sees what the sensors see, one thread",
                                                   "the meter sees what the sensors see, all threads"}));
}

}  // namespace
}  // namespace godwit::tools
