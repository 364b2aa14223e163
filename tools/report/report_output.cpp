// A report as text, CSV and JSON.
#include "tools/report/report_output.h"

#include <algorithm>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include "tools/report/text.h"
#include "tools/vision/csv.h"

namespace godwit::tools {
namespace {

using enum Table::Align;

std::string number(const std::optional<double>& value, int digits = 4) {
  return value ? fmt::format("{:.{}g}", *value, digits) : "-";
}

// 97,360,000 rather than 9.736e+07.
std::string grouped(const std::optional<double>& value) {
  if (!value) return "-";
  const std::string digits = fmt::format("{:.0f}", *value);
  std::string text;
  for (std::size_t i = 0; i < digits.size(); ++i) {
    if (i > 0 && (digits.size() - i) % 3 == 0) text += ',';
    text += digits[i];
  }
  return text;
}

std::optional<double> value_of(const std::optional<energy::Measured<energy::Joules>>& joules) {
  return joules ? std::optional(joules->value()) : std::nullopt;
}

std::string name_of(const ReportRow& row) { return fmt::format("{}: {}", row.setup, row.label); }

// The first `limit` of the rows that `shown` picks; how many there were of them.
template <class Shown, class Add>
std::size_t add_rows(const Report& report, std::size_t limit, const Shown& shown, const Add& add) {
  std::size_t count = 0;
  for (std::size_t i = 0; i < report.rows.size(); ++i) {
    if (!shown(report.rows[i])) continue;
    if (limit == 0 || count < limit) add(i);
    ++count;
  }
  return count;
}

std::string left_out(std::size_t count, std::size_t limit) {
  if (limit == 0 || count <= limit) return "";
  return fmt::format("... and {} more rows (--rows 0 shows all, --csv too)\n", count - limit);
}

std::string measured_text(const Report& report, std::size_t limit) {
  Table table({{"run", left},
               {"quality", left},
               {"scope", left},
               {"verdict", left},
               {"img/s"},
               {"W"},
               {"gross J/img"},
               {"net J/img"},
               {"Wh/1000 img"},
               {"img/kWh"},
               {fmt::format("M img/{}", report.price.currency)},
               {"top-1 %"}});
  const auto measured = [](const ReportRow& row) { return row.quality.has_value(); };
  const std::size_t count = add_rows(report, limit, measured, [&](std::size_t i) {
    const ReportRow& row = report.rows[i];
    const Report::Figures& figures = report.figures[i];
    table.add({name_of(row), std::string(energy::name_of(*row.quality)), row.scope, row.verdict.to_string(),
               number(row.img_s), number(row.watts), number(value_of(row.gross)), number(value_of(row.net)),
               number(figures.wh_per_thousand), grouped(figures.images_per_kwh),
               number(figures.million_images_per_unit), number(row.accuracy)});
  });
  if (count == 0) return "measured: nothing\n";
  return "measured\n" + table.to_string() + left_out(count, limit);
}

std::string estimated_text(const Report& report, std::size_t limit) {
  Table table({{"run", left}, {"img/s"}, {"J/img from"}, {"to"}, {"middle"}, {"top-1 %"}});
  const auto estimated = [](const ReportRow& row) { return row.estimate.has_value(); };
  const std::size_t count = add_rows(report, limit, estimated, [&](std::size_t i) {
    const ReportRow& row = report.rows[i];
    table.add({name_of(row), number(row.img_s), number(row.estimate->low()), number(row.estimate->high()),
               number(row.estimate->middle()), number(row.accuracy)});
  });
  if (count == 0) return "";
  return "\nestimated, not measured: ranges, in no ranking\n" + table.to_string() + left_out(count, limit);
}

std::string ranking_text(const Report& report, const std::vector<Ranked>& ranked, const std::string& title,
                         const std::string& value, std::size_t limit) {
  Table table({{"rank"}, {value}, {"J/img"}, {"top-1 %"}, {"run", left}});
  const std::size_t shown = limit == 0 ? ranked.size() : std::min(limit, ranked.size());
  for (std::size_t i = 0; i < shown; ++i) {
    const std::size_t row = ranked[i].row;
    table.add({fmt::format("{}", i + 1), number(ranked[i].value, 6), number(report.figures[row].joules),
               number(report.rows[row].accuracy), name_of(report.rows[row])});
  }
  return fmt::format("\n{}\n{}{}", title, table.to_string(), left_out(ranked.size(), limit));
}

std::string fronts_text(const Report& report, std::size_t limit) {
  std::string text;
  for (const Report::Front& front : report.fronts) {
    std::vector<Ranked> ranked;
    Table table({{"J/img"}, {"top-1 %"}, {"run", left}});
    const std::size_t shown = limit == 0 ? front.rows.size() : std::min(limit, front.rows.size());
    for (std::size_t i = 0; i < shown; ++i) {
      const std::size_t row = front.rows[i];
      table.add(
          {number(report.figures[row].joules), number(report.rows[row].accuracy), name_of(report.rows[row])});
    }
    text += fmt::format("\nPareto front, scope {}: {} that no other beats in both energy and accuracy\n{}{}",
                        front.scope, counted(front.rows.size(), "row"), table.to_string(),
                        left_out(front.rows.size(), limit));
  }
  return text;
}

std::string power_text(const Report& report, std::size_t limit) {
  if (report.power.empty()) return "";
  Table table({{"setup", left}, {"limit W"}, {"rows"}, {"median W"}, {"within 10 %"}, {"below 60 %"}});
  std::string suspects;
  for (const Report::SetupPower& power : report.power) {
    table.add({power.setup, number(power.limit_w), fmt::format("{}", power.count),
               fmt::format("{:.1f}", power.line.median_w),
               fmt::format("{:.1f}%", 100 * power.line.share_within),
               fmt::format("{}", power.line.suspects.size())});
    for (std::size_t i = 0; i < power.line.suspects.size() && (limit == 0 || i < limit); ++i) {
      const ReportRow& row = report.rows[power.line.suspects[i]];
      suspects += fmt::format("  suspect: {} states {:.1f} W\n", name_of(row), *row.watts);
    }
  }
  return "\npower line: img/s x J/img = W, against the power limit\n" + table.to_string() + suspects;
}

std::string comparisons_text(const Report& report) {
  if (report.comparisons.empty()) return "";
  Table table({{"a", left}, {"b", left}, {"J of a / J of b"}, {"geometric sd"}, {"Pearson"}, {"Spearman"}});
  for (const Report::Comparison& each : report.comparisons) {
    table.add({each.a, each.b, fmt::format("{:.3f}", each.ratio.mean), fmt::format("{:.3f}", each.ratio.sd),
               fmt::format("{:.4f}", each.pearson), fmt::format("{:.4f}", each.spearman)});
  }
  return fmt::format("\nbetween setups, over the {} runs measured in all of them (geometric mean)\n{}",
                     report.complete, table.to_string());
}

std::string sizes_text(const Report& report) {
  if (report.sizes.empty()) return "";
  std::string text = "\ninput size: growth y % for x % more pixels, from each size of a model to its next\n";
  for (const Report::SizeTrend& each : report.sizes) {
    text += fmt::format("  {}: energy y = {:.3f} x + {:.2f}, top-1 y = {:.4f} x + {:.2f} ({} pairs)\n",
                        each.setup, each.joules.slope, each.joules.intercept, each.accuracy.slope,
                        each.accuracy.intercept, each.joules.count);
  }
  return text;
}

std::string summary_text(const Report& report) {
  std::size_t measured = 0, invalid = 0, suspect = 0, estimated = 0;
  for (const ReportRow& row : report.rows) {
    measured += row.quality ? 1 : 0;
    estimated += row.estimate ? 1 : 0;
    invalid += row.verdict.invalid() ? 1 : 0;
    suspect += row.verdict.state == energy::Verdict::State::suspect ? 1 : 0;
  }
  return fmt::format(
      "{}: {} measured, {} estimated, {} without energy; {} suspect, {} invalid\n",
      counted(report.rows.size(), "row"), measured, estimated,
      std::ranges::count_if(report.rows, [](const ReportRow& row) { return !row.quality && !row.estimate; }),
      suspect, invalid);
}

// Empty where nothing was measured and nothing speaks against that.
std::string verdict_of(const ReportRow& row) {
  return row.quality || !row.verdict.valid() ? row.verdict.to_string() : "";
}

Json optional_json(const std::optional<double>& value) { return value ? Json(*value) : Json(nullptr); }

Json line_json(const energy::Line& line) {
  return {{"slope", line.slope}, {"intercept", line.intercept}, {"pairs", line.count}};
}

Json ranked_json(const Report& report, const std::vector<Ranked>& ranked) {
  Json json = Json::array();
  for (const Ranked& each : ranked) {
    json.push_back({{"setup", report.rows[each.row].setup},
                    {"run", report.rows[each.row].label},
                    {"value", each.value}});
  }
  return json;
}

Json row_json(const ReportRow& row, const Report::Figures& figures) {
  Json estimate = nullptr;
  if (row.estimate) {
    estimate = {{"low_j_per_image", row.estimate->low()},
                {"middle_j_per_image", row.estimate->middle()},
                {"high_j_per_image", row.estimate->high()}};
  }
  return {{"setup", row.setup},
          {"run", row.label},
          {"quality", row.quality ? Json(energy::name_of(*row.quality)) : Json(nullptr)},
          {"scope", row.scope.empty() ? Json(nullptr) : Json(row.scope)},
          {"verdict", verdict_of(row).empty() ? Json(nullptr) : Json(verdict_of(row))},
          {"img_s", optional_json(row.img_s)},
          {"watts", optional_json(row.watts)},
          {"gross_j_per_image", optional_json(value_of(row.gross))},
          {"net_j_per_image", optional_json(value_of(row.net))},
          {"ci95_j_per_image", row.ci95_j ? Json{row.ci95_j->low, row.ci95_j->high} : Json(nullptr)},
          {"wh_per_1000_images", optional_json(figures.wh_per_thousand)},
          {"job_wh", optional_json(row.total_j ? std::optional(*row.total_j / 3600) : std::nullopt)},
          {"images_per_kwh", optional_json(figures.images_per_kwh)},
          {"million_img_per_unit", optional_json(figures.million_images_per_unit)},
          {"pue", row.pue},
          {"top1_percent", optional_json(row.accuracy)},
          {"estimate", std::move(estimate)}};
}

std::string csv_number(const std::optional<double>& value) { return value ? fmt::format("{}", *value) : ""; }

}  // namespace

std::string report_text(const Report& report, std::size_t limit) {
  const energy::Price& price = report.price;
  std::string text =
      summary_text(report) + fmt::format("price: {:g} {}/kWh ({}); {}\n\n", price.per_kwh, price.currency,
                                         price.source, energy::kPriceExclusions);
  text += measured_text(report, limit) + estimated_text(report, limit);
  const std::string joules = report.net ? "net joules" : "gross joules";
  if (!report.by_accuracy_per_joule.empty()) {
    text +=
        ranking_text(report, report.by_accuracy_per_joule,
                     fmt::format("accuracy per joule, {}, within the floors given", joules), "% / J", limit);
  }
  if (!report.by_score.empty())
    text += ranking_text(report, report.by_score, fmt::format("score, {}", joules), "score", limit);
  text +=
      fronts_text(report, limit) + power_text(report, limit) + comparisons_text(report) + sizes_text(report);
  if (report.fronts.size() > 1)
    text += "\nnote: the rows have different scopes; joules compare only within one scope\n";
  return text;
}

std::string report_csv(const Report& report) {
  std::string text =
      "setup,run,quality,scope,verdict,img_s,measured_w,measured_gross_j_per_image,measured_net_j_per_image,"
      "measured_ci95_low_j,measured_ci95_high_j,measured_wh_per_1000_images,measured_images_per_kwh,"
      "measured_million_img_per_unit,currency,price_per_kwh,pue,top1_percent,estimated_low_j_per_image,"
      "estimated_middle_j_per_image,estimated_high_j_per_image\n";
  for (std::size_t i = 0; i < report.rows.size(); ++i) {
    const ReportRow& row = report.rows[i];
    const Report::Figures& figures = report.figures[i];
    const auto& estimate = row.estimate;
    const std::vector<std::string> fields = {
        vision::csv_field(row.setup),
        vision::csv_field(row.label),
        row.quality ? std::string(energy::name_of(*row.quality)) : "",
        vision::csv_field(row.scope),
        vision::csv_field(verdict_of(row)),
        csv_number(row.img_s),
        csv_number(row.watts),
        csv_number(value_of(row.gross)),
        csv_number(value_of(row.net)),
        csv_number(row.ci95_j ? std::optional(row.ci95_j->low) : std::nullopt),
        csv_number(row.ci95_j ? std::optional(row.ci95_j->high) : std::nullopt),
        csv_number(figures.wh_per_thousand),
        csv_number(figures.images_per_kwh),
        csv_number(figures.million_images_per_unit),
        vision::csv_field(report.price.currency),
        csv_number(report.price.per_kwh),
        csv_number(row.pue),
        csv_number(row.accuracy),
        csv_number(estimate ? std::optional(estimate->low()) : std::nullopt),
        csv_number(estimate ? std::optional(estimate->middle()) : std::nullopt),
        csv_number(estimate ? std::optional(estimate->high()) : std::nullopt)};
    text += fmt::format("{}\n", fmt::join(fields, ","));
  }
  return text;
}

Json report_json(const Report& report) {
  Json json = {{"schema", "godwit.report/1"},
               {"price",
                {{"per_kwh", report.price.per_kwh},
                 {"currency", report.price.currency},
                 {"source", report.price.source},
                 {"covers", energy::kPriceExclusions}}},
               {"ranked_by", report.net ? "net" : "gross"},
               {"rows", Json::array()},
               {"accuracy_per_joule", ranked_json(report, report.by_accuracy_per_joule)},
               {"score", ranked_json(report, report.by_score)},
               {"pareto", Json::array()},
               {"power_line", Json::array()},
               {"complete", report.complete},
               {"comparisons", Json::array()},
               {"input_size", Json::array()}};
  for (std::size_t i = 0; i < report.rows.size(); ++i)
    json["rows"].push_back(row_json(report.rows[i], report.figures[i]));
  for (const Report::Front& front : report.fronts) {
    Json rows = Json::array();
    for (const std::size_t i : front.rows) rows.push_back(name_of(report.rows[i]));
    json["pareto"].push_back({{"scope", front.scope}, {"runs", std::move(rows)}});
  }
  for (const Report::SetupPower& power : report.power) {
    Json suspects = Json::array();
    for (const std::size_t i : power.line.suspects) suspects.push_back(report.rows[i].label);
    json["power_line"].push_back({{"setup", power.setup},
                                  {"limit_w", power.limit_w},
                                  {"rows", power.count},
                                  {"median_w", power.line.median_w},
                                  {"share_within_10_percent", power.line.share_within},
                                  {"suspect", std::move(suspects)}});
  }
  for (const Report::Comparison& each : report.comparisons) {
    json["comparisons"].push_back({{"a", each.a},
                                   {"b", each.b},
                                   {"geometric_mean", each.ratio.mean},
                                   {"geometric_sd", each.ratio.sd},
                                   {"pearson", each.pearson},
                                   {"spearman", each.spearman}});
  }
  for (const Report::SizeTrend& each : report.sizes) {
    json["input_size"].push_back(
        {{"setup", each.setup}, {"energy", line_json(each.joules)}, {"top1", line_json(each.accuracy)}});
  }
  return json;
}

}  // namespace godwit::tools
