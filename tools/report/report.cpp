// The figures of a report.
#include "tools/report/report.h"

#include <algorithm>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <functional>
#include <map>

#include "runtime/error.h"

namespace godwit::tools {
namespace {

bool same(const energy::Price& a, const energy::Price& b) {
  return a.per_kwh == b.per_kwh && a.currency == b.currency;
}

energy::Price choose_price(const std::vector<ReportRow>& rows, const ReportOptions& options) {
  if (options.price) return *options.price;
  std::optional<energy::Price> shared;
  for (const ReportRow& row : rows) {
    if (!row.price || !(row.price->per_kwh > 0)) continue;
    if (shared && !same(*shared, *row.price)) {
      throw Error(fmt::format("the records hold two prices, {:g} {} and {:g} {} per kWh; name one by --price",
                              shared->per_kwh, shared->currency, row.price->per_kwh, row.price->currency));
    }
    shared = row.price;
  }
  if (shared) return *shared;
  const energy::PricePreset& preset = *energy::find_price("sweden-2024");
  return {preset.per_kwh, std::string(preset.currency), std::string(preset.source)};
}

Report::Figures figures_of(const ReportRow& row, const energy::Price& price, bool net) {
  Report::Figures figures;
  const auto& chosen = net ? row.net : row.gross;
  if (chosen && chosen->value() > 0) figures.joules = chosen->value();
  // The bill is of the gross energy, and of what the building adds to it.
  if (row.gross && row.gross->value() > 0) {
    const double joules = row.gross->value() * row.pue;
    figures.wh_per_thousand = energy::wh_per_thousand(joules);
    figures.images_per_kwh = energy::images_per_kwh(joules);
    figures.million_images_per_unit = energy::million_images_per_unit(joules, price.per_kwh);
  }
  return figures;
}

// Rows with measured joules and an accuracy, by the ranking's value, best first.
std::vector<Ranked> rank(const Report& report,
                         const std::function<std::optional<double>(double, double)>& value) {
  std::vector<Ranked> ranked;
  for (std::size_t i = 0; i < report.rows.size(); ++i) {
    const auto joules = report.figures[i].joules;
    const auto accuracy = report.rows[i].accuracy;
    if (!joules || !accuracy) continue;
    if (const auto found = value(*joules, *accuracy)) ranked.push_back({i, *found});
  }
  std::ranges::stable_sort(ranked, std::greater<>(), &Ranked::value);
  return ranked;
}

void add_rankings(Report& report, const ReportOptions& options) {
  for (std::size_t i = 0; i < report.rows.size(); ++i) {
    if (report.figures[i].joules && report.rows[i].accuracy)
      report.largest_joules = std::max(report.largest_joules.value_or(0), *report.figures[i].joules);
  }
  if ((options.floors || options.weight) && !report.largest_joules) {
    throw Error("no row has both measured joules and an accuracy, which this ranking needs");
  }
  if (options.floors) {
    report.by_accuracy_per_joule = rank(report, [&](double joules, double accuracy) -> std::optional<double> {
      if (!options.floors->admit(accuracy, joules)) return std::nullopt;
      return energy::accuracy_per_joule(accuracy, joules);
    });
  }
  if (options.weight) {
    report.by_score = rank(report, [&](double joules, double accuracy) -> std::optional<double> {
      return energy::score(joules, *report.largest_joules, accuracy, *options.weight);
    });
  }
}

// Joules of different scopes do not compare, so each scope has its front.
void add_fronts(Report& report) {
  std::map<std::string, std::vector<std::size_t>> by_scope;
  for (std::size_t i = 0; i < report.rows.size(); ++i) {
    if (report.figures[i].joules && report.rows[i].accuracy) by_scope[report.rows[i].scope].push_back(i);
  }
  for (const auto& [scope, rows] : by_scope) {
    std::vector<energy::Point> points;
    for (const std::size_t i : rows) points.push_back({*report.figures[i].joules, *report.rows[i].accuracy});
    Report::Front front{scope, {}};
    for (const std::size_t i : energy::pareto_front(points)) front.rows.push_back(rows[i]);
    report.fronts.push_back(std::move(front));
  }
}

// Setups in the order in which they were read.
std::vector<std::string> setups_of(const std::vector<ReportRow>& rows) {
  std::vector<std::string> setups;
  for (const ReportRow& row : rows) {
    if (std::ranges::find(setups, row.setup) == setups.end()) setups.push_back(row.setup);
  }
  return setups;
}

void add_power(Report& report, const ReportOptions& options, const std::vector<std::string>& setups) {
  for (const ReportOptions::Limit& limit : options.limits) {
    if (!limit.setup.empty() && std::ranges::find(setups, limit.setup) == setups.end())
      throw Error(
          fmt::format("--tdp names the setup '{}'; there is {}", limit.setup, fmt::join(setups, ", ")));
  }
  for (const std::string& setup : setups) {
    // The limit of this name; else the one for all.
    const ReportOptions::Limit* chosen = nullptr;
    for (const ReportOptions::Limit& limit : options.limits) {
      if (limit.setup == setup || (limit.setup.empty() && chosen == nullptr)) chosen = &limit;
    }
    if (chosen == nullptr) continue;
    std::vector<double> watts;
    std::vector<std::size_t> rows;
    for (std::size_t i = 0; i < report.rows.size(); ++i) {
      const ReportRow& row = report.rows[i];
      if (row.setup != setup || !row.gross || !row.watts) continue;
      watts.push_back(*row.watts);
      rows.push_back(i);
    }
    if (rows.empty()) continue;
    energy::PowerLine line = energy::power_line(watts, chosen->watts);
    for (std::size_t& suspect : line.suspects) suspect = rows[suspect];
    report.power.push_back({setup, chosen->watts, rows.size(), std::move(line)});
  }
}

// Every pair of setups, over the labels that all setups have measured. Of a label seen twice the last counts.
void add_comparisons(Report& report, const std::vector<std::string>& setups) {
  if (setups.size() < 2) return;
  std::map<std::string, std::map<std::string, double>> by_label;  // label → setup → joules
  for (std::size_t i = 0; i < report.rows.size(); ++i) {
    if (report.figures[i].joules)
      by_label[report.rows[i].label][report.rows[i].setup] = *report.figures[i].joules;
  }
  std::map<std::string, std::vector<double>> series;
  for (const auto& [label, joules] : by_label) {
    if (joules.size() != setups.size()) continue;
    ++report.complete;
    for (const auto& [setup, value] : joules) series[setup].push_back(value);
  }
  if (report.complete < 2) return;
  for (std::size_t i = 0; i < setups.size(); ++i) {
    for (std::size_t k = i + 1; k < setups.size(); ++k) {
      const std::vector<double>&a = series[setups[i]], &b = series[setups[k]];
      std::vector<double> ratios;
      for (std::size_t n = 0; n < a.size(); ++n) ratios.push_back(a[n] / b[n]);
      report.comparisons.push_back({setups[i], setups[k], energy::geometric_mean(ratios),
                                    energy::pearson(a, b), energy::spearman(a, b)});
    }
  }
}

void add_sizes(Report& report, const std::vector<std::string>& setups) {
  for (const std::string& setup : setups) {
    std::map<std::string, std::size_t> models;
    std::vector<energy::SizedFigure> figures;
    for (std::size_t i = 0; i < report.rows.size(); ++i) {
      const ReportRow& row = report.rows[i];
      if (row.setup != setup || !report.figures[i].joules || !row.side || !row.accuracy) continue;
      const std::size_t model = models.try_emplace(row.model, models.size()).first->second;
      figures.push_back({model, *row.side, *report.figures[i].joules, *row.accuracy});
    }
    const energy::Growth growth = energy::growth_with_size(std::move(figures));
    // A line through fewer pairs would say more than they do.
    constexpr std::size_t kFewest = 10;
    if (growth.pixels.size() < kFewest || std::ranges::max(growth.pixels) == std::ranges::min(growth.pixels))
      continue;
    report.sizes.push_back({setup, energy::fit_line(growth.pixels, growth.joules),
                            energy::fit_line(growth.pixels, growth.accuracy)});
  }
}

}  // namespace

Report make_report(std::vector<ReportRow> rows, const ReportOptions& options) {
  Report report;
  report.rows = std::move(rows);
  report.net = options.net;
  report.price = choose_price(report.rows, options);
  for (ReportRow& row : report.rows) {
    if (options.pue) row.pue = *options.pue;
    report.figures.push_back(figures_of(row, report.price, options.net));
  }
  const std::vector<std::string> setups = setups_of(report.rows);
  add_rankings(report, options);
  add_fronts(report);
  add_power(report, options, setups);
  add_comparisons(report, setups);
  add_sizes(report, setups);
  return report;
}

}  // namespace godwit::tools
