// Estimates, profiles, caps and sweeps as commands: on made-up trees, without waiting for a sensor.
#include <atomic>
#include <chrono>
#include <csignal>
#include <fcntl.h>
#include <filesystem>
#include <fmt/format.h>
#include <fstream>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>
#include <vector>

#include "runtime/energy/caps/cap_journal_file.h"
#include "runtime/energy/ledger/ledger.h"
#include "runtime/energy/protocol/power_profile.h"
#include "tests/tools/program.h"

namespace godwit::tools {
namespace {

const std::string kZone = "sys/class/powercap/intel-rapl:0/";

// A tree with one package of 65 W, seen from bare metal.
void write_tree(const TemporaryDirectory& folder) {
  folder.write(kZone + "name", "package-0\n");
  folder.write(kZone + "constraint_0_name", "long_term\n");
  folder.write(kZone + "constraint_0_power_limit_uw", "65000000\n");
  folder.write(kZone + "constraint_0_max_power_uw", "65000000\n");
  folder.write("proc/cpuinfo", "processor : 0\nmodel name : Some CPU\nflags : fpu\n");
  folder.write("proc/sys/kernel/random/boot_id", "boot-1\n");
}

std::vector<std::string> with_tree(const TemporaryDirectory& folder, std::vector<std::string> arguments) {
  for (const std::string& more :
       {std::string("--sysfs"), folder / "sys", std::string("--procfs"), folder / "proc"})
    arguments.push_back(more);
  return arguments;
}

std::string content(const std::string& path) {
  std::stringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

std::vector<std::string> short_bench(const std::string& model) {
  return {"bench", model, "--seconds", "0.01", "--min-repetitions", "2", "--threads", "1"};
}

TEST(EstimateCommand, IsARangeThatIsNeverCalledMeasured) {
  const TemporaryDirectory folder;
  write_tree(folder);
  std::vector<std::string> arguments = short_bench(save_tiny_model(folder));
  arguments.insert(arguments.end(), {"--estimate", "--tdp", "100", "--idle-watts", "10"});
  const Outcome text = godwit(with_tree(folder, arguments));
  EXPECT_EQ(text.exit_code, 0) << text.err;
  EXPECT_NE(text.out.find("energy, estimated from CPU time (no sensor was read)"), std::string::npos)
      << text.out;
  EXPECT_NE(text.out.find("P_max 100 W (--tdp)"), std::string::npos) << text.out;
  EXPECT_EQ(text.out.find("measured"), std::string::npos) << text.out;
  arguments.push_back("--json");
  const Json json = godwit(with_tree(folder, arguments)).json();
  EXPECT_TRUE(json.at("energy").is_null());
  const Json& estimate = json.at("estimate");
  EXPECT_EQ(estimate.at("quality"), "estimate");
  const double low = estimate.at("low_j_per_image"), middle = estimate.at("middle_j_per_image"),
               high = estimate.at("high_j_per_image");
  EXPECT_GT(low, 0);
  EXPECT_NEAR(middle, 4 * low, 1e-9);
  EXPECT_NEAR(high, 4 * middle, 1e-9);
}

TEST(EstimateCommand, WithoutATdpThereIsNone) {
  const TemporaryDirectory folder;
  folder.write("proc/cpuinfo", "model name : Some CPU\n");
  folder.write("sys/x", "");
  std::vector<std::string> arguments = short_bench(save_tiny_model(folder));
  arguments.push_back("--estimate");
  const Outcome text = godwit(with_tree(folder, arguments));
  EXPECT_EQ(text.exit_code, 0) << text.err;
  EXPECT_NE(text.out.find("no estimate: nobody said what this machine may draw; give --tdp"),
            std::string::npos);
  EXPECT_NE(text.out.find("CPU seconds"), std::string::npos);
  arguments.push_back("--json");
  const Json json = godwit(with_tree(folder, arguments)).json();
  EXPECT_TRUE(json.at("estimate").at("low_j_per_image").is_null());
  EXPECT_GT(json.at("estimate").at("cpu_s_per_image").get<double>(), 0);
  // The firmware's limit is the only other source.
  write_tree(folder);
  EXPECT_NE(godwit(with_tree(folder, short_bench(save_tiny_model(folder)))).out, "");
  arguments.pop_back();
  EXPECT_NE(godwit(with_tree(folder, arguments)).out.find("P_max 65 W (constraint_0_max_power_uw)"),
            std::string::npos);
}

TEST(EstimateCommand, AProfileNamesMachineDateAndError) {
  const TemporaryDirectory folder;
  write_tree(folder);
  energy::PowerProfile profile =
      energy::fit_profile({{0, 10}, {0, 10.1}, {0, 9.9}, {1, 30}, {1, 30.3}, {1, 29.7}});
  profile.cpu = "Another CPU";
  profile.date = "2026-11-21";
  profile.scope = "package";
  const std::string path = folder.write("power.json", energy::to_json_text(profile));
  std::vector<std::string> arguments = short_bench(save_tiny_model(folder));
  arguments.insert(arguments.end(), {"--estimate", "--power-profile", path});
  const std::string text = godwit(with_tree(folder, arguments)).out;
  EXPECT_NE(text.find("profile of Another CPU (1 CPU) made 2026-11-21, scope package, 95 % error"),
            std::string::npos)
      << text;
  EXPECT_NE(text.find("this machine is another"), std::string::npos) << text;
  arguments.back() = folder.write("bad.json", "{}");
  expect_error(godwit(with_tree(folder, arguments)), 2, "is not a profile");
}

TEST(EstimateCommand, ItsOptionsNeedEachOther) {
  const TemporaryDirectory folder;
  std::vector<std::string> arguments = short_bench(save_tiny_model(folder));
  arguments.insert(arguments.end(), {"--tdp", "65"});
  expect_error(godwit(arguments), 2, "--estimate");
  arguments.back() = "-1";
  expect_error(godwit(arguments), 2, "not a number above 0");
}

// Estimates go to a field of their own in the ledger, and the report keeps them apart.
TEST(EstimateCommand, TheLedgerHoldsItApart) {
  const TemporaryDirectory folder;
  folder.write("proc/cpuinfo", "model name : Some CPU\n");
  folder.write("sys/x", "");
  const std::string ledger = folder / "runs.jsonl";
  std::vector<std::string> arguments = short_bench(save_tiny_model(folder));
  arguments.insert(arguments.end(), {"--energy", "--ledger", ledger, "--estimate", "--tdp", "50"});
  const Outcome outcome = godwit(with_tree(folder, arguments));
  ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
  const std::vector<energy::Record> records = energy::parse_ledger(content(ledger), ledger);
  ASSERT_EQ(records.size(), 1U);
  EXPECT_FALSE(records[0].energy);
  ASSERT_TRUE(records[0].estimate);
  EXPECT_GT(records[0].images, 0);
  const Json row = godwit({"report", ledger, "--json"}).json().at("rows").at(0);
  EXPECT_TRUE(row.at("gross_j_per_image").is_null());
  EXPECT_FALSE(row.at("estimate").is_null());
}

TEST(CapCommand, ShowsWhatCouldCapPower) {
  const TemporaryDirectory folder;
  write_tree(folder);
  const Outcome text = godwit(with_tree(folder, {"energy", "cap", "show"}));
  EXPECT_EQ(text.exit_code, 0) << text.err;
  EXPECT_NE(text.out.find("powercap: usable"), std::string::npos) << text.out;
  EXPECT_NE(text.out.find("now 65000000, not below 19500000"), std::string::npos) << text.out;
  EXPECT_NE(text.out.find("cpufreq: not here: there is no frequency policy"), std::string::npos) << text.out;
  EXPECT_NE(text.out.find("threads: usable, needs no privilege"), std::string::npos) << text.out;
  const Json json = godwit(with_tree(folder, {"energy", "cap", "show", "--json"})).json();
  EXPECT_EQ(json.at("backends").at(0).at("usable"), true);
  EXPECT_EQ(json.at("backends").at(1).at("usable"), false);
}

TEST(CapCommand, RestoresWhatADeadProcessLeft) {
  const TemporaryDirectory folder;
  write_tree(folder);
  const std::string limit = kZone + "constraint_0_power_limit_uw", journal = folder / "run";
  std::filesystem::create_directory(journal);
  const std::vector<std::string> restore =
      with_tree(folder, {"energy", "cap", "restore", "--journal-dir", journal});
  EXPECT_EQ(godwit(restore).out, "nothing to put back\n");
  const energy::JournalFile left{
      "boot-1", 999'999'999, 1, {{limit, "65000000", "30000000", true, "65000000"}}};
  energy::write_journal(journal, left);
  folder.write(limit, "30000000\n");
  EXPECT_EQ(godwit(restore).out, "power limit of package-0 (long_term) put back to 65 W\n");
  EXPECT_EQ(content(folder / limit), "65000000\n");
  // Changed by someone else: kept, and said so.
  energy::write_journal(journal, left);
  folder.write(limit, "40000000\n");
  EXPECT_NE(godwit(restore).out.find("was changed to 40 W by someone else"), std::string::npos);
  EXPECT_EQ(content(folder / limit), "40000000\n");
  expect_error(godwit({"energy", "cap", "dance"}), 2, "dance");
}

TEST(SweepCommand, RefusesWhatItCannotDo) {
  const TemporaryDirectory folder;
  folder.write("proc/cpuinfo", "model name : Some CPU\n");
  folder.write("sys/x", "");
  const std::string model = save_tiny_model(folder);
  const auto sweep = [&](std::vector<std::string> more) {
    more.insert(more.begin(), {"energy", "sweep", model});
    return godwit(with_tree(folder, more));
  };
  expect_error(sweep({}), 3, "a sweep needs a sensor");
  expect_error(sweep({"--cap", "much"}), 2, "is not of the form 40%..100%");
  expect_error(sweep({"--cap", "90%..40%"}), 2, "begins above its end");
  expect_error(sweep({"--cap", "50%..120%"}), 2, "needs --allow-raise");
  expect_error(sweep({"--threads", "1,x"}), 2, "--threads: 'x' is not a number");
  expect_error(sweep({"--batch", "0.5"}), 2, "is not whole numbers");
  expect_error(sweep({"--min-top1", "70"}), 2, "needs --top1");
  expect_error(sweep({"--objective", "fun"}), 2, "fun");
  expect_error(godwit(with_tree(folder, {"energy", "calibrate", model, "--output", folder / "p.json"})), 3,
               "calibrating needs a sensor");
  EXPECT_FALSE(std::filesystem::exists(folder / "p.json"));
}

// Two points on a tree whose counter stands still: no power, so no answer, and every limit is back.
TEST(SweepCommand, PutsLimitsBackWhenNothingComesOfIt) {
  const TemporaryDirectory folder;
  write_tree(folder);
  folder.write(kZone + "energy_uj", "1000000\n");
  folder.write(kZone + "max_energy_range_uj", "262143328850\n");
  const Outcome outcome =
      godwit(with_tree(folder, {"energy", "sweep", save_tiny_model(folder), "--backend", "threads", "--cap",
                                "100%", "--rounds", "2", "--seconds", "0.1", "--threads", "1",
                                "--journal-dir", folder / "run", "--json"}));
  EXPECT_EQ(outcome.exit_code, 1) << outcome.err;
  EXPECT_EQ(outcome.json().at("points").at(0).at("refused"), "no-power");
  EXPECT_EQ(outcome.json().at("answer"), "no point keeps the floors");
  EXPECT_EQ(content(folder / (kZone + "constraint_0_power_limit_uw")), "65000000\n");
}

// A package whose counter climbs at 20 W as long as the object lives.
class ClimbingCounter {
 public:
  explicit ClimbingCounter(const std::string& path) : file_(::open(path.c_str(), O_WRONLY | O_CREAT, 0644)) {
    step();
    thread_ = std::thread([this] {
      while (!done_) {
        step();
        std::this_thread::sleep_for(std::chrono::milliseconds(2));
      }
    });
  }
  ~ClimbingCounter() {
    done_ = true;
    thread_.join();
    ::close(file_);
  }
  ClimbingCounter(const ClimbingCounter&) = delete;
  ClimbingCounter& operator=(const ClimbingCounter&) = delete;

 private:
  // Always as many digits, so that no reader meets a shorter text.
  void step() const {
    const double passed = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin_).count();
    const std::string text = fmt::format("{:.0f}\n", 1e9 + 20e6 * passed);
    EXPECT_EQ(::pwrite(file_, text.data(), text.size(), 0), static_cast<ssize_t>(text.size()));
  }

  int file_;
  std::chrono::steady_clock::time_point begin_ = std::chrono::steady_clock::now();
  std::atomic<bool> done_ = false;
  std::thread thread_;
};

// True once `holds` does, at the latest after so many seconds.
template <class Holds>
bool within(double seconds, const Holds& holds) {
  for (double passed = 0; passed < seconds; passed += 0.002) {
    if (holds()) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  return holds();
}

TEST(SweepCommand, EveryPointHasItsLineInTheLedger) {
  const TemporaryDirectory folder;
  write_tree(folder);
  folder.write(kZone + "max_energy_range_uj", "262143328850\n");
  const ClimbingCounter counter(folder / (kZone + "energy_uj"));
  const std::string ledger = folder / "runs.jsonl";
  const Outcome outcome = godwit(with_tree(folder, {"energy",        "sweep",        save_tiny_model(folder),
                                                    "--backend",     "threads",      "--cap",
                                                    "100%",          "--rounds",     "2",
                                                    "--seconds",     "0.5",          "--threads",
                                                    "1,2",           "--batch",      "4",
                                                    "--journal-dir", folder / "run", "--ledger",
                                                    ledger,          "--json"}));
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  const Json points = outcome.json().at("points");
  std::istringstream lines(content(ledger));
  std::size_t count = 0;
  for (std::string text; std::getline(lines, text); ++count) {
    const Json line = Json::parse(text), &point = points.at(count);
    EXPECT_EQ(line.at("schema"), "godwit.energy/1");
    EXPECT_EQ(line.at("protocol").at("name"), "sweep");
    EXPECT_EQ(line.at("protocol").at("rounds"), 2);
    EXPECT_EQ(line.at("model").at("threads"), point.at("threads"));
    EXPECT_EQ(line.at("model").at("batch"), 4);
    EXPECT_EQ(line.at("cap").at("backend"), "threads");
    EXPECT_EQ(line.at("cap").at("restored"), true);
    EXPECT_TRUE(line.at("energy").at("net_j").is_null());
    EXPECT_GT(line.at("per_image").at("gross_mj"), 0);
    EXPECT_GE(line.at("throughput").at("p99_ms"), line.at("throughput").at("p50_ms"));
  }
  EXPECT_EQ(count, points.size());
  EXPECT_GE(count, 2U);
}

TEST(SweepCommand, KilledInTheMiddleEveryLimitComesBack) {
  const TemporaryDirectory folder;
  write_tree(folder);
  folder.write(kZone + "max_energy_range_uj", "262143328850\n");
  const ClimbingCounter counter(folder / (kZone + "energy_uj"));
  const std::string limit = folder / (kZone + "constraint_0_power_limit_uw");
  std::vector<std::string> arguments =
      with_tree(folder, {GODWIT_PROGRAM, "energy", "sweep", save_tiny_model(folder), "--cap", "50%",
                         "--rounds", "2", "--threads", "1", "--journal-dir", folder / "run"});
  std::vector<char*> argv;
  for (std::string& argument : arguments) argv.push_back(argument.data());
  argv.push_back(nullptr);
  const pid_t child = ::fork();
  if (child == 0) {
    const int null = ::open("/dev/null", O_WRONLY);
    ::dup2(null, STDOUT_FILENO);
    ::dup2(null, STDERR_FILENO);
    ::execv(argv[0], argv.data());
    ::_exit(127);
  }
  // The sweep takes some 15 seconds; the cap is there after the first or second point.
  EXPECT_TRUE(within(30, [&] { return content(limit) == "32500000\n"; }));
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
  EXPECT_TRUE(within(1, [&] { return content(limit) == "65000000\n"; })) << content(limit);
}

}  // namespace
}  // namespace godwit::tools
