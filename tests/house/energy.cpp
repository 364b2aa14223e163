// Energy of ResNet50 as users ask for it: on this machine as it is, and by a meter whose power is known.
#include <array>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <string>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/support/figure.h"
#include "tests/support/temporary_directory.h"

namespace godwit {
namespace {

const std::filesystem::path kModel = std::filesystem::path(GODWIT_SOURCE_DIR) / "models/resnet50.onnx";

struct Outcome {
  int status = -1;
  std::string out;
  nlohmann::json json() const { return nlohmann::json::parse(out); }
};
Outcome run(const std::string& arguments) {
  const std::string command = fmt::format("'{}' {} 2>/dev/null", GODWIT_PROGRAM, arguments);
  FILE* pipe = ::popen(command.c_str(), "r");
  Outcome result;
  std::array<char, 4096> buffer;
  for (std::size_t n = 0; (n = std::fread(buffer.data(), 1, buffer.size(), pipe)) > 0;)
    result.out.append(buffer.data(), n);
  const int status = ::pclose(pipe);
  result.status = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  return result;
}

std::string bench(const std::string& more) {
  return fmt::format("bench '{}' --energy --seconds 1 --min-repetitions 13 {}", kModel.string(), more);
}

class ResNet50Energy : public testing::Test {
 protected:
  void SetUp() override {
    if (!std::filesystem::exists(kModel)) GTEST_SKIP() << kModel << " is absent: run tools/fetch_resnet50";
  }
};

TEST_F(ResNet50Energy, WithoutSensorsTheMessageAndNullJoules) {
  if (!run("energy sensors --json").json().at("total").is_null())
    GTEST_SKIP() << "this machine has energy sensors: NOT tested what is said where there are none";
  const Outcome text = run(bench(""));
  EXPECT_EQ(text.status, 0);
  EXPECT_NE(text.out.find("energy: NOT MEASURED - "), std::string::npos) << text.out;
  EXPECT_NE(text.out.find("reported    time, CPU seconds, MACs and bytes per image."), std::string::npos);
  const Outcome json = run(bench("--json"));
  EXPECT_EQ(json.status, 0);
  EXPECT_TRUE(json.json().at("energy").at("measured_j").is_null());
  EXPECT_EQ(run(bench("--require-energy")).status, 3);
}

// A shell that writes 42 W every 20 ms until it is told to stop.
class MeterScript {
 public:
  explicit MeterScript(const std::string& file) : child_(::fork()) {
    if (child_ != 0) return;
    const std::string script = fmt::format(
        "echo t,watts > '{0}'; while :; do echo $(date +%s.%N),42 >> '{0}'; sleep 0.02; done", file);
    ::execl("/bin/sh", "sh", "-c", script.c_str(), static_cast<char*>(nullptr));
    ::_exit(127);
  }
  ~MeterScript() {
    ::kill(child_, SIGKILL);
    ::waitpid(child_, nullptr, 0);
  }
  MeterScript(const MeterScript&) = delete;
  MeterScript& operator=(const MeterScript&) = delete;

 private:
  pid_t child_;
};

TEST_F(ResNet50Energy, AMeterOfKnownPowerGivesPowerTimesTime) {
  const test::TemporaryDirectory folder;
  const std::string file = folder / "meter.csv";
  const MeterScript meter(file);
  while (!std::filesystem::exists(file)) ::usleep(1000);
  const Outcome result = run(bench(fmt::format(
      "--json --baseline 1 --rounds 2 --meter 'csv:{}' --meter-scope wall --meter-accuracy 0.5%rdg+0.1W",
      file)));
  ASSERT_EQ(result.status, 0);
  const nlohmann::json energy = result.json().at("energy");
  EXPECT_EQ(energy.at("quality"), "external");
  const nlohmann::json& figures = energy.at("results").at(0);
  double seconds = 0;
  for (const nlohmann::json& window : figures.at("window_s")) seconds += window.get<double>();
  const double joules = figures.at("gross_j");
  const double u = figures.at("u").at("meter").get<double>() + figures.at("u").at("edge").get<double>();
  support::figure("power_times_time_joules", 42 * seconds);
  support::figure("reported_joules", joules);
  support::figure("stated_uncertainty_joules", u);
  EXPECT_NEAR(joules, 42 * seconds, 2 * u);
}

}  // namespace
}  // namespace godwit
