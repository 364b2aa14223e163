// Discovery on made-up trees: what is found, what adds up to the total, and what is said of the rest.
#include "runtime/energy/sensors/discover.h"

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runtime/energy/sensors/recorder.h"
#include "runtime/error.h"
#include "tests/support/figure.h"
#include "tests/support/sim_plant.h"
#include "tests/support/temporary_directory.h"

namespace godwit::energy {
namespace {

using support::SimPlant;

// A machine of several plants; its own list of which of them the total must be.
struct Machine {
  support::VirtualClock clock;
  support::VirtualRoot root;
  support::VirtualPerf perf;
  std::vector<std::unique_ptr<SimPlant>> plants;

  SimPlant& plant(double watts, double unit_nj = 61'035) {
    SimPlant::Options options;
    options.idle_w = watts;
    options.unit_nj = static_cast<std::int64_t>(unit_nj);
    options.seed = plants.size() + 7;
    plants.push_back(std::make_unique<SimPlant>(clock, options));
    return *plants.back();
  }
  void zone(SimPlant& plant, const std::string& id, const std::string& name) {
    plant.show(root, "sys/class/powercap/" + id, name);
  }
  void cpu(int cpu, int package, int die = -1) {
    const std::string path = fmt::format("sys/devices/system/cpu/cpu{}/topology/", cpu);
    root.file(path + "physical_package_id", std::to_string(package));
    if (die >= 0) root.file(path + "die_id", std::to_string(die));
  }
  void power_file(const std::string& path, SimPlant& plant, double per_watt) {
    root.file(path, [&plant, per_watt] {
      return SysText{std::to_string(static_cast<std::int64_t>(plant.watts() * per_watt)) + "\n", 0};
    });
  }
  Discovery find(const DiscoverOptions& options = {}) { return discover(root, perf, options); }

