// Costs of a MAC, a byte and a second, told from replays.
#include <algorithm>
#include <array>
#include <cmath>
#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <set>

#include "runtime/energy/protocol/correlation.h"
#include "tools/bench/energy_layers.h"
#include "tools/report/json.h"
#include "tools/report/text.h"

namespace godwit::tools {
namespace {

struct Activity {
  std::string_view name, unit;
  double scale;  // joules to the unit
};
// In the order of activity_of(), and seconds behind.
constexpr std::array<Activity, 7> kActivities = {{{"MAC of 32 bits", "pJ", 1e12},
                                                  {"MAC of 16 bits", "pJ", 1e12},
                                                  {"MAC of 8 bits", "pJ", 1e12},
                                                  {"byte in L2", "pJ", 1e12},
                                                  {"byte in L3", "pJ", 1e12},
                                                  {"byte in memory", "pJ", 1e12},
                                                  {"second", "J", 1}}};

bool occurs(const LayerActivity& activity, std::size_t column) {
  return std::ranges::any_of(activity.rows,
                             [&](const energy::ActivityRow& row) { return row.activity[column] > 0; });
}

}  // namespace

double LayerActivity::median_error() const {
  std::vector<double> sizes;
  for (const double error : model.error) sizes.push_back(std::abs(error));
  return energy::median(sizes);
}

std::optional<LayerActivity> fit_layers(const std::vector<LayerJoules>& replays) {
  LayerActivity result;
  std::set<std::string> names;
  for (const LayerJoules& layers : replays) {
    for (std::size_t i = 0; i < layers.activity.size(); ++i) {
      if (!(layers.activity[i].joules > 0)) {
        ++result.not_fitted;
        continue;
      }
      names.insert(layers.activity[i].name);
      result.rows.push_back(layers.activity[i]);
      result.images.push_back(layers.images[i]);
    }
  }
  // Leaving the only layer out would leave nothing.
  if (names.size() < 2) return std::nullopt;
  result.model = energy::fit_activity(result.rows);
  return result;
}

std::vector<energy::LayerEnergy> activity_rows(const LayerActivity& activity) {
  std::vector<energy::LayerEnergy> rows;
  for (std::size_t i = 0; i < activity.rows.size(); ++i) {
    energy::LayerEnergy row;
    row.name = activity.rows[i].name;
    row.method = "activity";
    row.net_mj = activity.model.predicted[i] * 1e3 / activity.images[i];
    row.error = activity.model.error[i];
    const auto known = std::ranges::find(rows, row.name, &energy::LayerEnergy::name);
    if (known == rows.end()) {
      rows.push_back(std::move(row));
    } else {
      *known = std::move(row);
    }
  }
  return rows;
}

std::string activity_text(const std::optional<LayerActivity>& activity) {
  if (!activity) return "";
  using enum Table::Align;
  std::string text = fmt::format(
      "\nregression of net joules on what layers do, over {} replays: for asking what would happen if, not "
      "an "
      "account\n",
      activity->rows.size());
  Table costs({{"one", left}, {"costs"}});
  for (std::size_t j = 0; j < kActivities.size(); ++j) {
    if (!occurs(*activity, j)) continue;
    costs.add({std::string(kActivities[j].name),
               fmt::format("{:.4g} {}", activity->model.joules_per[j] * kActivities[j].scale,
                           kActivities[j].unit)});
  }
  Table table({{"images"}, {"replay mJ/img"}, {"fit mJ/img"}, {"error, left out"}, {"layer", left}});
  for (std::size_t i = 0; i < activity->rows.size(); ++i) {
    const double scale = 1e3 / activity->images[i];
    table.add({fmt::format("{:.0f}", activity->images[i]),
               fmt::format("{:.4f}", activity->rows[i].joules * scale),
               fmt::format("{:.4f}", activity->model.predicted[i] * scale),
               fmt::format("{:+.1f}%", 100 * activity->model.error[i]), activity->rows[i].name});
  }
  text += costs.to_string() + table.to_string();
  text += fmt::format("a layer that was left out of the fit is told {:.1f} % wrong (median)\n",
                      100 * activity->median_error());
  if (activity->not_fitted > 0) {
    text += fmt::format("{} replays did not rise above idle power and are left out\n", activity->not_fitted);
  }
  return text;
}

Json activity_json(const LayerActivity& activity) {
  Json costs = Json::array(), rows = Json::array();
  for (std::size_t j = 0; j < kActivities.size(); ++j) {
    if (!occurs(activity, j)) continue;
    costs.push_back({{"activity", kActivities[j].name}, {"joules", activity.model.joules_per[j]}});
  }
  for (std::size_t i = 0; i < activity.rows.size(); ++i) {
    const double scale = 1e3 / activity.images[i];
    rows.push_back({{"name", activity.rows[i].name},
                    {"method", "activity"},
                    {"images", activity.images[i]},
                    {"replay_net_mj", activity.rows[i].joules * scale},
                    {"net_mj", activity.model.predicted[i] * scale},
                    {"error", activity.model.error[i]}});
  }
  return {{"quality", name_of(energy::Quality::estimate)},
          {"costs", std::move(costs)},
          {"layers", std::move(rows)},
          {"median_error", activity.median_error()},
          {"not_fitted", activity.not_fitted}};
}

void EnergyRows::set_replays(const std::vector<LayerJoules>& replays) {
  if (replays.empty()) return;
  by_replay = replays.back();
  activity = fit_layers(replays);
}

void EnergyRows::add_json(Json& energy) const {
  if (!by_time.rows.empty()) energy["by_time"] = layers_json(by_time);
  if (!by_replay.rows.empty()) energy["by_replay"] = layers_json(by_replay);
  if (activity) energy["by_activity"] = activity_json(*activity);
}

std::string EnergyRows::text() const {
  return layers_text(by_time) + layers_text(by_replay) + activity_text(activity);
}

std::vector<energy::LayerEnergy> EnergyRows::ledger_rows() const {
  std::vector<energy::LayerEnergy> rows = by_replay.rows.empty() ? by_time.rows : by_replay.rows;
  if (activity) {
    for (energy::LayerEnergy& row : activity_rows(*activity)) rows.push_back(std::move(row));
  }
  return rows;
}

}  // namespace godwit::tools
