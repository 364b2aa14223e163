// The numbers that a model gives for an image's classes, and what is made of them.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "engine/graph.h"

namespace godwit::vision {

// The meaning of the numbers in a result.
enum class Scores : std::uint8_t {
  automatic,  // by the model's last layer: softmax, sigmoid where each class is from 0 to 1 by itself
  softmax,    // probabilities that sum to 1
  sigmoid,    // probabilities of each class by itself, for images that may have several
  raw,        // what the model gives
};
// "softmax", "sigmoid", "raw"; "automatic".
std::string_view name_of(Scores scores);
// Nullopt for any other name.
std::optional<Scores> parse_scores(std::string_view name);

// A function of one image's row of numbers.
enum class ScoreFunction : std::uint8_t { none, softmax, sigmoid, exp };
// "none", "softmax", "sigmoid", "exp".
std::string_view name_of(ScoreFunction function);

struct ScoreFacts {
  Scores are = Scores::raw;                     // never automatic
  ScoreFunction applied = ScoreFunction::none;  // to what the model gives
  bool probabilities = false;                   // taken for numbers from 0 to 1
  std::string last_layer;                       // "Gemm 'fc'", seen through what only moves or re-encodes
  std::string to_string() const;                // one sentence for people
};

// The facts for the graph's output of that value, of so many classes. `asked` decides; automatic: softmax is
// applied to the scores of a model that ends in neither Softmax, LogSoftmax nor Sigmoid (sigmoid where there
// is one class only), and exp to those of LogSoftmax.
ScoreFacts find_score_facts(const engine::Graph& graph, engine::ValueId output, std::int64_t classes,
                            Scores asked);

// In place. Finite numbers stay finite, but for exp.
void apply(ScoreFunction function, std::span<float> row);

// The reason that a row of finite numbers is none of probabilities; "" where it may be one. `sums`: to 1, but
// for rounding.
std::string improper_text(std::span<const float> row, bool sums);

// True for two numbers or more from 0 to 1 that sum to 1, as those behind a Softmax do.
bool resemble_probabilities(std::span<const float> row);

}  // namespace godwit::vision
