// Energy through the program: sensors that are made up, meters that are fed, and machines that have neither.
#include <algorithm>
#include <filesystem>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <fstream>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <set>
#include <string>

#include "engine/session.h"
#include "tests/support/figure.h"
#include "tests/tools/energy_program.h"
#include "tools/bench/energy_layers.h"
#include "tools/bench/energy_options.h"
#include "tools/bench/energy_text.h"
#include "tools/bench/measure.h"
#include "tools/cli/model.h"
#include "tools/cli/options.h"
#include "tools/vision/random_input.h"

namespace godwit::tools {
namespace {

namespace fs = std::filesystem;

TEST_F(EnergyProgram, WithoutASensorTheMessageSaysWhatWasLookedAtAndWhatToDo) {
  const Outcome outcome = godwit(bench({}));
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  const std::string sys = folder / "sys";
  const std::string golden = fmt::format(
      "energy: NOT MEASURED - no energy sensor is visible here.\n"
      "  looked at   {}/class/powercap (absent)  perf PMU \"power\" (absent)  {}/class/hwmon (absent)  "
      "batteries "
      "(none)\n"
      "  because     this is a virtual machine (KVM); guests do not see the host's energy counters\n"
      "  you can     1. attach a meter:            godwit bench {} --energy --meter csv:meter.csv "
      "--meter-scope wall\n"
      "              2. use counters the host shares: godwit bench {} --energy --powercap-dir DIR   "
      "(reported as "
      "host-attributed)\n"
      "              3. ask for an estimate:       godwit bench {} --estimate --tdp WATTS --host-cpus N   (a "
      "range, never "
      "called measured)\n",
      sys, sys, model, model, model);
  EXPECT_NE(outcome.out.find(golden), std::string::npos) << outcome.out;
  EXPECT_NE(outcome.out.find(
                "  reported    time, CPU seconds, MACs and bytes per image. (--require-energy makes this "
                "an error, exit 3)\n"),
            std::string::npos)
      << outcome.out;
  EXPECT_EQ(outcome.out.find(" 0 J"), std::string::npos);
}

TEST_F(EnergyProgram, WithoutASensorJoulesAreNullNotZero) {
  const Json json = godwit(bench({"--json"})).json();
  const Json& energy = json.at("energy");
  EXPECT_TRUE(energy.at("measured_j").is_null());
  EXPECT_TRUE(energy.at("quality").is_null());
  EXPECT_EQ(energy.at("looked_at").size(), 4U);
  EXPECT_EQ(energy.at("per_image").at("macs"), 12);
  EXPECT_GT(energy.at("per_image").at("cpu_s"), 0);
  EXPECT_TRUE(godwit({"bench", model, "--seconds", "0.01", "--json"}).json().at("energy").is_null());
}

TEST_F(EnergyProgram, RequiredAndNotThereIsExitThree) {
  expect_error(godwit(bench({"--require-energy"})), 3, "energy was required and cannot be measured");
}

TEST_F(EnergyProgram, OptionsThatMakeNoSenseAreRefused) {
  expect_error(godwit({"bench", model, "--meter", "csv:x"}), 2, "--energy");
  expect_error(godwit(bench({"--meter", "csv:/nonexistent/m.csv"})), 2, "cannot read '/nonexistent/m.csv'");
  expect_error(godwit(bench({"--meter", "usb"})), 2, "none of csv:FILE, fd:N and -");
  expect_error(godwit(bench({"--meter-accuracy", "good"})), 2, "--meter-accuracy 'good'");
  expect_error(godwit(bench({"--protocol", "best"})), 2, "'best' is none of std, edge5, yang, wall");
  expect_error(godwit(bench({"--ci", "99"})), 2, "none of student, sem");
  expect_error(godwit(bench({"--rail", "VDD"})), 2, "LABEL=board");
  expect_error(godwit(bench({"--powercap-dir", "/nonexistent"})), 2, "--powercap-dir");
  expect_error(godwit({"bench", model, "--energy", "--sysfs", "/nonexistent"}), 2, "--sysfs");
}

// Real files that a thread writes: 40 W through a counter of powercap.
TEST_F(EnergyProgram, ACounterOfPowercapIsMeasured) {
  folder.write("sys/class/powercap/intel-rapl:0/max_energy_range_uj", "262143328850\n");
  const Feeder feeder(counter_of("sys/class/powercap/intel-rapl:0", 40));
  const std::string ledger = folder / "runs.jsonl";
  const Json json = godwit(bench({"--json", "--ledger", ledger})).json();
  const Json& energy = json.at("energy");
  EXPECT_EQ(energy.at("quality"), "measured");
  EXPECT_EQ(energy.at("scope"), "package");
  EXPECT_EQ(energy.at("sensors").at(0).at("id"), "powercap:intel-rapl:0");
  const Json& result = energy.at("results").at(0);
  // The writer is late by a few milliseconds now and then; windows are of 200.
  EXPECT_NEAR(result.at("mean_w").get<double>(), 40, 8);
  EXPECT_EQ(result.at("window_s").size(), 3U);
  EXPECT_GT(energy.at("measured_j"), 0);
  // A short window is said so.
  EXPECT_EQ(result.at("verdict").at("state"), "suspect");
  const Json line = Json::parse(std::ifstream(ledger));
  EXPECT_EQ(line.at("schema"), "godwit.energy/1");
  EXPECT_EQ(line.at("energy").at("quality"), "measured");
  EXPECT_EQ(line.at("energy").at("gross_j"), result.at("gross_j"));
}

TEST_F(EnergyProgram, CountersThatTheHostSharesAreHostAttributed) {
  const Feeder feeder(counter_of("shared/intel-rapl:0", 12));
  const Json json = godwit(bench({"--json", "--powercap-dir", folder / "shared"})).json();
  EXPECT_EQ(json.at("energy").at("quality"), "host-attributed");
}

// A meter that shows a known constant power: power × time, within what is stated.
TEST_F(EnergyProgram, AMeterOfConstantPowerGivesPowerTimesTime) {
  // Written beforehand, two minutes of it: a writer that another program holds up would leave gaps, and a
  // window with a gap has no joules.
  std::string lines = "t,watts\n";
  const double begin = unix_now() - 1;
  for (int i = 0; i < 60500; ++i) lines += fmt::format("{:.6f},37.5\n", begin + i * 0.002);
  const std::string file = folder.write("meter.csv", lines);
  const Json json = godwit(bench({"--json", "--meter", "csv:" + file, "--meter-accuracy", "0.5%rdg+0.1W",
                                  "--meter-clock", "trusted"}))
                        .json();
  const Json& energy = json.at("energy");
  EXPECT_EQ(energy.at("quality"), "external");
  EXPECT_EQ(energy.at("scope"), "wall");
  const Json& result = energy.at("results").at(0);
  double seconds = 0;
  for (const Json& window : result.at("window_s")) seconds += window.get<double>();
  const double stated = result.at("u").at("meter").get<double>() + result.at("u").at("edge").get<double>();
  support::figure("off_joules", result.at("gross_j").get<double>() - 37.5 * seconds);
  support::figure("stated_joules", stated);
  EXPECT_NEAR(result.at("gross_j").get<double>(), 37.5 * seconds, 2 * stated);
  // (0.5 % of 37.5 W + 0.1 W) / √3
  EXPECT_NEAR(result.at("u").at("meter").get<double>(), 0.2875 / 1.7320508 * seconds, 1e-3 * seconds);
}

TEST_F(EnergyProgram, SensorsAreListedWithWhatWasLookedAt) {
  const Outcome none = godwit({"energy", "sensors", "--sysfs", folder / "sys", "--procfs", folder / "proc"});
  EXPECT_EQ(none.exit_code, 0);
  EXPECT_NE(none.out.find("looked at " + (folder / "sys/class/powercap") + ": absent"), std::string::npos)
      << none.out;
  EXPECT_NE(none.out.find("energy: NOT MEASURED"), std::string::npos);
  folder.write("sys/class/powercap/intel-rapl:0/name", "package-0\n");
  folder.write("sys/class/powercap/intel-rapl:0/energy_uj", "17\n");
  folder.write("sys/class/powercap/intel-rapl-mmio:0/name", "package-0\n");
  folder.write("sys/class/powercap/intel-rapl-mmio:0/energy_uj", "17\n");
  const Json json = godwit({"energy", "sensors", "--sysfs", folder / "sys", "--json"}).json();
  EXPECT_EQ(json.at("schema"), "godwit.sensors/1");
  EXPECT_EQ(json.at("total"), "package");
  EXPECT_EQ(json.at("sensors").at(0).at("role"), "total");
  EXPECT_EQ(json.at("sensors").at(1).at("role"), "alternate");
}

// The model's outputs do not depend on whether anybody measures it.
TEST_F(EnergyProgram, OutputsAreTheSameBitsWhileSensorsAreRead) {
  folder.write("sys/class/powercap/intel-rapl:0/name", "package-0\n");
  folder.write("sys/class/powercap/intel-rapl:0/energy_uj", "17\n");
  EnergyOptions options;
  options.energy = true;
  options.sensors.sysfs = folder / "sys";
  options.sensors.procfs = folder / "proc";
  options.baseline_s = 0.05;
  options.rounds = 1;
  EngineOptions engine;
  engine.threads = 2;
  const LoadedModel loaded = load_model(model, engine, 4);
  const std::vector<Tensor> inputs{vision::random_tensor(loaded.plan->inputs()[0].desc, 5)};
  const auto bits = [](std::span<const Tensor> outputs) {
    const auto values = outputs[0].values<float>();
    return std::vector<float>(values.begin(), values.end());
  };
  engine::Session session(loaded.plan, {2, false});
  const std::vector<float> alone = bits(session.run(inputs));
  EnergyMeter meter(options);
  ASSERT_TRUE(meter.measures());
  std::int64_t runs = 0, different = 0;
  const auto outcome = meter.measure({{4,
                                       [&] {
                                         ++runs;
                                         different += bits(session.run(inputs)) == alone ? 0 : 1;
                                       }}},
                                     0.05, 5);
  support::figure("runs_compared", static_cast<double>(runs));
  support::figure("runs_that_differ", static_cast<double>(different));
  EXPECT_GT(runs, 5);
  EXPECT_EQ(different, 0);
  EXPECT_EQ(outcome.results.size(), 1U);
}

// A run without any sensor, its timeline in the ledger, and a meter's log whose clock is 3.2 s behind.
TEST_F(EnergyProgram, AMeterIsJoinedToAFinishedRun) {
  const std::string ledger = folder / "runs.jsonl";
  const auto later = bench({"--meter-later", "--meter-clock", "trusted", "--ledger", ledger, "--json"});
  const Json run = godwit(later).json();
  EXPECT_TRUE(run.at("energy").at("measured_j").is_null());
  const Json line = Json::parse(std::ifstream(ledger));
  EXPECT_TRUE(line.at("energy").at("measured_j").is_null());
  ASSERT_TRUE(line.contains("timeline"));
  // The same run as if it had lasted long enough to be seen: 10 s idle, pulses, 20 s load, 10 s idle.
  constexpr std::int64_t kBegin = 1'763'695'800'000'000'000, kNs = 1'000'000'000;
  Json timeline = Json::array();
  const auto add = [&](const char* phase, double begin, double end, int runs) {
    timeline.push_back({{"phase", phase},
                        {"begin_ns", kBegin + static_cast<std::int64_t>(begin * 1e9)},
                        {"end_ns", kBegin + static_cast<std::int64_t>(end * 1e9)},
                        {"runs", runs}});
  };
  add("idle-before", 0, 10, 0);
  for (int i = 0; i < 3; ++i) add("pulse", 10 + 4 * i, 12 + 4 * i, 20);
  add("warm-up", 22, 25, 30);
  add("round", 25, 35, 100);
  add("round", 35, 45, 100);
  add("idle-after", 45, 55, 0);
  Json edited = line;
  edited["timeline"] = timeline;
  folder.write("edited.jsonl", edited.dump() + "\n");
  std::string log = "t,watts\n";
  for (double t = -5; t < 60; t += 0.1) {
    const bool busy = (t >= 22 && t < 45) || (t >= 10 && t < 22 && static_cast<int>(t - 10) % 4 < 2);
    log += fmt::format("{:.3f},{}\n", static_cast<double>(kBegin / kNs) + t - 3.2, busy ? 50 : 20);
  }
  folder.write("meter.csv", log);
  const std::string joined = folder / "joined.jsonl";
  const Json json = godwit({"energy", "join", folder / "edited.jsonl", folder / "meter.csv", "--json",
                            "--ledger", joined, "--meter-accuracy", "1%"})
                        .json();
  const Json& result = json.at("energy").at("results").at(0);
  EXPECT_EQ(json.at("energy").at("quality"), "external");
  EXPECT_NEAR(result.at("gross_j").get<double>(), 50 * 20, 10);
  EXPECT_NEAR(result.at("net_j").get<double>(), 30 * 20, 10);
  const Json appended = Json::parse(std::ifstream(joined));
  EXPECT_EQ(appended.at("energy").at("quality"), "external");
  EXPECT_EQ(appended.at("run"), line.at("run"));
  expect_error(godwit({"energy", "join", folder / "meter.csv", folder / "meter.csv"}), 2, "meter.csv");
  expect_error(godwit(bench({"--meter-later"})), 2, "--meter-later needs --ledger");
}

TEST(EnergyGrant, ShowsTheRuleAndWritesOnlyWhenToldTo) {
  const TemporaryDirectory folder;
  const std::string rules = folder / "70-godwit-energy.rules";
  const Outcome shown = godwit({"energy", "grant", "--group", "root", "--rules", rules});
  EXPECT_EQ(shown.exit_code, 0) << shown.err;
  EXPECT_NE(shown.out.find("SUBSYSTEM==\"powercap\""), std::string::npos);
  EXPECT_FALSE(fs::exists(rules));
  EXPECT_EQ(godwit({"energy", "grant", "--group", "root", "--rules", rules, "--yes"}).exit_code, 0);
  EXPECT_TRUE(fs::exists(rules));
  expect_error(godwit({"energy", "grant", "--group", "a b; rm"}), 2, "is not the name of a group");
  expect_error(godwit({"energy", "grant", "--group", "no-such-group-here"}), 3, "there is no group");
}

TEST_F(EnergyProgram, LayersByTimeSumToTheTotal) {
  const Feeder feeder(counter_of("sys/class/powercap/intel-rapl:0", 40));
  const Json json = godwit(bench({"--json", "--profile"})).json();
  const Json& energy = json.at("energy");
  const Json& result = energy.at("results").at(0);
  double sum = 0;
  for (const Json& layer : energy.at("by_time").at("layers")) {
    EXPECT_EQ(layer.at("method"), "time");
    sum += layer.at("net_mj").get<double>();
  }
  EXPECT_NEAR(sum, result.at("per_image").at("net_mj").get<double>(), 1e-5);
  EXPECT_EQ(energy.at("by_time").at("layers").back().at("name"), "unattributed");
}

// Gross energy (the protocol knows no idle power), so that a counter that climbs steadily tells of every
// part.
TEST_F(EnergyProgram, PhotographsHaveRowsFromReadingToTheLastLayer) {
  const Feeder feeder(counter_of("sys/class/powercap/intel-rapl:0", 40));
  for (int i = 0; i < 6; ++i) folder.write(fmt::format("photos/{}.jpg", i), some_jpeg());
  const std::string ledger = folder / "runs.jsonl";
  std::vector<std::string> arguments = bench({"--json", "--images", folder / "photos", "--protocol", "yang",
                                              "--profile", "--layers", "--ledger", ledger});
  const auto baseline = std::ranges::find(arguments, "--baseline");
  arguments.erase(baseline, baseline + 2);
  const Json json = godwit(arguments).json();
  const Json& energy = json.at("energy");
  const auto names = [](const Json& rows) {
    std::vector<std::string> list;
    for (const Json& row : rows) list.push_back(row.at("name"));
    return list;
  };
  const std::vector<std::string> stages{"read", "decode", "resize", "normalise"};
  const std::vector<std::string> by_time = names(energy.at("by_time").at("layers"));
  ASSERT_GT(by_time.size(), 7U);
  EXPECT_EQ(std::vector(by_time.begin(), by_time.begin() + 4), stages);
  // The model's own names.
  const std::string layers = fmt::format("{}", fmt::join(by_time, " "));
  for (const char* name : {"mean", "scores", "prob"}) EXPECT_NE(layers.find(name), std::string::npos) << name;
  EXPECT_EQ(by_time[by_time.size() - 2], "waiting");
  EXPECT_EQ(by_time.back(), "unattributed");
  double sum = 0;
  for (const Json& row : energy.at("by_time").at("layers")) {
    EXPECT_GE(row.at("gross_mj"), 0);
    sum += row.at("gross_mj").get<double>();
  }
  const double whole = energy.at("results").at(0).at("per_image").at("gross_mj");
  EXPECT_NEAR(sum, whole, 2e-6);  // rows are whole nanojoules

  // Everything but waiting alone, and what is left of it.
  const Json& replays = energy.at("by_replay").at("layers");
  EXPECT_EQ(names(replays), std::vector(by_time.begin(), by_time.end() - 2));
  for (const Json& row : replays) EXPECT_EQ(row.at("method"), "replay");
  EXPECT_GT(energy.at("by_replay").at("closure"), 0);

  // Joules of a MAC and the like, and what a fit without the layer says of it.
  const Json& activity = energy.at("by_activity");
  EXPECT_FALSE(activity.at("costs").empty());
  for (const Json& cost : activity.at("costs")) EXPECT_GE(cost.at("joules"), 0);
  for (const Json& row : activity.at("layers")) EXPECT_TRUE(row.at("error").is_number());

  const Json line = Json::parse(std::ifstream(ledger));
  EXPECT_EQ(line.at("closure"), energy.at("by_replay").at("closure"));
  std::set<std::string> methods;
  for (const Json& row : line.at("layers")) methods.insert(row.at("method"));
  EXPECT_EQ(methods, (std::set<std::string>{"activity", "replay"}));
  EXPECT_GT(line.at("throughput").at("p50_ms"), 0);
}

TEST_F(EnergyProgram, PhotographsProfiledWithoutEnergyHaveTheSameParts) {
  folder.write("photos/a.jpg", some_jpeg());
  const Outcome text =
      godwit({"bench", model, "--images", folder / "photos", "--profile", "--seconds", "0.1"});
  EXPECT_EQ(text.exit_code, 0) << text.err;
  for (const char* part : {"decode", "normalise", "waiting", "unattributed"})
    EXPECT_NE(text.out.find(part), std::string::npos) << text.out;
  for (const char* nonsense : {"inf", "nan "})
    EXPECT_EQ(text.out.find(nonsense, text.out.find("per part")), std::string::npos) << text.out;
}

TEST_F(EnergyProgram, ASoakHasARowForEachStretch) {
  const Feeder feeder(counter_of("sys/class/powercap/intel-rapl:0", 40));
  const Json json = godwit(bench({"--json", "--rounds", "1", "--soak", "0.8s"})).json();
  const Json& soak = json.at("energy").at("soak");
  // A row ends with the run that is under way, however long a busy machine makes that.
  ASSERT_GE(soak.at("rows").size(), 1U);
  EXPECT_LE(soak.at("rows").size(), 8U);
  for (const Json& row : soak.at("rows")) {
    EXPECT_GT(row.at("images_per_second"), 0);
    EXPECT_TRUE(row.at("watts").is_number());
    EXPECT_TRUE(row.at("temperature_c").is_null());
  }
  EXPECT_TRUE(soak.at("verdict").contains("state"));
  expect_error(godwit(bench({"--soak", "soon"})), 2, "--soak 'soon' is not a time such as 90s, 30m or 2h");
}

TEST_F(EnergyProgram, ASoakWithoutASensorHasNoWatts) {
  const Outcome outcome = godwit(bench({"--soak", "0.4"}));
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_NE(outcome.out.find("\nsoak\n"), std::string::npos) << outcome.out;
  EXPECT_NE(outcome.err.find("images/s"), std::string::npos);
  EXPECT_EQ(outcome.err.find(" W, "), std::string::npos) << outcome.err;
}

TEST_F(EnergyProgram, ASelftestNeedsASensorAndFailsWhereItDoesNotTellOfWork) {
  const std::vector<std::string> arguments{"energy", "selftest", "--seconds",    "0.3",      "--threads",
                                           "2",      "--sysfs",  folder / "sys", "--procfs", folder / "proc"};
  expect_error(godwit(arguments), 3, "there is nothing to test: no energy sensor is visible here");
  // 40 W whatever the machine does.
  const Feeder feeder(counter_of("sys/class/powercap/intel-rapl:0", 40));
  std::vector<std::string> as_json = arguments;
  as_json.emplace_back("--json");
  const Outcome outcome = godwit(as_json);
  EXPECT_EQ(outcome.exit_code, 1) << outcome.err;
  const Json json = outcome.json();
  EXPECT_EQ(json.at("schema"), "godwit.selftest/1");
  EXPECT_EQ(json.at("passed"), false);
  EXPECT_EQ(json.at("checks").at(0).at("name"), "package power rises from idle to one thread");
  EXPECT_TRUE(json.at("sensors").contains("looked_at"));
  EXPECT_EQ(json.at("energy").at("host").at("cpu"), "Test CPU");
}

energy::HostFacts facts(std::optional<std::string> virt, bool container) {
  energy::HostFacts host;
  host.host.virt = std::move(virt);
  host.container = container;
  return host;
}

TEST(EnergyMessage, OfASensorThatMayNotBeReadNamesThreeWays) {
  energy::Discovery found;
  found.unreadable = {
      {"/sys/class/powercap/intel-rapl:0/energy_uj", "mode 0400, owner root", false},
      {"perf PMU \"power\"", "needs CAP_PERFMON or kernel.perf_event_paranoid <= 0 (it is 2)", true}};
  EXPECT_EQ(
      not_measured_text(found, facts({}, false), {"bench m.onnx", "ann"}),
      "energy: NOT MEASURED - a sensor exists but user 'ann' may not read it.\n"
      "  /sys/class/powercap/intel-rapl:0/energy_uj  mode 0400, owner root (root only since Linux 5.10, "
      "CVE-2020-8694)\n"
      "  perf PMU \"power\"                            needs CAP_PERFMON or kernel.perf_event_paranoid <= 0 "
      "(it is "
      "2)\n"
      "  choose one  a. this program only:   sudo setcap cap_perfmon=ep /usr/bin/godwit\n"
      "              b. a group, lasting:    sudo godwit energy grant --group energy     (writes a udev rule "
      "and "
      "shows it first)\n"
      "              c. until reboot:        sudo chmod a+r /sys/class/powercap/intel-rapl:0/energy_uj\n"
      "  note        energy counters can leak secrets on shared machines; a. exposes least.\n"
      "  reported    time, CPU seconds, MACs and bytes per image. (--require-energy makes this an error, "
      "exit "
      "3)\n");
}

TEST(EnergyMessage, InAContainerNamesBothMounts) {
  energy::Discovery found;
  found.looked = {{"/sys/class/powercap", "absent"}};
  const std::string text = not_measured_text(found, facts({}, true), {"bench m.onnx", "root"});
  EXPECT_NE(text.find("this is a container"), std::string::npos);
  EXPECT_NE(text.find("/sys/class/powercap:/host/class/powercap:ro"), std::string::npos) << text;
  EXPECT_NE(text.find("/sys/devices/virtual/powercap:/host/devices/virtual/powercap:ro"), std::string::npos);
  EXPECT_NE(text.find("--sysfs /host"), std::string::npos);
}

TEST(TimedImages, PartsAndWaitingNeverExceedWhatTheCoresHave) {
  // Two cores for 10 ms; parts of 6 and 4 core ms.
  const auto image = [](double cpu_seconds) {
    TimedImage timed;
    timed.threads = 2;
    timed.wall_seconds = 10e-3;
    timed.parts = {{"a", 6e-3, 1}, {"b", 2e-3, 2}};
    timed.macs.resize(2);
    add_waiting(timed, cpu_seconds);
    return timed;
  };
  const auto core_ms = [](const energy::TimedPart& part) { return part.seconds * part.cores * 1e3; };
  const TimedImage alone = image(12e-3);
  EXPECT_NEAR(core_ms(alone.parts[0]), 6, 1e-9);
  EXPECT_NEAR(core_ms(alone.parts[2]), 8, 1e-9);
  EXPECT_EQ(alone.parts[2].name, "waiting");
  // Another program had the cores for half of what the timers tell.
  const TimedImage crowded = image(5e-3);
  EXPECT_NEAR(core_ms(crowded.parts[0]), 3, 1e-9);
  EXPECT_NEAR(core_ms(crowded.parts[1]), 2, 1e-9);
  EXPECT_NEAR(core_ms(crowded.parts[2]), 15, 1e-9);
}

Measurement at(std::int64_t batch, double images_per_second) {
  Measurement m;
  m.batch = batch;
  m.sorted_ms = {static_cast<double>(batch) * 1e3 / images_per_second};
  return m;
}

TEST(BatchSweep, StopsWhenTwoDoublingsGainLessThanTwoPercent) {
  EXPECT_FALSE(levels_off({at(1, 100), at(2, 101)}));
  EXPECT_FALSE(levels_off({at(1, 100), at(2, 101), at(4, 103)}));
  EXPECT_TRUE(levels_off({at(1, 100), at(2, 101), at(4, 101.5)}));
  EXPECT_TRUE(levels_off({at(1, 100), at(2, 140), at(4, 130), at(8, 120)}));
  // Ties go to the smaller batch.
  EXPECT_EQ(best_batch({at(1, 100), at(2, 139), at(4, 140), at(8, 120)}), 2);
  EXPECT_EQ(best_batch({at(1, 100), at(2, 130), at(4, 140)}), 4);
}

}  // namespace
}  // namespace godwit::tools
