// Layers and what rounding does to them, as a table and as JSON.
#pragma once

#include <string>
#include <vector>

#include "engine/layer_noise.h"
#include "tools/report/json.h"

namespace godwit::tools {

// Decibels for people: "31.4"; "exact" for no difference, "none" for no signal, "not finite" for NaN.
std::string decibels(double value);

// Ranked as they come: the worst for the scores first, each with its rank by its own result.
std::string layer_table(const std::vector<engine::LayerNoise>& layers);
// An array of {layer, op, rank_by_scores, rank_by_result, scores_sqnr_db, labels_changed (a fraction),
// result_sqnr_db, result_channel_sqnr_db}; a ratio that is infinite (no difference at all) is null.
Json layer_json(const std::vector<engine::LayerNoise>& layers);

}  // namespace godwit::tools
