// The ranking of layers by two measures.
#include "tools/cli/layer_report.h"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "tools/report/text.h"

namespace godwit::tools {
namespace {

// By the layer's own result, channel by channel: 1 is the worst.
std::vector<std::size_t> ranks_by_result(const std::vector<engine::LayerNoise>& layers) {
  std::vector<std::size_t> order(layers.size()), ranks(layers.size());
  for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
  std::ranges::stable_sort(order, [&](std::size_t a, std::size_t b) {
    return layers[a].result.channel_sqnr_db() < layers[b].result.channel_sqnr_db();
  });
  for (std::size_t rank = 0; rank < order.size(); ++rank) ranks[order[rank]] = rank + 1;
  return ranks;
}

double changed(const engine::LayerNoise& layer) {
  return layer.rows > 0 ? static_cast<double>(layer.labels_changed) / static_cast<double>(layer.rows) : 0;
}

}  // namespace

std::string decibels(double value) {
  if (std::isnan(value)) return "not finite";
  if (std::isinf(value)) return value > 0 ? "exact" : "none";
  return fmt::format("{:.1f}", value);
}

std::string layer_table(const std::vector<engine::LayerNoise>& layers) {
  const std::vector<std::size_t> ranks = ranks_by_result(layers);
  Table table({{"rank"},
               {"layer", Table::Align::left},
               {"operator", Table::Align::left},
               {"scores dB"},
               {"labels changed"},
               {"result dB"},
               {"by channel dB"},
               {"rank by channel"}});
  for (std::size_t i = 0; i < layers.size(); ++i) {
    const engine::LayerNoise& layer = layers[i];
    table.add({fmt::format("{}", i + 1), one_line(layer.name), layer.op, decibels(layer.scores.sqnr_db()),
               fmt::format("{:.1f} %", 100 * changed(layer)), decibels(layer.result.sqnr_db()),
               decibels(layer.result.channel_sqnr_db()), fmt::format("{}", ranks[i])});
  }
  return table.to_string();
}

Json layer_json(const std::vector<engine::LayerNoise>& layers) {
  const std::vector<std::size_t> ranks = ranks_by_result(layers);
  Json json = Json::array();
  for (std::size_t i = 0; i < layers.size(); ++i) {
    const engine::LayerNoise& layer = layers[i];
    json.push_back({{"layer", layer.name},
                    {"op", layer.op},
                    {"rank_by_scores", i + 1},
                    {"rank_by_result", ranks[i]},
                    {"scores_sqnr_db", layer.scores.sqnr_db()},
                    {"labels_changed", changed(layer)},
                    {"result_sqnr_db", layer.result.sqnr_db()},
                    {"result_channel_sqnr_db", layer.result.channel_sqnr_db()}});
  }
  return json;
}

}  // namespace godwit::tools
