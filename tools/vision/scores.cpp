// The last layer's kind and the caller's wish give a function.
#include "tools/vision/scores.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <fmt/format.h>

#include "engine/last_layer.h"

namespace godwit::vision {
namespace {

using engine::ScoreKind;

constexpr std::array<std::string_view, 4> kScores = {"automatic", "softmax", "sigmoid", "raw"};
// Beyond what 16 bits or 8 bits round away from a sum of 1.
constexpr double kSlack = 0.02;

constexpr std::array<std::string_view, 4> kFunctions = {"none", "softmax", "sigmoid", "exp"};

void apply_softmax(std::span<float> row) {
  const float largest = *std::ranges::max_element(row);
  double sum = 0;
  for (float& value : row) {
    value = std::exp(value - largest);
    sum += static_cast<double>(value);
  }
  for (float& value : row) value = static_cast<float>(static_cast<double>(value) / sum);
}

Scores natural(ScoreKind kind, std::int64_t classes) {
  if (kind == ScoreKind::bounded) return Scores::sigmoid;
  // The softmax of one number is 1, whatever it is.
  return kind == ScoreKind::real && classes == 1 ? Scores::sigmoid : Scores::softmax;
}

ScoreFunction function_for(ScoreKind kind, Scores wanted) {
  if (wanted == Scores::raw) return ScoreFunction::none;
  if (wanted == Scores::sigmoid)
    return kind == ScoreKind::bounded ? ScoreFunction::none : ScoreFunction::sigmoid;
  if (kind == ScoreKind::softmax) return ScoreFunction::none;
  return kind == ScoreKind::log_softmax ? ScoreFunction::exp : ScoreFunction::softmax;
}

}  // namespace

std::string_view name_of(Scores scores) { return kScores[static_cast<std::size_t>(scores)]; }
std::string_view name_of(ScoreFunction function) { return kFunctions[static_cast<std::size_t>(function)]; }

std::optional<Scores> parse_scores(std::string_view name) {
  const auto* found = std::ranges::find(kScores, name);
  if (found == kScores.end() || found == kScores.begin()) return std::nullopt;
  return static_cast<Scores>(found - kScores.begin());
}

ScoreFacts find_score_facts(const engine::Graph& graph, engine::ValueId output, std::int64_t classes,
                            Scores asked) {
  const engine::LastLayer last = engine::last_layer(graph, output);
  ScoreFacts facts;
  facts.are = asked == Scores::automatic ? natural(last.kind, classes) : asked;
  facts.applied = function_for(last.kind, facts.are);
  facts.probabilities =
      facts.applied != ScoreFunction::none ||
      (facts.are != Scores::raw && (last.kind == ScoreKind::softmax || last.kind == ScoreKind::bounded));
  facts.last_layer = last.text;
  return facts;
}

std::string ScoreFacts::to_string() const {
  switch (applied) {
    case ScoreFunction::softmax:
      return fmt::format(
          "the model ends without Softmax, in {}; probabilities are softmax of its scores (--scores sigmoid "
          "or "
          "raw: each by itself, or as they are)",
          last_layer);
    case ScoreFunction::sigmoid:
      return fmt::format(
          "the model ends in {}; probabilities are sigmoid of its scores, each class by itself", last_layer);
    case ScoreFunction::exp:
      return fmt::format("the model ends in {}; probabilities are exp of its scores", last_layer);
    case ScoreFunction::none:
      break;
  }
  if (!probabilities)
    return fmt::format("the model ends in {}; its scores are printed as they are", last_layer);
  if (are == Scores::sigmoid)
    return fmt::format("the model ends in {}; probabilities are its scores, each class by itself",
                       last_layer);
  return fmt::format("the model ends in {}; probabilities are its scores", last_layer);
}

void apply(ScoreFunction function, std::span<float> row) {
  switch (function) {
    case ScoreFunction::softmax:
      return apply_softmax(row);
    case ScoreFunction::sigmoid:
      for (float& value : row) value = static_cast<float>(1 / (1 + std::exp(-static_cast<double>(value))));
      return;
    case ScoreFunction::exp:
      for (float& value : row) value = std::exp(value);
      return;
    case ScoreFunction::none:
      return;
  }
}

std::string improper_text(std::span<const float> row, bool sums) {
  const auto [least, most] = std::ranges::minmax(row);
  if (static_cast<double>(least) < -kSlack) return fmt::format("one is {:.4g}, expected 0 to 1", least);
  if (static_cast<double>(most) > 1 + kSlack) return fmt::format("one is {:.4g}, expected 0 to 1", most);
  double sum = 0;
  for (const float value : row) sum += static_cast<double>(value);
  // Steps of 7 bits and a sign, of which rounding moves each class by half of one.
  const double bound = kSlack + static_cast<double>(row.size()) / 254;
  return sums && std::abs(sum - 1) > bound ? fmt::format("they sum to {:.4g}, expected 1", sum) : "";
}

bool resemble_probabilities(std::span<const float> row) {
  if (row.size() < 2) return false;
  double sum = 0;
  for (const float value : row) {
    if (!(value >= 0 && value <= 1)) return false;
    sum += static_cast<double>(value);
  }
  return std::abs(sum - 1) <= kSlack;
}

}  // namespace godwit::vision
