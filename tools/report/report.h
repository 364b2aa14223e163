// The figures that `godwit report` states: rows from ledgers and published tables, and what is drawn from
// them. Their looks are report_output.h's.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "runtime/energy/ledger/ledger.h"
#include "runtime/energy/protocol/correlation.h"
#include "runtime/energy/protocol/efficiency.h"

namespace godwit::tools {

// One run or one row of a published table. Figures are of one image unless said.
struct ReportRow {
  std::string setup;  // the file's name without folder and ending: rows of one file are compared as one setup
  std::string label;  // "resnet50.onnx f32 b8 t16"; the same work in two setups has the same label
  std::string scope;
  std::optional<energy::Quality> quality;  // of what was measured
  // At most one kind of figure is in each of these; an invalid row has neither.
  std::optional<energy::Measured<energy::Joules>> gross, net;
  std::optional<energy::Estimated<energy::Joules>> estimate;
  std::optional<energy::Interval> ci95_j;
  std::optional<double> img_s, watts, accuracy, side, macs;
  std::optional<double> total_j;  // gross, of the whole run
  std::string model;              // for pairs of input sizes: the label without what varies
  energy::Verdict verdict;
  double pue = 1;
  std::optional<energy::Price> price;
};

// Reads ledgers (JSON lines) and published tables (CSV), told apart by their text. Tables have the columns
// Model Name, Input Size, Accuracy, Throughput in img/s and Energy in mJ. Rows of a table without energy are
// kept, as not measured. Throws Error naming file and line.
std::vector<ReportRow> read_report_rows(const std::vector<std::string>& paths);
std::vector<ReportRow> parse_report_rows(const std::string& text, const std::string& path);

struct ReportOptions {
  std::optional<energy::Price> price;  // nullopt: the one that all records share, else sweden-2024
  std::optional<double> pue;           // nullopt: each row's own
  std::optional<energy::Floors> floors;
  std::optional<double> weight;  // of the score
  bool net = false;              // rank by net energy, not gross
  struct Limit {
    std::string setup;  // empty: all
    double watts;
  };
  std::vector<Limit> limits;
};

// A row's place in a ranking.
struct Ranked {
  std::size_t row;
  double value;
};

struct Report {
  std::vector<ReportRow> rows;
  energy::Price price;
  bool net = false;

  // Derived figures of row i, of measured joules only.
  struct Figures {
    std::optional<double> joules;  // what is ranked: gross or net, and nothing for an estimate
    std::optional<double> wh_per_thousand, images_per_kwh, million_images_per_unit;
  };
  std::vector<Figures> figures;

  std::vector<Ranked> by_accuracy_per_joule;  // best first, those above the floors only
  std::vector<Ranked> by_score;
  std::optional<double> largest_joules;  // N of the score
  // Indices of rows by rising energy, one front for each scope among measured rows.
  struct Front {
    std::string scope;
    std::vector<std::size_t> rows;
  };
  std::vector<Front> fronts;

  struct SetupPower {
    std::string setup;
    double limit_w;
    std::size_t count;
    energy::PowerLine line;  // `suspects` are indices into `rows`
  };
  std::vector<SetupPower> power;

  // Between two setups, over the rows that are measured in all setups (`complete`).
  struct Comparison {
    std::string a, b;
    energy::GeometricMean ratio;  // joules of a / joules of b
    double pearson = 0, spearman = 0;
  };
  std::vector<Comparison> comparisons;
  std::size_t complete = 0;

  // Within one setup: growth of energy and accuracy with the number of pixels, both in percent.
  struct SizeTrend {
    std::string setup;
    energy::Line joules, accuracy;
  };
  std::vector<SizeTrend> sizes;
};

// Throws Error where an option asks for what no row can give.
Report make_report(std::vector<ReportRow> rows, const ReportOptions& options);

}  // namespace godwit::tools
