// Meters' logs and powercap trees that were once misread, through the program: each gives its right figure or
// says why not. The cases come with the project's data; twins of them are made here.
#include <cmath>
#include <filesystem>
#include <fmt/format.h>
#include <fstream>
#include <gtest/gtest.h>
#include <string>
#include <unistd.h>
#include <vector>

#include "tests/tools/energy_program.h"

namespace godwit::tools {
namespace {

namespace fs = std::filesystem;

const std::string kCases = GODWIT_SOURCE_DIR "/../shared/cases/";

// Skips the test where the cases are absent, and says so.
#define GODWIT_REQUIRE_CASES()                                      \
  if (!fs::exists(kCases + "meter_units/plain.csv")) {              \
    GTEST_SKIP() << kCases << " is not there: its logs NOT joined"; \
  }

struct Case {
  std::string file;
  std::vector<std::string> options;
  std::string refused;  // words of the error; empty: the power is measured
};

// All logs show the same power in rounds, whatever else they hold.
void expect_case(const std::string& ledger, const std::string& log, const Case& each, double watts = 20) {
  SCOPED_TRACE(each.file);
  std::vector<std::string> arguments{"energy", "join", ledger, log, "--json"};
  arguments.insert(arguments.end(), each.options.begin(), each.options.end());
  const Outcome outcome = godwit(arguments);
  if (!each.refused.empty()) return expect_error(outcome, 2, each.refused);
  ASSERT_EQ(outcome.exit_code, 0) << outcome.err << outcome.out.substr(0, 2000);
  const Json result = outcome.json().at("energy").at("results").at(0);
  double seconds = 0;
  for (const Json& window : result.at("window_s")) seconds += window.get<double>();
  // Windows begin and end between readings, by clocks that are known as well as is stated.
  const double stated = 2 * result.at("u").at("edge").get<double>();
  EXPECT_LT(stated, 0.2 * watts * seconds);  // far less than any unit or column that is taken for another
  EXPECT_NEAR(result.at("gross_j").get<double>(), watts * seconds, stated);
  EXPECT_NE(result.at("verdict").at("state"), "invalid");
}

TEST(MeterCases, GiveTheirFigureOrTheReason) {
  GODWIT_REQUIRE_CASES();
  const std::string no_unit = "column 'energy' names no unit; give --meter-unit J, Wh or kWh";
  const std::string no_header = "no header says which column is power; choose with --meter-column N";
  const std::vector<Case> short_run = {
      {"meter_units/plain.csv", {}, ""},
      {"meter_units/kw_named.csv", {}, ""},
      {"meter_units/mw_named.csv", {}, ""},
      {"meter_units/units_in_header.csv", {}, ""},
      {"meter_units/nohdr_volts.csv", {}, no_header},
      {"meter_units/nohdr_volts.csv", {"--meter-column", "3", "--meter-unit", "W"}, ""},
      {"meter_units/energy_wh.csv", {}, no_unit},
      {"meter_units/energy_wh.csv", {"--meter-unit", "Wh"}, ""},
      {"meter_units/energy_kwh.csv", {}, no_unit},
      {"meter_units/energy_kwh.csv", {"--meter-unit", "kWh"}, ""},
      {"meter_formats/iso_p0100.csv", {}, ""},
      {"meter_formats/newest_first.csv", {}, ""},
      {"meter_formats/ns.csv", {}, ""},
      {"meter_formats/semicolon_decimal_comma.csv", {}, ""},
      {"meter_formats/tabs.tsv", {}, ""},
  };
  for (const Case& each : short_run)
    expect_case(kCases + "meter_units/meter_run.jsonl", kCases + each.file, each, 50);
  const std::vector<Case> long_run = {
      {"meter_units/plain.10s.csv", {}, ""},
      {"meter_units/kw_named.10s.csv", {}, ""},
      {"meter_units/mw_named.10s.csv", {}, ""},
      {"meter_units/units_in_header.10s.csv", {}, ""},
      {"meter_units/nohdr_volts.10s.csv", {}, no_header},
      {"meter_units/nohdr_volts.10s.csv", {"--meter-column", "3"}, ""},
      {"meter_units/energy_kwh.10s.csv", {}, no_unit},
      {"meter_units/energy_kwh.10s.csv", {"--meter-unit", "kWh"}, ""},
  };
  for (const Case& each : long_run)
    expect_case(kCases + "meter_units/run_10s.jsonl", kCases + each.file, each, 50);
}

// A run of two rounds of ten seconds, as --meter-later writes it.
std::string small_run() {
  constexpr std::int64_t kBegin = 1'763'695'800'000'000'000, kNs = 1'000'000'000;
  Json timeline = Json::array();
  const auto add = [&](const char* phase, std::int64_t begin, std::int64_t end, int runs) {
    timeline.push_back({{"phase", phase},
                        {"begin_ns", kBegin + begin * kNs},
                        {"end_ns", kBegin + end * kNs},
                        {"runs", runs}});
  };
  add("idle-before", 0, 10, 0);
  add("warm-up", 10, 12, 20);
  add("round", 12, 22, 100);
  add("round", 22, 32, 100);
  add("idle-after", 32, 42, 0);
  const Json record = {{"schema", "godwit.energy/1"},
                       {"run", "R"},
                       {"protocol", {{"name", "std"}, {"rounds", 2}}},
                       {"per_image", {{"images", 200}}},
                       {"timeline", timeline}};
  return record.dump() + "\n";
}

TEST(MeterTwins, AreJoinedOrRefused) {
  const TemporaryDirectory folder;
  const std::string ledger = folder.write("run.jsonl", small_run());
  const auto log = [&](const std::string& name, const std::string& header, const std::string& line,
                       double scale, double from = 0) {
    std::string text = header;
    for (int i = -8; i <= 4 * 44; ++i) {
      const double t = i * 0.25;
      text += fmt::format(fmt::runtime(line), fmt::arg("t", fmt::format("{:.2f}", 1'763'695'800 + t)),
                          fmt::arg("w", 20 * scale), fmt::arg("e", (from + 20 * (t + 2)) * scale)) +
              "\n";
    }
    return folder.write(name, text);
  };
  expect_case(ledger, log("kw.csv", "time,Power (kW)\n", "{t},{w:.3f}", 1e-3), {"kW", {}, ""});
  expect_case(ledger, log("mw.csv", "time,volts,power_mw\n", "{t},230,{w:.0f}", 1e3), {"mW", {}, ""});
  expect_case(ledger, log("kwh.csv", "time,energy_kwh\n", "{t},{e:.9f}", 1 / 3.6e6, 4e7), {"kWh", {}, ""});
  expect_case(ledger, log("wh.csv", "time;energy\n", "{t};{e:.6f}", 1 / 3600.0),
              {"Wh", {"--meter-unit", "Wh"}, ""});
  expect_case(ledger, log("uj.csv", "t\tenergy_uj\n", "{t}\t{e:.0f}", 1e6), {"uJ", {}, ""});
  expect_case(ledger, log("v.csv", "", "{t},230.1,{w}", 1),
              {"volts", {}, "no header says which column is power"});
  expect_case(ledger, log("v.csv", "", "{t},230.1", 1), {"volts alone", {}, "may be volts"});
  expect_case(ledger, log("n.csv", "t,watts\n", "{t},-{w}", 1), {"reversed", {}, "is the clamp reversed?"});
  expect_case(ledger, log("x.csv", "t,watts\n", "{t},{w},1", 1),
              {"more fields", {}, "line 2: 3 fields, the header has 2"});
  expect_case(ledger, log("c.csv", "t,watts\n", "{t},{w}", 1),
              {"columns", {"--meter-columns", "t=1,watts=2"}, ""});
  expect_case(ledger, folder / "c.csv",
              {"both", {"--meter-columns", "t=1,watts=2", "--meter-unit", "W"}, "--meter-columns excludes"});
  expect_case(ledger, folder / "c.csv",
              {"unit", {"--meter-unit", "volts"}, "--meter-unit 'volts' is none of"});
}

TEST(MeterTwins, AHoleIsSuspectAndADayBesideIsToldWithBothTimes) {
  const TemporaryDirectory folder;
  const std::string ledger = folder.write("run.jsonl", small_run());
  std::string hole = "t,watts\n", beside = "t,watts\n";
  for (int i = -8; i <= 4 * 44; ++i) {
    const double t = i * 0.25;
    if (t <= 15 || t >= 18) hole += fmt::format("{:.2f},20\n", 1'763'695'800 + t);
    beside += fmt::format("{:.2f},20\n", 1'763'695'800 + 86400 + t);
  }
  const Json joined = godwit({"energy", "join", ledger, folder.write("hole.csv", hole), "--json"}).json();
  const Json& result = joined.at("energy").at("results").at(0);
  EXPECT_EQ(result.at("verdict").at("state"), "suspect");
  EXPECT_EQ(result.at("verdict").at("reasons"), Json::array({"meter-gap"}));
  EXPECT_NEAR(result.at("window_s").at(0).get<double>(), 7, 1e-6);
  EXPECT_NEAR(result.at("gross_j").get<double>(), 20 * 17, 0.01);
  EXPECT_NEAR(result.at("images").get<double>(), 170, 2);
  const Outcome other = godwit({"energy", "join", ledger, folder.write("beside.csv", beside)});
  EXPECT_EQ(other.exit_code, 1);
  EXPECT_NE(other.out.find("the log tells of 2025-11-22T03:29:58Z to 2025-11-22T03:30:44Z, the run was from "
                           "2025-11-21T03:30:00Z to 2025-11-21T03:30:42Z"),
            std::string::npos)
      << other.out;
  EXPECT_NE(other.out.find("invalid:meter-gap"), std::string::npos) << other.out;
}

TEST_F(EnergyProgram, AMeterThatCannotBeReadIsSaidBeforeTheWork) {
  const std::string volts = folder.write("volts.csv", "t,volts\n1,230\n2,230\n");
  expect_error(godwit(bench({"--meter", "csv:" + volts})), 2,
               "no column is named as power or energy; choose with --meter-column NAME|N --meter-unit UNIT");
  expect_error(godwit(bench({"--meter", "csv:" + folder.path().string()})), 2, "it is no file");
  expect_error(godwit(bench({"--meter", "csv:" + volts, "--meter-unit", "furlong"})), 2,
               "--meter-unit 'furlong'");
}

TEST_F(EnergyProgram, ALedgerOfARunWithoutASensorCarriesNoVerdict) {
  const std::string ledger = folder / "runs.jsonl";
  (void)godwit(bench({"--ledger", ledger, "--json"})).json();
  const Json line = Json::parse(std::ifstream(ledger));
  EXPECT_TRUE(line.at("energy").at("measured_j").is_null());
  EXPECT_TRUE(line.at("verdict").is_null());
  const Json row = godwit({"report", ledger, "--json"}).json().at("rows").at(0);
  EXPECT_TRUE(row.at("verdict").is_null()) << row.dump();
}

// Words of `energy sensors` of a tree: its text and its reason.
struct Told {
  std::string text;
  Json json;
};
Told sensors_of(const std::string& tree, const TemporaryDirectory& folder) {
  const std::vector<std::string> arguments{"energy", "sensors", "--sysfs", tree, "--procfs", folder / "proc"};
  std::vector<std::string> json = arguments;
  json.emplace_back("--json");
  const Outcome outcome = godwit(arguments);
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  return {outcome.out, godwit(json).json()};
}
void expect_reason(const Told& told, const std::string& path, const std::string& why) {
  EXPECT_NE(told.text.find("energy: NOT MEASURED - energy sensors are there and none can be used."),
            std::string::npos)
      << told.text;
  EXPECT_EQ(told.text.find("no energy sensor is visible"), std::string::npos) << told.text;
  bool found = false;
  for (const Json& each : told.json.at("unusable"))
    found = found || (each.at("path").get<std::string>().ends_with(path) && each.at("why") == why);
  EXPECT_TRUE(found) << told.json.at("unusable").dump() << "\nexpected " << path << ": " << why;
  EXPECT_NE(told.text.find(why), std::string::npos) << told.text;
  EXPECT_TRUE(told.json.at("total").is_null());
}

TEST_F(EnergyProgram, PowercapCasesTellTheirReason) {
  GODWIT_REQUIRE_CASES();
  const std::string cases = kCases + "powercap_reason/";
  expect_reason(sensors_of(cases + "energy_blank", folder), "intel-rapl:0/energy_uj",
                "it is blank: it reads '', which is no number");
  expect_reason(sensors_of(cases + "energy_eio", folder), "intel-rapl:0", "this zone has no energy_uj");
  expect_reason(sensors_of(cases + "arm_scmi", folder), "arm-scmi:0",
                "a zone named 'arm-scmi' is no domain that is known");
}

TEST_F(EnergyProgram, PowercapTwinsTellTheirReason) {
  const auto tree = [&](const std::string& name) { return name + "/class/powercap/"; };
  folder.write(tree("blank") + "intel-rapl:0/name", "package-0\n");
  folder.write(tree("blank") + "intel-rapl:0/energy_uj", "\n");
  expect_reason(sensors_of(folder / "blank", folder), "intel-rapl:0/energy_uj",
                "it is blank: it reads '', which is no number");
  folder.write(tree("negative") + "intel-rapl:0/name", "package-0\n");
  folder.write(tree("negative") + "intel-rapl:0/energy_uj", "-5\n");
  expect_reason(sensors_of(folder / "negative", folder), "intel-rapl:0/energy_uj",
                "it reads -5, which is below zero");
  folder.write(tree("nameless") + "intel-rapl:0/name", "\n");
  folder.write(tree("nameless") + "intel-rapl:0/energy_uj", "5\n");
  expect_reason(sensors_of(folder / "nameless", folder), "intel-rapl:0",
                "it has no name, so that nobody knows what it counts");
  folder.write(tree("bare") + "intel-rapl:0/name", "package-0\n");
  expect_reason(sensors_of(folder / "bare", folder), "intel-rapl:0", "this zone has no energy_uj");
  fs::create_directories(folder / tree("directory") + "intel-rapl:0/energy_uj");
  expect_reason(sensors_of(folder / "directory", folder), "intel-rapl:0/energy_uj",
                "reading it fails (it is no regular file)");
  // A container that sees the classes' links alone.
  fs::create_directories(folder / tree("links"));
  fs::create_symlink("../../devices/virtual/powercap/intel-rapl/intel-rapl:0",
                     folder / tree("links") + "intel-rapl:0");
  const Told links = sensors_of(folder / "links", folder);
  expect_reason(links, "intel-rapl:0",
                "it is a link to nothing: what it points to, below devices, is not mounted here");
  EXPECT_NE(links.text.find("/class/powercap: 1 zone, 1 cannot be used"), std::string::npos) << links.text;
  expect_error(
      godwit({"bench", model, "--require-energy", "--sysfs", folder / "links", "--procfs", folder / "proc"}),
      3, "it is a link to nothing");
  expect_error(godwit(bench({"--powercap-dir", folder / tree("blank")})), 2,
               "it reads '', which is no number");
}

TEST_F(EnergyProgram, APowercapTreeThatMayNotBeReadSaysPermission) {
  if (::geteuid() == 0) GTEST_SKIP() << "root may read everything: permissions NOT tested";
  folder.write("closed/class/powercap/intel-rapl:0/name", "package-0\n");
  fs::permissions(folder.write("closed/class/powercap/intel-rapl:0/energy_uj", "5\n"), fs::perms::none);
  const Told file = sensors_of(folder / "closed", folder);
  EXPECT_NE(file.text.find("1 zone, 1 of them may not be read: permission denied"), std::string::npos)
      << file.text;
  fs::permissions(folder / "closed/class/powercap/intel-rapl:0", fs::perms::none);
  const Told zone = sensors_of(folder / "closed", folder);
  fs::permissions(folder / "closed/class/powercap/intel-rapl:0", fs::perms::owner_all);
  EXPECT_NE(zone.text.find("permission denied"), std::string::npos) << zone.text;
  fs::permissions(folder / "closed/class/powercap", fs::perms::none);
  const Told folder_text = sensors_of(folder / "closed", folder);
  fs::permissions(folder / "closed/class/powercap", fs::perms::owner_all);
  EXPECT_NE(folder_text.text.find("there, reading fails: permission denied"), std::string::npos)
      << folder_text.text;
}

}  // namespace
}  // namespace godwit::tools
