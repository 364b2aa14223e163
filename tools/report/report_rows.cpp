// Rows of a report from its files.
#include <filesystem>
#include <fmt/format.h>

#include "runtime/error.h"
#include "tools/report/report.h"
#include "tools/vision/csv.h"
#include "tools/vision/files.h"

namespace godwit::tools {
namespace {

// A number of a table, above 0; nullopt for an empty field.
std::optional<double> positive(const vision::CsvTable& table, std::size_t row, std::size_t column) {
  const std::string& text = table.rows[row][column];
  if (text.empty()) return std::nullopt;
  const std::optional<double> value = vision::csv_number(text, table.separator);
  if (!value || *value <= 0) {
    throw Error(fmt::format("'{}' row {}: {} is '{}', expected a number above 0 or nothing", table.source,
                            row + 1, table.header[column], text));
  }
  return value;
}

// Published tables in Yang et al.'s form: a row a model at its best batch, the GPU board's energy.
std::vector<ReportRow> rows_of_table(const vision::CsvTable& table, const std::string& setup) {
  const std::size_t model = table.column("Model Name"), side = table.column("Input Size"),
                    accuracy = table.column("Accuracy"), throughput = table.column("Throughput"),
                    millijoules = table.column("Energy");
  std::vector<ReportRow> rows;
  for (std::size_t i = 0; i < table.rows.size(); ++i) {
    ReportRow row;
    row.setup = setup;
    row.model = table.rows[i][model];
    row.side = positive(table, i, side);
    row.label = fmt::format("{} {}", row.model, table.rows[i][side]);
    row.accuracy = positive(table, i, accuracy);
    row.img_s = positive(table, i, throughput);
    if (const auto mj = positive(table, i, millijoules)) {
      row.gross = energy::Measured<energy::Joules>(energy::Joules{*mj / 1e3});
      row.quality = energy::Quality::external;
      row.scope = energy::name_of(energy::Domain::board);
      if (row.img_s) row.watts = row.gross->value() * *row.img_s;
    }
    rows.push_back(std::move(row));
  }
  return rows;
}

double sum_of(const std::vector<double>& values) {
  double sum = 0;
  for (const double value : values) sum += value;
  return sum;
}

ReportRow row_of_record(const energy::Record& record, const std::string& setup) {
  ReportRow row;
  row.setup = setup;
  row.model = fmt::format("{} {} t{}", record.model.file.empty() ? record.run : record.model.file,
                          record.model.precision, record.model.threads);
  row.label = fmt::format("{} b{}", row.model, record.model.batch);
  if (record.cap && record.cap->set_w) row.label += fmt::format(" cap {:g} W", *record.cap->set_w);
  row.gross = energy::joules_per_image(record, false);
  row.net = energy::joules_per_image(record, true);
  row.estimate = energy::estimated_joules_per_image(record);
  const auto images = static_cast<double>(record.images);
  if (record.energy) {
    row.quality = record.energy->quality;
    row.scope = record.energy->scope;
    row.total_j = record.energy->gross.value();
    if (row.gross && record.energy->ci95_j)
      row.ci95_j =
          energy::Interval{record.energy->ci95_j->low / images, record.energy->ci95_j->high / images};
    const double seconds = sum_of(record.protocol.window_s);
    if (seconds > 0) row.watts = record.energy->gross.value() / seconds;
  }
  if (record.throughput) row.img_s = record.throughput->img_s;
  if (record.accuracy) row.accuracy = record.accuracy->top1;
  if (record.model.macs) row.macs = static_cast<double>(*record.model.macs);
  row.verdict = record.verdict;
  row.pue = record.pue;
  row.price = record.price;
  return row;
}

}  // namespace

std::vector<ReportRow> parse_report_rows(const std::string& text, const std::string& path) {
  const std::string setup = std::filesystem::path(path).stem().string();
  if (!energy::looks_like_ledger(text)) return rows_of_table(vision::parse_csv(text, path), setup);
  std::vector<ReportRow> rows;
  for (const energy::Record& record : energy::parse_ledger(text, path))
    rows.push_back(row_of_record(record, setup));
  return rows;
}

std::vector<ReportRow> read_report_rows(const std::vector<std::string>& paths) {
  std::vector<ReportRow> rows;
  for (const std::string& path : paths) {
    const std::vector<ReportRow> more = parse_report_rows(vision::read_text(path), path);
    rows.insert(rows.end(), more.begin(), more.end());
  }
  return rows;
}

}  // namespace godwit::tools