  // The total over a minute against these plants' true power: within 0.1 %.
  void expect_total(const std::string& scope, const std::vector<SimPlant*>& truth,
                    const DiscoverOptions& options = {}) {
    const Discovery found = find(options);
    Recorder recorder(found, clock);
    EXPECT_EQ(recorder.chosen().scope, scope);
    const Nanoseconds begin = recorder.read().mono;
    double joules = 0;
    for (SimPlant* part : truth) joules -= part->joules();
    const auto ticker = clock.every(recorder.period(), [&] { recorder.read(); });
    clock.advance(60 * kSecond);
    const Nanoseconds end = recorder.read().mono;
    for (SimPlant* part : truth) joules += part->joules();
    const double counted = recorder.total().joules(begin, end);
    support::figure(fmt::format("{}_off_percent", scope), 100 * std::abs(counted / joules - 1));
    EXPECT_NEAR(counted, joules, 1e-3 * joules);
  }
};

const Sensor* find_sensor(const Discovery& found, const std::string& id) {
  const auto it = std::ranges::find(found.sensors, id, &Sensor::id);
  return it == found.sensors.end() ? nullptr : &*it;
}
const EnergyDomain* find_domain(const Discovery& found, const std::string& name) {
  const auto it = std::ranges::find(found.domains, name, &EnergyDomain::name);
  return it == found.domains.end() ? nullptr : &*it;
}

TEST(Discover, NothingOnAVirtualMachine) {
  Machine machine;
  const Discovery found = machine.find();
  EXPECT_TRUE(found.sensors.empty());
  EXPECT_TRUE(found.total().scope.empty());
  ASSERT_EQ(found.looked.size(), 4U);
  for (const Look& look : found.looked)
    EXPECT_TRUE(look.outcome == "absent" || look.outcome == "none") << look.place;
}

TEST(Discover, AClientWithPsysAndATwinThroughMmio) {
  Machine machine;
  SimPlant& package = machine.plant(28);
  SimPlant& core = machine.plant(20);
  SimPlant& uncore = machine.plant(2);
  SimPlant& psys = machine.plant(45);
  machine.cpu(0, 0);
  machine.zone(package, "intel-rapl:0", "package-0");
  machine.zone(core, "intel-rapl:0:0", "core");
  machine.zone(uncore, "intel-rapl:0:1", "uncore");
  machine.zone(psys, "intel-rapl:1", "psys");
  machine.zone(package, "intel-rapl-mmio:0", "package-0");
  const Discovery found = machine.find();
  EXPECT_EQ(found.sensors.size(), 5U);
  EXPECT_EQ(found.domains.size(), 4U);
  const EnergyDomain* domain = find_domain(found, "package-0");
  ASSERT_TRUE(domain);
  ASSERT_EQ(domain->sensors.size(), 2U);
  EXPECT_EQ(found.sensors[domain->sensors[0]].id, "powercap:intel-rapl:0");
  EXPECT_EQ(found.sensors[domain->sensors[1]].id, "powercap:intel-rapl-mmio:0");
  EXPECT_EQ(found.domains[static_cast<std::size_t>(domain->parent)].name, "psys");
  EXPECT_EQ(found.domains[static_cast<std::size_t>(find_domain(found, "package-0/core")->parent)].name,
            "package-0");
  machine.expect_total("package", {&package});
}

TEST(Discover, AServerOfTwoSocketsWithDram) {
  Machine machine;
  SimPlant& one = machine.plant(120);
  SimPlant& two = machine.plant(95);
  SimPlant& dram_one = machine.plant(12, 15'300);
  SimPlant& dram_two = machine.plant(9, 15'300);
  machine.cpu(0, 0);
  machine.cpu(1, 1);
  // dram stands at :0 under one package and at :2 under the other: names tell, numbers do not.
  machine.zone(one, "intel-rapl:1", "package-0");
  machine.zone(dram_one, "intel-rapl:1:0", "dram");
  machine.zone(two, "intel-rapl:0", "package-1");
  machine.zone(dram_two, "intel-rapl:0:2", "dram");
  const Discovery found = machine.find();
  EXPECT_EQ(found.sockets, 2);
  EXPECT_TRUE(find_domain(found, "dram-0"));
  EXPECT_TRUE(find_domain(found, "dram-1"));
  machine.expect_total("package+dram", {&one, &two, &dram_one, &dram_two});
}

TEST(Discover, ZonesOfNumberedDies) {
  Machine machine;
  SimPlant& zero = machine.plant(60);
  SimPlant& one = machine.plant(55);
  machine.zone(zero, "intel-rapl:0", "package-0-die-0");
  machine.zone(one, "intel-rapl:1", "package-0-die-1");
  machine.expect_total("package", {&zero, &one});
}

TEST(Discover, AmdHasPackageAndCoreWithoutConstraints) {
  Machine machine;
  SimPlant& package = machine.plant(90, 15'258);
  SimPlant& core = machine.plant(50, 15'258);
  machine.zone(package, "intel-rapl:0", "package-0");
  machine.zone(core, "intel-rapl:0:0", "core");
  const Discovery found = machine.find();
  EXPECT_EQ(find_sensor(found, "powercap:intel-rapl:0")->limit_w, 0);
  EXPECT_EQ(find_sensor(found, "powercap:intel-rapl:0")->range.max_power_w, 500);
  machine.expect_total("package", {&package});
}

TEST(Discover, LinksToOneZoneAreOneSensor) {
  Machine machine;
  SimPlant& package = machine.plant(30);
  package.show(machine.root, "sys/devices/virtual/powercap/intel-rapl/intel-rapl:0", "package-0");
  machine.root.link("sys/class/powercap/intel-rapl", "sys/devices/virtual/powercap/intel-rapl");
  machine.root.link("sys/class/powercap/intel-rapl:0",
                    "sys/devices/virtual/powercap/intel-rapl/intel-rapl:0");
  EXPECT_EQ(machine.find().sensors.size(), 1U);
  // In a container the class may be missing.
  Machine bare;
  bare.plant(30).show(bare.root, "sys/devices/virtual/powercap/intel-rapl/intel-rapl:0", "package-0");
  EXPECT_EQ(bare.find().sensors.size(), 1U);
}

TEST(Discover, PerfRulesAndPowercapStandsBeside) {
  Machine machine;
  SimPlant& package = machine.plant(50);
  SimPlant& dram = machine.plant(8);
  machine.cpu(0, 0);
  machine.zone(package, "intel-rapl:0", "package-0");
  machine.zone(dram, "intel-rapl:0:1", "dram");
  const std::string unit = "sys/bus/event_source/devices/power";
  machine.root.file(unit + "/type", "9");
  machine.root.file(unit + "/cpumask", "0");
  for (const auto& [name, config] : {std::pair("pkg", "event=0x02"), {"ram", "event=0x03"}}) {
    machine.root.file(fmt::format("{}/events/energy-{}", unit, name), config);
    machine.root.file(fmt::format("{}/events/energy-{}.scale", unit, name), "2.3283064365386962890625e-10");
    machine.root.file(fmt::format("{}/events/energy-{}.unit", unit, name), "Joules");
  }
  machine.perf.counters[{2, 0}] = [&] { return static_cast<std::uint64_t>(package.joules() * 0x1p32); };
  machine.perf.counters[{3, 0}] = [&] { return static_cast<std::uint64_t>(dram.joules() * 0x1p32); };
  const Discovery found = machine.find();
  EXPECT_EQ(found.domains.size(), 2U);
  EXPECT_EQ(found.sensors[find_domain(found, "package-0")->sensors.front()].id, "perf:power/energy-pkg@cpu0");
  machine.expect_total("package+dram", {&package, &dram});
  // Both read: their disagreement is in the account.
  Recorder recorder(found, machine.clock);
  const Nanoseconds begin = recorder.read().mono;
  machine.clock.advance(10 * kSecond);
  const Nanoseconds end = recorder.read().mono;
  for (const SensorUse& use : recorder.uses(begin, end)) {
    EXPECT_EQ(use.disagreement.has_value(), use.role == "alternate") << use.id;
    EXPECT_LT(use.disagreement.value_or(0), 0.001);
  }
  // The counters of one CPU count over the same time, as far as the kernel lets them.
  machine.perf.opened.clear();
  EXPECT_EQ(machine.find().sensors.size(), 4U);
  ASSERT_EQ(machine.perf.opened.size(), 2U);
  EXPECT_FALSE(machine.perf.opened[0].leader);
  EXPECT_EQ(machine.perf.opened[1].leader, machine.perf.opened[0].config);
  machine.perf.opened.clear();
  machine.perf.groups = false;
  EXPECT_EQ(machine.find().sensors.size(), 4U);
  ASSERT_EQ(machine.perf.opened.size(), 2U);
  EXPECT_FALSE(machine.perf.opened[1].leader);
  // Refused, it is told among what may not be read.
  machine.perf.refusal = EACCES;
  machine.root.file("proc/sys/kernel/perf_event_paranoid", "2");
  const Discovery refused = machine.find();
  ASSERT_EQ(refused.unreadable.size(), 1U);
  EXPECT_EQ(refused.unreadable[0].why, "needs CAP_PERFMON or kernel.perf_event_paranoid <= 0 (it is 2)");
  EXPECT_EQ(refused.total().scope, "package+dram");
}

TEST(Discover, FilesThatAreNotNumbersAreLeftAloneWithAReason) {
  for (const auto& [text, words] :
       {std::pair("nan", "'nan', which is no number"), {"", "'', which is no number"}}) {
    Machine machine;
    machine.root.file("sys/class/powercap/intel-rapl:0/name", "package-0");
    machine.root.file("sys/class/powercap/intel-rapl:0/energy_uj", text);
    const Discovery found = machine.find();
    EXPECT_TRUE(found.sensors.empty());
    ASSERT_FALSE(found.notes.empty());
    EXPECT_NE(found.notes[0].find(words), std::string::npos) << found.notes[0];
  }
  Machine machine;
  machine.root.file("sys/class/powercap/intel-rapl:0/name", "package-0");
  machine.root.broken("sys/class/powercap/intel-rapl:0/energy_uj", EIO);
  const Discovery found = machine.find();
  EXPECT_TRUE(found.sensors.empty());
  EXPECT_NE(found.notes.at(0).find("Input/output error"), std::string::npos);
}

TEST(Discover, AVanishingFileIsALostSensor) {
  Machine machine;
  machine.zone(machine.plant(30), "intel-rapl:0", "package-0");
  const Discovery found = machine.find();
  Recorder recorder(found, machine.clock);
  const Nanoseconds begin = recorder.read().mono;
  machine.root.remove("sys/class/powercap/intel-rapl:0/energy_uj");
  machine.clock.advance(kSecond);
  recorder.read();
  recorder.read();
  const auto faults = recorder.faults(begin, machine.clock.now().mono);
  ASSERT_EQ(faults.size(), 1U);
  EXPECT_EQ(faults[0].reason, "sensor-lost");
}

TEST(Discover, DtpmIsListedAndNotUsed) {
  Machine machine;
  machine.root.file("sys/class/powercap/dtpm:0/name", "soc");
  machine.root.file("sys/class/powercap/dtpm:0/power_uw", "1500000");
  const Discovery found = machine.find();
  ASSERT_EQ(found.sensors.size(), 1U);
  EXPECT_EQ(found.sensors[0].kind, SensorKind::power);
  EXPECT_TRUE(found.total().domains.empty());
  EXPECT_NE(found.notes.at(0).find("listed, not used"), std::string::npos);
}

// Jetson Orin: an INA3221 whose channels 1 to 3 are rails and 4 to 7 shunts.
TEST(Discover, JetsonsBoardIsUsedAloneAndItsRailsAreParts) {
  Machine machine;
  SimPlant& board = machine.plant(14);
  SimPlant& cpu = machine.plant(5);
  SimPlant& soc = machine.plant(3);
  const std::string chip = "sys/class/hwmon/hwmon3/";
  machine.root.file(chip + "name", "ina3221");
  int channel = 1;
  for (const auto& [label, plant] :
       {std::pair("VDD_IN", &board), {"VDD_CPU_GPU_CV", &cpu}, {"VDD_SOC", &soc}}) {
    machine.root.file(fmt::format("{}in{}_label", chip, channel), label);
    machine.root.file(fmt::format("{}in{}_input", chip, channel), "5000");
    machine.power_file(fmt::format("{}curr{}_input", chip, channel), *plant, 200);  // mA at 5 V
    ++channel;
  }
  machine.root.file(chip + "in4_input", "99999");
  machine.root.file(chip + "curr4_input", "99999");
  const Discovery found = machine.find();
  EXPECT_EQ(found.sensors.size(), 3U);
  EXPECT_EQ(find_domain(found, "VDD_SOC")->kind, DomainKind::part);
  machine.expect_total("board", {&board});
}

TEST(Discover, ADisabledChannelIsSkipped) {
  Machine machine;
  SimPlant& cpu = machine.plant(5);
  const std::string chip = "sys/class/hwmon/hwmon0/";
  machine.root.file(chip + "name", "ina3221");
  machine.root.file(chip + "in1_label", "VDD_IN");
  machine.root.broken(chip + "in1_input", ENODATA);
  machine.root.file(chip + "curr1_input", "100");
  machine.root.file(chip + "in2_label", "VDD_CPU");
  machine.root.file(chip + "in2_input", "5000");
  machine.power_file(chip + "curr2_input", cpu, 200);
  EXPECT_NE(machine.find().notes.at(0).find("disabled channel"), std::string::npos);
  machine.expect_total("rails", {&cpu});
}

TEST(Discover, JetsonsOldDriverSpeaksMilliwatts) {
  Machine machine;
  SimPlant& board = machine.plant(10);
  SimPlant& gpu = machine.plant(4);
  const std::string device = "sys/bus/i2c/drivers/ina3221x/6-0040/iio:device0/";
  machine.root.file(device + "rail_name_0", "POM_5V_IN");
  machine.power_file(device + "in_power0_input", board, 1000);
  machine.root.file(device + "rail_name_1", "POM_5V_GPU");
  machine.power_file(device + "in_power1_input", gpu, 1000);
  machine.expect_total("board", {&board});
}

TEST(Discover, AnUnknownRailIsUsedOnlyWhenToldSo) {
  Machine machine;
  SimPlant& rail = machine.plant(7);
  machine.root.file("sys/class/hwmon/hwmon0/name", "ina226");
  machine.power_file("sys/class/hwmon/hwmon0/power1_input", rail, 1e6);
  EXPECT_TRUE(machine.find().total().domains.empty());
  EXPECT_NE(machine.find().notes.at(0).find("--rail ina226=board"), std::string::npos);
  machine.expect_total("board", {&rail}, {{"ina226"}});
}

TEST(Discover, AmdEnergyCountsSocketsNotCores) {
  Machine machine;
  SimPlant& socket = machine.plant(80);
  const std::string chip = "sys/class/hwmon/hwmon1/";
  machine.root.file(chip + "name", "amd_energy");
  for (int i = 1; i <= 3; ++i) {
    machine.root.file(fmt::format("{}energy{}_label", chip, i),
                      i == 3 ? "Esocket0" : fmt::format("Ecore00{}", i));
    machine.root.file(fmt::format("{}energy{}_input", chip, i), [&socket] {
      return SysText{std::to_string(static_cast<std::int64_t>(socket.joules() * 1e6)), 0};
    });
  }
  EXPECT_EQ(machine.find().sensors.size(), 1U);
  machine.expect_total("package", {&socket});
}

TEST(Discover, AcpisPowerMeterIsTheBoard) {
  Machine machine;
  SimPlant& system = machine.plant(210);
  machine.root.file("sys/class/hwmon/hwmon0/device/name", "power_meter");
  machine.power_file("sys/class/hwmon/hwmon0/device/power1_average", system, 1e6);
  machine.root.file("sys/class/hwmon/hwmon0/device/power1_average_interval", "1000");
  EXPECT_EQ(machine.find().sensors.at(0).update, kSecond);
  machine.expect_total("board", {&system});
}

TEST(Discover, BatteriesMeasureOnlyWhileTheyDischarge) {
  Machine machine;
  SimPlant& laptop = machine.plant(12);
  const std::string battery = "sys/class/power_supply/BAT0/";
  machine.root.file(battery + "type", "Battery");
  machine.root.file(battery + "status", "Charging");
  machine.power_file(battery + "power_now", laptop, 1e6);
  machine.root.file("sys/class/power_supply/ucsi-source-psy-1/type", "USB");
  machine.root.file("sys/class/power_supply/ucsi-source-psy-1/current_now", "3000000");
  EXPECT_TRUE(machine.find().sensors.empty());
  EXPECT_EQ(machine.find().looked.back().outcome, "1 of 1 not discharging");
  machine.root.file(battery + "status", "Discharging");
  machine.expect_total("system-battery", {&laptop});

  Machine current;
  SimPlant& other = current.plant(9);
  current.root.file(battery + "type", "Battery");
  current.root.file(battery + "status", "Discharging");
  current.root.file(battery + "voltage_now", "12000000");
  current.power_file(battery + "current_now", other, -1e6 / 12);  // negative while it discharges
  current.expect_total("system-battery", {&other});
}

// The charge falls in steps of 10 mWh; the power is right, or tells a tenth too much.
TEST(Discover, ABatterysChargeChecksItsPower) {
  for (const bool right : {true, false}) {
    Machine machine;
    SimPlant& laptop = machine.plant(12);
    const std::string battery = "sys/class/power_supply/BAT0/";
    machine.root.file(battery + "type", "Battery");
    machine.root.file(battery + "status", "Discharging");
    machine.power_file(battery + "power_now", laptop, right ? 1e6 : 1.1e6);
    machine.root.file(battery + "energy_now", [&laptop] {
      const auto steps = static_cast<std::int64_t>(laptop.joules() / 36);
      return SysText{std::to_string(50'000'000 - steps * 10'000) + "\n", 0};
    });
    const Discovery found = machine.find();
    ASSERT_EQ(found.domains.size(), 1U);
    EXPECT_EQ(found.ruling(0).id, "battery:BAT0");
    Recorder recorder(found, machine.clock);
    const Nanoseconds begin = recorder.read().mono;
    for (int i = 0; i < 6000; ++i) {
      machine.clock.advance(kSecond / 10);
      recorder.read();
    }
    const std::vector<SensorUse> uses = recorder.uses(begin, machine.clock.now().mono);
    ASSERT_EQ(uses.size(), 2U);
    EXPECT_EQ(uses[1].role, "alternate");
    ASSERT_TRUE(uses[1].disagreement);
    if (right) {
      EXPECT_LT(*uses[1].disagreement, 0.001);
    } else {
      EXPECT_NEAR(*uses[1].disagreement, 0.1 / 1.1, 0.01);
    }
    EXPECT_TRUE(recorder.faults(begin, machine.clock.now().mono).empty());
  }
}

TEST(Discover, AHypervisorsExportIsHostAttributed) {
  Machine machine;
  SimPlant& share = machine.plant(6);
  const auto energy = [&share] {
    return SysText{std::to_string(static_cast<std::int64_t>(share.joules() * 1e6)), 0};
  };
  // Scaphandre writes energy_uj alone.
  machine.root.file("sys/class/powercap/intel-rapl:0/energy_uj", energy);
  const Discovery found = discover_host_share(machine.root);
  EXPECT_EQ(found.total().scope, "package");
  EXPECT_EQ(found.total().quality, Quality::host_attributed);
  Recorder recorder(found, machine.clock);
  const Nanoseconds begin = recorder.read().mono;
  machine.clock.advance(10 * kSecond);
  const Nanoseconds end = recorder.read().mono;
  EXPECT_NEAR(recorder.total().joules(begin, end), 60, 0.06);
  const support::VirtualRoot nothing;
  EXPECT_THROW(discover_host_share(nothing), Error);
}

TEST(Discover, APowercapDirectoryIsReadInItsPlace) {
  const godwit::test::TemporaryDirectory folder;
  folder.write("intel-rapl:0/energy_uj", "1234567\n");
  const auto root = open_powercap_directory(folder.path().string());
  const Discovery found = discover_host_share(*root);
  ASSERT_EQ(found.sensors.size(), 1U);
  EXPECT_EQ(found.sensors[0].gauge->read(), 1234567);
  EXPECT_THROW(open_powercap_directory(folder / "absent"), Error);
}

TEST(Discover, WhatMayNotBeReadIsToldWithModeAndOwner) {
  Machine machine;
  machine.root.file("sys/class/powercap/intel-rapl:0/name", "package-0");
  machine.root.broken("sys/class/powercap/intel-rapl:0/energy_uj", EACCES);
  const Discovery found = machine.find();
  EXPECT_TRUE(found.sensors.empty());
  ASSERT_EQ(found.unreadable.size(), 1U);
  EXPECT_EQ(found.unreadable[0].path, "/sys/class/powercap/intel-rapl:0/energy_uj");
  EXPECT_EQ(found.unreadable[0].why, "mode 0400, owner root");
}

// The same with real files and a real user without rights.
TEST(Discover, ARealFileThatThisUserMayNotRead) {
  const godwit::test::TemporaryDirectory folder;
  folder.write("class/powercap/intel-rapl:0/name", "package-0\n");
  const std::string energy = folder.write("class/powercap/intel-rapl:0/energy_uj", "1\n");
  ASSERT_EQ(::chmod(energy.c_str(), 0400), 0);
  ASSERT_EQ(::chmod(folder.path().c_str(), 0755), 0);
  const pid_t child = ::fork();
  if (child == 0) {
    if (::geteuid() == 0 && ::setuid(65534) != 0) ::_exit(3);
    if (::geteuid() != 65534 && ::chmod(energy.c_str(), 0) != 0) ::_exit(4);
    const auto root = open_sys_root({folder.path().string(), "/proc"});
    const auto perf = no_perf();
    const Discovery found = discover(*root, *perf);
    ::_exit(found.unreadable.size() == 1 && found.sensors.empty() ? 0 : 5);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << WEXITSTATUS(status);
}

TEST(SysRoot, MissingDirectoriesAreErrorsOnlyWhereAskedFor) {
  EXPECT_THROW(open_sys_root({"/nonexistent-directory", "/proc"}), Error);
  EXPECT_THROW(open_sys_root({"/sys", "/nonexistent-directory"}), Error);
  EXPECT_NO_THROW(open_sys_root());
  EXPECT_EQ(parse_integer("42\n"), 42);
  EXPECT_FALSE(parse_integer("42 43"));
  EXPECT_FALSE(parse_integer("99999999999999999999"));
  EXPECT_FALSE(parse_integer("\n"));
}

}  // namespace
}  // namespace godwit::energy
