// godwit report and godwit energy as a user meets them: what is printed, what is kept apart, what is refused.
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <vector>

#include "runtime/energy/ledger/ledger.h"
#include "tests/tools/program.h"
#include "tools/vision/csv.h"

namespace godwit::tools {
namespace {

energy::Record run(const std::string& model, double joules, double top1) {
  energy::Record record;
  record.run = energy::new_run_id();
  record.model.file = model;
  record.images = 100;
  record.throughput = energy::Throughput{50, {}, {}};
  record.protocol.window_s = {2};
  record.accuracy = energy::Accuracy{top1, {}, ""};
  energy::MeasuredEnergy measured;
  measured.scope = "package+dram";
  measured.gross = energy::Measured<energy::Joules>(energy::Joules{joules});
  measured.net = energy::Measured<energy::Joules>(energy::Joules{joules * 0.6});
  record.energy = measured;
  return record;
}

energy::Record estimated_run(const std::string& model) {
  energy::Record record = run(model, 1, 77);
  record.energy.reset();
  record.estimate = energy::EstimatedEnergy{
      "cpu", energy::Estimated<energy::Joules>::within_factor(energy::Joules{4321}, 4), ""};
  return record;
}

// Two measured runs, one invalid, one estimated.
std::string ledger(const TemporaryDirectory& folder) {
  std::string path = folder / "runs.jsonl";
  energy::append_record(path, run("large.onnx", 360, 80));
  energy::append_record(path, run("small.onnx", 72, 70));
  energy::Record invalid = run("broken.onnx", 5.4321, 99);
  invalid.verdict.invalidate("counter-gap");
  energy::append_record(path, invalid);
  energy::append_record(path, estimated_run("guessed.onnx"));
  return path;
}

TEST(Report, ComputesEfficiencyOfALedger) {
  const TemporaryDirectory folder;
  const Json json = godwit({"report", ledger(folder), "--json"}).json();
  EXPECT_EQ(json.at("schema"), "godwit.report/1");
  EXPECT_EQ(json.at("price").at("per_kwh"), 0.386);
  const Json& large = json.at("rows").at(0);
  EXPECT_EQ(large.at("run"), "large.onnx f32 t1 b1");
  EXPECT_DOUBLE_EQ(large.at("gross_j_per_image").get<double>(), 3.6);
  EXPECT_DOUBLE_EQ(large.at("net_j_per_image").get<double>(), 2.16);
  EXPECT_DOUBLE_EQ(large.at("wh_per_1000_images").get<double>(), 1);
  EXPECT_DOUBLE_EQ(large.at("job_wh").get<double>(), 0.1);
  EXPECT_DOUBLE_EQ(large.at("images_per_kwh").get<double>(), 1e6);
  EXPECT_NEAR(large.at("million_img_per_unit").get<double>(), 1 / 0.386, 1e-9);
  EXPECT_DOUBLE_EQ(large.at("watts").get<double>(), 180);
  EXPECT_EQ(json.at("pareto").at(0).at("runs").size(), 2U);
}

TEST(Report, PueRaisesWhatIsPaidNotTheJoules) {
  const TemporaryDirectory folder;
  const Json json = godwit({"report", ledger(folder), "--json", "--pue", "2", "--price", "0.5", "--currency",
                            "EUR", "--price-source", "a bill"})
                        .json();
  EXPECT_DOUBLE_EQ(json.at("rows").at(0).at("gross_j_per_image").get<double>(), 3.6);
  EXPECT_DOUBLE_EQ(json.at("rows").at(0).at("images_per_kwh").get<double>(), 5e5);
  EXPECT_DOUBLE_EQ(json.at("rows").at(0).at("million_img_per_unit").get<double>(), 1);
}

TEST(Report, AnInvalidRunHasNoJoulesPerImage) {
  const TemporaryDirectory folder;
  const std::string path = ledger(folder);
  const Json row = godwit({"report", path, "--json"}).json().at("rows").at(2);
  for (const char* field : {"gross_j_per_image", "net_j_per_image", "wh_per_1000_images", "images_per_kwh",
                            "million_img_per_unit", "ci95_j_per_image"})
    EXPECT_TRUE(row.at(field).is_null()) << field;
  EXPECT_EQ(row.at("verdict"), "invalid:counter-gap");
  EXPECT_EQ(godwit({"report", path}).out.find("0.0543"), std::string::npos);
}

// The estimate's figures stand in a table of their own, under words that say what they are, and in no
// ranking.
TEST(Report, MeasuredAndEstimatedNeverShareAColumn) {
  const TemporaryDirectory folder;
  const std::string path = ledger(folder);
  const Outcome text =
      godwit({"report", path, "--weight", "0.5", "--min-accuracy", "50", "--max-joules", "100"});
  EXPECT_EQ(text.exit_code, 0) << text.err;
  const std::size_t measured = text.out.find("measured\n"),
                    estimated = text.out.find("\nestimated, not measured"), score = text.out.find("\nscore"),
                    per_joule = text.out.find("\naccuracy per joule");
  ASSERT_NE(measured, std::string::npos) << text.out;
  ASSERT_NE(estimated, std::string::npos) << text.out;
  ASSERT_NE(score, std::string::npos) << text.out;
  ASSERT_NE(per_joule, std::string::npos) << text.out;
  const std::size_t guessed = text.out.find("guessed.onnx");
  EXPECT_GT(guessed, estimated);
  EXPECT_EQ(text.out.find("guessed.onnx", guessed + 1), std::string::npos) << text.out;
  EXPECT_GE(text.out.find("large.onnx", estimated), per_joule);
  EXPECT_NE(text.out.find("no hardware, cooling, maintenance, network or storage"), std::string::npos);

  const vision::CsvTable csv = vision::parse_csv(godwit({"report", path, "--csv"}).out, "csv");
  ASSERT_EQ(csv.rows.size(), 4U);
  for (const auto& row : csv.rows) {
    for (std::size_t i = 0; i < csv.header.size(); ++i) {
      const bool guess = row[csv.column("run")].starts_with("guessed");
      if (csv.header[i].starts_with("measured_")) {
        EXPECT_TRUE(!guess || row[i].empty()) << csv.header[i];
      }
      if (csv.header[i].starts_with("estimated_")) {
        EXPECT_EQ(row[i].empty(), !guess) << csv.header[i];
      }
    }
  }
  EXPECT_EQ(csv.rows[3][csv.column("quality")], "");
}

TEST(Report, RanksByScoreAndWithinFloors) {
  const TemporaryDirectory folder;
  const std::string path = ledger(folder);
  const Json energy_only = godwit({"report", path, "--json", "--weight", "1"}).json().at("score");
  EXPECT_EQ(energy_only.at(0).at("run"), "small.onnx f32 t1 b1");
  EXPECT_DOUBLE_EQ(energy_only.at(0).at("value").get<double>(), 80);  // 100 (1 - 72/360)
  EXPECT_DOUBLE_EQ(energy_only.at(1).at("value").get<double>(), 0);
  const Json accuracy_only = godwit({"report", path, "--json", "--weight", "0"}).json().at("score");
  EXPECT_EQ(accuracy_only.at(0).at("run"), "large.onnx f32 t1 b1");
  const Json floors = godwit({"report", path, "--json", "--min-accuracy", "75", "--max-joules", "10"})
                          .json()
                          .at("accuracy_per_joule");
  ASSERT_EQ(floors.size(), 1U);
  EXPECT_DOUBLE_EQ(floors.at(0).at("value").get<double>(), 80 / 3.6);
}

TEST(Report, TellsAPublishedTableByItsColumns) {
  const TemporaryDirectory folder;
  // Yang et al. 2024, medians of ResNet-50's weights on two setups; a row without energy stays unmeasured.
  const std::string header = "Model Name,Input Size,Accuracy,Throughput,Energy\n";
  const std::string a = folder.write(
      "A100_PT.csv",
      header + "resnet50,224,76.16,2885,86.03\nresnet50,288,79.65,1744,142.27\nother,224,70,,\n");
  const std::string b = folder.write(
      "A100_TRT.csv",
      header + "resnet50,224,76.16,15127,16.44\nresnet50,288,79.65,9122,27.29\nother,224,70,9,9\n");
  const Json json = godwit({"report", a, b, "--json", "--tdp", "250"}).json();
  EXPECT_EQ(json.at("complete"), 2);
  EXPECT_NEAR(json.at("comparisons").at(0).at("geometric_mean").get<double>(), 5.223, 0.001);
  EXPECT_EQ(json.at("comparisons").at(0).at("spearman"), 1.0);
  EXPECT_NEAR(json.at("power_line").at(0).at("median_w").get<double>(), 248.2, 0.05);
  EXPECT_EQ(json.at("power_line").at(1).at("suspect").at(0), "other 224");
  EXPECT_TRUE(json.at("rows").at(2).at("quality").is_null());
  EXPECT_TRUE(json.at("rows").at(2).at("gross_j_per_image").is_null());
  const std::string text = godwit({"report", a, b, "--rows", "2"}).out;
  EXPECT_NE(text.find("... and 3 more rows"), std::string::npos) << text;
}

TEST(Report, RefusesWhatItCannotMean) {
  const TemporaryDirectory folder;
  const std::string path = ledger(folder);
  expect_error(godwit({"report"}), 2, "FILES is required");
  expect_error(godwit({"report", folder / "absent"}), 2, "absent");
  expect_error(godwit({"report", path, "--min-accuracy", "50"}), 2,
               "needs both --min-accuracy and --max-joules");
  expect_error(godwit({"report", path, "--price", "narnia"}), 2,
               "'narnia' is neither a number above 0 nor one of");
  expect_error(godwit({"report", path, "--price", "0.3"}), 2, "needs --currency");
  expect_error(godwit({"report", path, "--currency", "EUR"}), 2, "belong to a number");
  expect_error(godwit({"report", path, "--tdp", "much"}), 2, "is not watts");
  expect_error(godwit({"report", path, "--tdp", "A=250"}), 2, "there is runs");
  expect_error(godwit({"report", path, "--csv", "--json"}), 2, "exclude each other");
  expect_error(godwit({"report", folder.write("x.csv", "a,b\n1,2\n")}), 2, "has no column 'Model Name'");
  expect_error(
      godwit({"report",
              folder.write("y.csv", "Model Name,Input Size,Accuracy,Throughput,Energy\nm,1,2,3,-4\n")}),
      2, "row 1: Energy is '-4'");
  expect_error(godwit({"report", folder.write("z.jsonl", "{\"schema\":\"godwit.energy/1\",\"energy\":3}\n")}),
               2, "'energy' must be an object");
  const std::string guess = folder / "guess.jsonl";
  energy::append_record(guess, estimated_run("guessed.onnx"));
  expect_error(godwit({"report", guess, "--weight", "1"}), 2,
               "no row has both measured joules and an accuracy");
}

TEST(EnergyCommands, GroupListsItsCommandsAndEachHasHelp) {
  const Outcome help = godwit({"energy", "--help"});
  EXPECT_EQ(help.exit_code, 0);
  EXPECT_NE(help.out.find("\nCommands:\n"), std::string::npos);
  EXPECT_NE(help.out.find("\n  trend "), std::string::npos);
  EXPECT_EQ(godwit({"help", "energy"}).out, help.out);
  for (const char* name : {"sensors", "selftest", "calibrate", "trend", "cap", "sweep"}) {
    EXPECT_NE(help.out.find(fmt::format("\n  {} ", name)), std::string::npos) << name;
    const std::string text = godwit({"energy", name, "--help"}).out;
    for (const char* section : {"\nUsage: godwit energy ", "\nOptions:\n", "\nExit status:\n", "\nExample"})
      EXPECT_NE(text.find(section), std::string::npos) << name << section;
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);) EXPECT_LE(line.size(), 90U) << line;
  }
  const Outcome trend = godwit({"energy", "trend", "--help"});
  EXPECT_TRUE(trend.out.starts_with("godwit energy trend: ")) << trend.out;
  EXPECT_EQ(godwit({"help", "energy", "trend"}).out, trend.out);
  EXPECT_EQ(godwit({"energy", "help", "trend"}).out, trend.out);
  expect_error(godwit({"energy"}), 2, "no command given after 'energy'");
  expect_error(godwit({"energy", "dance"}), 2, "no command 'energy dance'");
}

