// The report on the tables of the energy literature, against what the publications and their recomputation
// state. The tables come with the project's data, not with its source.
#include <cmath>
#include <filesystem>
#include <gtest/gtest.h>
#include <map>
#include <string>
#include <vector>

#include "runtime/energy/protocol/estimate.h"
#include "tools/report/report.h"
#include "tools/vision/csv.h"
#include "tools/vision/files.h"

namespace godwit::tools {
namespace {

const std::string kData = GODWIT_SOURCE_DIR "/../shared/data/energy/";
const std::vector<std::string> kSetups = {"A100_PT", "A100_TRT", "H100_PT", "H100_TRT"};

// Skips the test where the tables are absent, and says so.
#define GODWIT_REQUIRE_TABLES()                                         \
  if (!std::filesystem::exists(kData + "yang2024/A100_PT.csv")) {       \
    GTEST_SKIP() << kData << " is not there: NOT compared with tables"; \
  }

vision::CsvTable table(const std::string& name) {
  return vision::parse_csv(vision::read_text(kData + name), name);
}

double number(const vision::CsvTable& from, std::size_t row, std::string_view column) {
  return std::stod(from.rows[row][from.column(column)]);
}

std::vector<ReportRow> yang_rows() {
  std::vector<std::string> paths;
  for (const std::string& setup : kSetups) paths.push_back(kData + "yang2024/" + setup + ".csv");
  return read_report_rows(paths);
}

const Report::Comparison& between(const Report& report, const std::string& a, const std::string& b) {
  for (const Report::Comparison& each : report.comparisons) {
    if ((each.a == a && each.b == b) || (each.a == b && each.b == a)) return each;
  }
  throw std::runtime_error("no comparison of " + a + " and " + b);
}

TEST(Literature, CostAndCaps) {
  GODWIT_REQUIRE_TABLES();
  const vision::CsvTable caps = table("halland_power_cap.csv");
  const double price = energy::find_price("sweden-2024")->per_kwh;
  int checked = 0;
  for (std::size_t i = 0; i < caps.rows.size(); ++i) {
    const bool stated = !caps.rows[i][caps.column("img_per_s_stated")].empty();
    const double img_s = number(caps, i, stated ? "img_per_s_stated" : "img_per_s_implied");
    const double million = energy::million_images_per_unit(
        energy::joules_per_image(number(caps, i, "watts_stated"), img_s), price);
    const double printed = number(caps, i, "million_img_per_sek_stated");
    EXPECT_NEAR(million, printed, stated ? 1.0 : 0.1)
        << i;  // "A10 201": computed 200.09; implied img/s are whole
    if (stated) {
      EXPECT_NEAR(million, number(caps, i, "million_img_per_sek_computed"), 0.005) << i;
    }
    ++checked;
  }
  EXPECT_EQ(checked, 8);
  // The printed changes, images per SEK, watts and img/s in percent, by accelerator in the table's order; cut
  // or rounded there.
  const double printed[4][3] = {{51, -48, -22}, {28, -31, -12}, {-6, -14, -18}, {43, -41, -16}};
  for (std::size_t i = 0; i < 4; ++i) {
    const auto point = [&](std::size_t row) {
      const bool stated = !caps.rows[row][caps.column("img_per_s_stated")].empty();
      return energy::Operating{number(caps, row, "watts_stated"),
                               number(caps, row, stated ? "img_per_s_stated" : "img_per_s_implied")};
    };
    const energy::CapEffect effect = energy::effect_of_cap(point(2 * i), point(2 * i + 1));
    EXPECT_NEAR(100 * effect.images_per_unit, printed[i][0], 1) << i;
    EXPECT_NEAR(100 * effect.watts, printed[i][1], 1) << i;
    EXPECT_NEAR(100 * effect.img_s, printed[i][2], 1) << i;
  }
}

TEST(Literature, PowerLineAndItsSuspects) {
  GODWIT_REQUIRE_TABLES();
  ReportOptions options;
  options.limits = {{"A100_PT", 250}, {"A100_TRT", 250}, {"H100_PT", 310}, {"H100_TRT", 310}};
  const Report report = make_report(yang_rows(), options);
  struct Expected {
    std::size_t count;
    double median_w, share;
    std::size_t suspects;
  };
  const Expected expected[] = {
      {1435, 248.7, 0.992, 8}, {1405, 248.9, 0.990, 7}, {1435, 304.7, 0.955, 32}, {1405, 303.1, 0.982, 9}};
  ASSERT_EQ(report.power.size(), 4U);
  std::size_t rows = 0, suspects = 0;
  for (std::size_t i = 0; i < 4; ++i) {
    EXPECT_EQ(report.power[i].count, expected[i].count);
    EXPECT_NEAR(report.power[i].line.median_w, expected[i].median_w, 0.05);
    EXPECT_NEAR(report.power[i].line.share_within, expected[i].share, 0.0005);
    EXPECT_EQ(report.power[i].line.suspects.size(), expected[i].suspects);
    rows += report.power[i].count;
    suspects += report.power[i].line.suspects.size();
  }
  EXPECT_EQ(rows, 5680U);
  EXPECT_EQ(suspects, 56U);
}

TEST(Literature, CorrelationsToFourDecimals) {
  GODWIT_REQUIRE_TABLES();
  const Report report = make_report(yang_rows(), {});
  EXPECT_EQ(report.complete, 1405U);
  struct Expected {
    const char *a, *b;
    double pearson, spearman;
  };
  for (const Expected& expected : {Expected{"A100_TRT", "A100_PT", 0.8553, 0.9345},
                                   {"A100_TRT", "H100_TRT", 0.9840, 0.9943},
                                   {"H100_PT", "A100_PT", 0.9939, 0.9904},
                                   {"H100_PT", "H100_TRT", 0.8299, 0.9201}}) {
    const Report::Comparison& found = between(report, expected.a, expected.b);
    EXPECT_NEAR(found.pearson, expected.pearson, 0.00005) << expected.a << expected.b;
    EXPECT_NEAR(found.spearman, expected.spearman, 0.00005) << expected.a << expected.b;
  }
}

TEST(Literature, GeometricMeansOfTheSaving) {
  GODWIT_REQUIRE_TABLES();
  const Report report = make_report(yang_rows(), {});
  const energy::GeometricMean a100 = between(report, "A100_PT", "A100_TRT").ratio;
  const energy::GeometricMean h100 = between(report, "H100_PT", "H100_TRT").ratio;
  EXPECT_EQ(a100.count, 1405U);
  EXPECT_NEAR(a100.mean, 3.94, 0.005);
  EXPECT_NEAR(a100.sd, 1.58, 0.005);
  EXPECT_NEAR(h100.mean, 4.03, 0.005);
  EXPECT_NEAR(h100.sd, 1.61, 0.005);
  EXPECT_NEAR(a100.mean, 3.89, 3.89 * 0.015);  // printed
  EXPECT_NEAR(h100.mean, 4.02, 4.02 * 0.015);
  // Without the four models that got more than twice worse.
  for (const auto& [setup, mean, sd] : {std::tuple{"A100", 3.98, 1.51}, {"H100", 4.08, 1.55}}) {
    std::map<std::string, double> plain, better;
    for (const ReportRow& row : report.rows) {
      if (!row.gross) continue;
      if (row.setup == std::string(setup) + "_PT") plain[row.label] = row.gross->value();
      if (row.setup == std::string(setup) + "_TRT") better[row.label] = row.gross->value();
    }
    std::vector<double> ratios;
    for (const auto& [label, joules] : better) {
      if (plain.at(label) / joules > 0.5) ratios.push_back(plain.at(label) / joules);
    }
    EXPECT_EQ(ratios.size(), 1401U);
    EXPECT_NEAR(energy::geometric_mean(ratios).mean, mean, 0.005);
    EXPECT_NEAR(energy::geometric_mean(ratios).sd, sd, 0.0051);
  }
}

TEST(Literature, GrowthWithInputSize) {
  GODWIT_REQUIRE_TABLES();
  const Report report = make_report(yang_rows(), {});
  for (const Report::SizeTrend& trend : report.sizes) {
    if (trend.setup != "A100_TRT") continue;
    EXPECT_EQ(trend.joules.count, 266U);
    EXPECT_NEAR(trend.joules.slope, 0.98, 0.005);
    EXPECT_NEAR(trend.joules.intercept, 1.11, 0.005);
    EXPECT_NEAR(trend.accuracy.slope, 0.013, 0.0005);
    EXPECT_NEAR(trend.accuracy.intercept, 0.30, 0.005);
    return;
  }
  FAIL() << "no trend of A100_TRT";
}

TEST(Literature, NaiveEnergyIsThreeTimesTooLow) {
  GODWIT_REQUIRE_TABLES();
  // The larger of the two counters of MACs: each fails on some models.
  const vision::CsvTable stats = table("yang2024/model_stats.csv");
  std::map<std::string, double> macs;
  for (std::size_t i = 0; i < stats.rows.size(); ++i) {
    double largest = 0;
    for (const char* column : {"macs_tinfo", "macs_ptflops"}) {
      if (!stats.rows[i][stats.column(column)].empty()) largest = std::max(largest, number(stats, i, column));
    }
    const std::string label =
        stats.rows[i][stats.column("model_name")] + " " + stats.rows[i][stats.column("input_size_csv")];
    if (largest > 0) macs[label] = largest;
  }
  struct Expected {
    const char* setup;
    double peak, printed, mean, sd;
    std::size_t count;
  };
  for (const Expected& expected :
       {Expected{"A100_PT", 19.5e12, 3.13, 3.11, 2.0, 1435}, {"A100_TRT", 78e12, 3.16, 3.13, 2.3, 1405}}) {
    std::vector<double> ratios, alike;
    for (const ReportRow& row : yang_rows()) {
      if (row.setup != expected.setup || !row.gross) continue;
      const double count = macs.at(row.label);
      ratios.push_back(row.gross->value() / energy::naive_joules(count, expected.peak, 250));
      alike.push_back(row.gross->value() / energy::naive_joules(2 * count, expected.peak, 250));
    }
    const energy::GeometricMean mean = energy::geometric_mean(ratios);
    EXPECT_EQ(mean.count, expected.count);
    EXPECT_NEAR(mean.mean, expected.mean, 0.005);
    EXPECT_NEAR(mean.mean, expected.printed, expected.printed * 0.01);
    EXPECT_NEAR(mean.sd, expected.sd, 0.05);
    // Operations against operations.
    EXPECT_NEAR(energy::geometric_mean(alike).mean, mean.mean / 2, 1e-9);
  }
}

// The authors' page computes Weight(1 - x/xMax) + y(1 - Weight/100) with Weight = 100 W.
TEST(Literature, ScoreOfTwentyRows) {
  GODWIT_REQUIRE_TABLES();
  std::vector<ReportRow> rows = read_report_rows({kData + "yang2024/H100_TRT.csv"});
  std::erase_if(rows, [](const ReportRow& row) { return !row.gross; });
  rows.resize(20);
  double largest = 0;
  for (const ReportRow& row : rows) largest = std::max(largest, row.gross->value());
  for (const double weight : {0.0, 0.3, 0.5, 1.0}) {
    ReportOptions options;
    options.weight = weight;
    const Report report = make_report(rows, options);
    ASSERT_EQ(report.by_score.size(), 20U);
    for (const Ranked& ranked : report.by_score) {
      const double x = rows[ranked.row].gross->value(), y = *rows[ranked.row].accuracy,
                   percent = 100 * weight;
      EXPECT_NEAR(ranked.value, percent * (1 - x / largest) + y * (1 - percent / 100), 1e-9);
    }
  }
}

TEST(Literature, FrontAndDecadesOfTheH100) {
  GODWIT_REQUIRE_TABLES();
  const Report report = make_report(read_report_rows({kData + "yang2024/H100_TRT.csv"}), {});
  ASSERT_EQ(report.fronts.size(), 1U);
  EXPECT_EQ(report.fronts[0].rows.size(), 38U);
  const std::pair<double, double> decades[] = {{1e-3, 40.83}, {1e-2, 80.73}, {0.1, 86.61}, {1, 89.25}};
  for (const auto& [joules, accuracy] : decades) {
    double best = 0;
    for (const std::size_t row : report.fronts[0].rows) {
      if (*report.figures[row].joules <= joules) best = *report.rows[row].accuracy;
    }
    EXPECT_NEAR(best, accuracy, 0.005) << joules;
  }
}

TEST(Literature, EnergyGainsGoWithThroughputGains) {
  GODWIT_REQUIRE_TABLES();
  std::map<std::string, const ReportRow*> plain;
  const std::vector<ReportRow> rows =
      read_report_rows({kData + "yang2024/A100_PT.csv", kData + "yang2024/A100_TRT.csv"});
  std::vector<double> throughput, joules;
  for (const ReportRow& row : rows) {
    if (row.setup == "A100_PT") {
      plain[row.label] = &row;
    } else if (row.gross) {
      throughput.push_back(std::log(*row.img_s / *plain.at(row.label)->img_s));
      joules.push_back(std::log(plain.at(row.label)->gross->value() / row.gross->value()));
    }
  }
  EXPECT_NEAR(energy::pearson(throughput, joules), 0.982, 0.0005);
  EXPECT_NEAR(energy::fit_line(throughput, joules).slope, 0.901, 0.0005);
}

TEST(Literature, TrendIsTheFitOfItsTable) {
  GODWIT_REQUIRE_TABLES();
  const vision::CsvTable gpus = table("desislavov_gpus_adapted.csv");
  std::vector<double> days, logs;
  for (std::size_t i = 0; i < gpus.rows.size(); ++i) {
    if (gpus.rows[i][gpus.column("adapted_for")] == "nlp") continue;
    days.push_back(energy::ordinal_day(gpus.rows[i][gpus.column("launch_date")]));
    logs.push_back(std::log10(number(gpus, i, "gflops_per_watt")));
  }
  const energy::Line line = energy::fit_line(days, logs);
  const energy::Trend trend;
  EXPECT_EQ(line.count, 32U);
  EXPECT_NEAR(line.slope, trend.per_day, 1e-12);
  EXPECT_NEAR(line.intercept, trend.intercept, 1e-6);
  EXPECT_NEAR(line.intercept, -228.168694, 5e-7);
  EXPECT_EQ(std::ranges::min(days), trend.first_day);
  EXPECT_EQ(std::ranges::max(days), trend.last_day);

  const vision::CsvTable printed = table("desislavov_acceptance.csv");
  int matches = 0;
  for (std::size_t i = 0; i < printed.rows.size(); ++i) {
    if (!printed.rows[i][0].starts_with("k10.")) continue;
    const int day = energy::ordinal_day(printed.rows[i][printed.column("gpu_launch_date")]);
    const double joules = energy::estimate_by_trend(number(printed, i, "gflops") * 1e9, day, "f32").middle();
    EXPECT_NEAR(joules, number(printed, i, "printed_joule"), 0.00051);
    EXPECT_NEAR(trend.flops_per_joule(day) / 1e9, number(printed, i, "trend_gflops_per_watt"), 0.0051);
    ++matches;
  }
  EXPECT_EQ(matches, 12);
}

}  // namespace
}  // namespace godwit::tools
