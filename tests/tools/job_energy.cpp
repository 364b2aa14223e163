// Energy of jobs that are done once: classify and accuracy.
#include <fmt/format.h>
#include <fstream>
#include <gtest/gtest.h>
#include <iterator>
#include <nlohmann/json.hpp>
#include <string>

#include "tests/runtime/image/encode.h"
#include "tests/tools/energy_program.h"

namespace godwit::tools {
namespace {

class JobEnergy : public EnergyProgram {
 protected:
  JobEnergy() {
    for (int i = 0; i < 20; ++i) {
      const auto shade = static_cast<unsigned char>(12 * i);
      folder.write(fmt::format("photos/{:02}.png", i),
                   plain_png(shade, static_cast<unsigned char>(255 - shade), 40));
      truth += fmt::format("{:02}.png,{}\n", i, i < 11 ? 1 : 0);
    }
    folder.write("truth.csv", truth);
  }
  std::vector<std::string> with(std::vector<std::string> arguments,
                                std::vector<std::string> more = {}) const {
    arguments.insert(arguments.end(), more.begin(), more.end());
    return arguments;
  }
  std::vector<std::string> classify() const { return {"classify", model, folder / "photos", "--json"}; }
  std::vector<std::string> accuracy() const {
    return {"accuracy", model, "--data", folder / "photos", "--labels", folder / "truth.csv", "--json"};
  }
  std::vector<std::string> energy(std::vector<std::string> more = {}) const {
    return with({"--energy", "--sysfs", folder / "sys", "--procfs", folder / "proc", "--baseline", "0.3"},
                std::move(more));
  }
  static std::string bytes(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }

  std::string truth = "file,class\n";
};

TEST_F(JobEnergy, AJobIsMeasuredAndItsLabelsAreTheSame) {
  // Large enough that the job outlasts many steps of the counter, which moves when its thread gets a turn.
  const std::vector<unsigned char> large = test::encode_jpeg(1600, 1200);
  for (int i = 0; i < 20; ++i) folder.write(fmt::format("large/{:02}.jpg", i), large);
  const std::vector<std::string> classify = {"classify", model, folder / "large", "--json"};
  const Json plain = godwit(classify).json();
  EXPECT_FALSE(plain.contains("energy"));
  const Feeder feeder(counter_of("sys/class/powercap/intel-rapl:0", 40));
  const std::string ledger = folder / "runs.jsonl";
  const Outcome outcome = godwit(with(classify, energy({"--ledger", ledger, "--batch", "2"})));
  ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
  const Json json = outcome.json();
  EXPECT_EQ(json.at("images"), plain.at("images"));
  const Json& told = json.at("energy");
  EXPECT_EQ(told.at("quality"), "measured");
  EXPECT_EQ(told.at("protocol").at("name"), "job");
  const Json& result = told.at("results").at(0);
  EXPECT_EQ(result.at("images"), 20);
  EXPECT_EQ(result.at("window_s").size(), 1U);
  EXPECT_FALSE(result.at("gross_j").is_null());
  // 20 images take a part of a second: too short to be sure of, and said so.
  EXPECT_EQ(result.at("verdict").at("state"), "suspect");

  const Json line = Json::parse(std::ifstream(ledger));
  EXPECT_EQ(line.at("protocol").at("name"), "job");
  EXPECT_EQ(line.at("model").at("batch"), 2);
  EXPECT_EQ(line.at("per_image").at("images"), 20);
  EXPECT_EQ(line.at("energy").at("gross_j"), result.at("gross_j"));
  EXPECT_TRUE(line.at("accuracy").is_null());
  EXPECT_GT(line.at("throughput").at("p50_ms"), 0);
  EXPECT_GE(line.at("throughput").at("p99_ms"), line.at("throughput").at("p50_ms"));
}

TEST_F(JobEnergy, AccuracyWritesJoulesAndAccuracyOfTheSameRun) {
  ASSERT_EQ(godwit(with(accuracy(), {"--probabilities", folder / "plain.npy"})).exit_code, 0);
  const Feeder feeder(counter_of("sys/class/powercap/intel-rapl:0", 40));
  const std::string ledger = folder / "runs.jsonl";
  const Json json =
      godwit(with(accuracy(), energy({"--ledger", ledger, "--probabilities", folder / "measured.npy"})))
          .json();
  // Bit by bit.
  EXPECT_EQ(bytes(folder / "plain.npy"), bytes(folder / "measured.npy"));
  EXPECT_EQ(json.at("energy").at("results").at(0).at("images"), 20);
  const Json line = Json::parse(std::ifstream(ledger));
  EXPECT_NEAR(line.at("accuracy").at("top1").get<double>(), 100 * json.at("top1").get<double>(), 1e-9);
  EXPECT_EQ(line.at("accuracy").at("set"), "truth.csv");
  // One line holds what a report on accuracy per joule needs.
  const Outcome report = godwit({"report", ledger});
  EXPECT_EQ(report.exit_code, 0) << report.err;
}

TEST_F(JobEnergy, WithoutASensorTheWorkIsDoneAndJoulesAreNull) {
  const std::string ledger = folder / "runs.jsonl";
  const Json json = godwit(with(accuracy(), energy({"--ledger", ledger}))).json();
  EXPECT_EQ(json.at("images"), 20);
  EXPECT_TRUE(json.at("energy").at("measured_j").is_null());
  EXPECT_GT(json.at("energy").at("per_image").at("cpu_s"), 0);
  const Json line = Json::parse(std::ifstream(ledger));
  EXPECT_TRUE(line.at("energy").at("measured_j").is_null());
  EXPECT_TRUE(line.at("per_image").at("gross_mj").is_null());
  EXPECT_EQ(line.at("per_image").at("images"), 20);
  EXPECT_GT(line.at("throughput").at("img_s"), 0);

  const std::string photos = folder / "photos";
  const Outcome text = godwit(with({"classify", model, photos, "--top", "1"}, energy()));
  EXPECT_EQ(text.exit_code, 0) << text.err;
  EXPECT_NE(text.out.find("energy: NOT MEASURED - no energy sensor is visible here.\n"), std::string::npos);
  EXPECT_NE(text.out.find(fmt::format("godwit classify {} IMAGE --energy --meter csv:meter.csv", model)),
            std::string::npos)
      << text.out;
  expect_error(godwit(with(classify(), energy({"--require-energy"}))), 3, "energy was required");
  expect_error(godwit(with(accuracy(), energy({"--require-energy"}))), 3, "energy was required");
  expect_error(godwit(with(classify(), {"--ledger", ledger})), 2, "--energy");
}

TEST_F(JobEnergy, AnEstimateStandsInAFieldOfItsOwn) {
  const Json json = godwit(with(classify(), {"--estimate", "--tdp", "65", "--host-cpus", "64"})).json();
  EXPECT_FALSE(json.contains("energy"));
  const Json& estimate = json.at("estimate");
  EXPECT_EQ(estimate.at("quality"), "estimate");
  EXPECT_LT(estimate.at("low_j_per_image"), estimate.at("high_j_per_image"));
}

// The ledger's timeline is enough to join a meter's log to a job: its runs are images, whatever the batch.
TEST_F(JobEnergy, AMeterIsJoinedToAJob) {
  const std::string ledger = folder / "runs.jsonl";
  godwit(with(classify(),
              energy({"--ledger", ledger, "--batch", "4", "--meter-later", "--meter-clock", "trusted"})))
      .json();
  Json line = Json::parse(std::ifstream(ledger));
  constexpr std::int64_t kBegin = 1'763'695'800'000'000'000;
  const auto part = [](const char* phase, double begin, double end, int runs) {
    return Json{{"phase", phase},
                {"begin_ns", kBegin + static_cast<std::int64_t>(begin * 1e9)},
                {"end_ns", kBegin + static_cast<std::int64_t>(end * 1e9)},
                {"runs", runs}};
  };
  line["timeline"] = {part("idle-before", 0, 10, 0), part("round", 10, 30, 20),
                      part("idle-after", 30, 40, 0)};
  folder.write("edited.jsonl", line.dump() + "\n");
  std::string log = "t,watts\n";
  for (double t = -1; t < 41; t += 0.1)
    log += fmt::format("{:.3f},{}\n", 1'763'695'800 + t, t >= 10 && t < 30 ? 50 : 20);
  folder.write("meter.csv", log);
  const Json json = godwit({"energy", "join", folder / "edited.jsonl", folder / "meter.csv", "--json",
                            "--meter-clock", "trusted"})
                        .json();
  const Json& result = json.at("energy").at("results").at(0);
  EXPECT_EQ(result.at("images"), 20);
  EXPECT_NEAR(result.at("per_image").at("gross_mj").get<double>(), 50e3, 500);
}

}  // namespace
}  // namespace godwit::tools