// The estimate of K.10 for ResNet-50 on the V100 (Desislavov et al. 2023): 0.116 J.
TEST(EnergyCommands, TrendSaysThatItIsAnEstimate) {
  const Outcome text = godwit({"energy", "trend", "--gflops", "7.6", "--date", "2018-03-27"});
  EXPECT_TRUE(text.out.starts_with("estimate, not a measurement: 0.116 J per image (0.029")) << text.out;
  const Json json = godwit({"energy", "trend", "--gflops", "7.6", "--date", "2018-03-27", "--json"}).json();
  EXPECT_EQ(json.at("quality"), "estimate");
  EXPECT_EQ(json.at("estimated_j_per_image").size(), 3U);
  const TemporaryDirectory folder;
  const Outcome model = godwit({"energy", "trend", save_tiny_model(folder), "--date", "2018-03-27"});
  EXPECT_EQ(model.exit_code, 0) << model.err;
  expect_error(godwit({"energy", "trend", "--date", "2018-03-27"}), 2, "either a MODEL or --gflops");
  expect_error(godwit({"energy", "trend", "--gflops", "1", "--date", "2018-03-27", "--precision", "int8"}), 2,
               "int8");
  expect_error(godwit({"energy", "trend", "--gflops", "1", "--date", "2025-03-27"}), 2, "not drawn past");
  expect_error(godwit({"energy", "trend", "--gflops", "1", "--date", "yesterday"}), 2, "is not a date");
}

}  // namespace
}  // namespace godwit::tools
