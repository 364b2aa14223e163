// GRU: a recurrent layer whose gates z and r (update, reset) say how much of the state stays.
#include <algorithm>

#include "ops/recurrent.h"

namespace godwit::ops {
namespace {

constexpr RecurrentKind kKind{3, 2, {"Sigmoid", "Tanh", ""}};

void cell(const NodeView& node, const Recurrent& layer, const Weights& weights, std::int64_t direction,
          const TensorView& x, std::int64_t first, State& h, State&) {
  const std::int64_t hidden = layer.hidden;
  const bool linear_first = node.attributes.flag("linear_before_reset", false);
  const Activation& f = layer.activations[static_cast<std::size_t>(direction)][0];
  const Activation& g = layer.activations[static_cast<std::size_t>(direction)][1];
  const auto gate = [&](std::int64_t row) {
    return f(clip_gate(layer, weights.input(row, x, first) + weights.state(row, h.data()) +
                                  weights.input_bias(row) + weights.state_bias(row)));
  };
  State reset, next;
  for (std::int64_t j = 0; j < hidden; ++j) {
    const auto at = static_cast<std::size_t>(j);
    reset[at] = linear_first ? gate(hidden + j) : gate(hidden + j) * h[at];
  }
  for (std::int64_t j = 0; j < hidden; ++j) {
    const auto at = static_cast<std::size_t>(j);
    const std::int64_t row = 2 * hidden + j;
    const double from_state = linear_first
                                  ? reset[at] * (weights.state(row, h.data()) + weights.state_bias(row))
                                  : weights.state(row, reset.data()) + weights.state_bias(row);
    const double candidate =
        g(clip_gate(layer, weights.input(row, x, first) + weights.input_bias(row) + from_state));
    const double update = gate(j);
    next[at] = (1 - update) * candidate + update * h[at];
  }
  std::copy_n(next.begin(), hidden, h.begin());
}

std::vector<TensorDesc> infer_gru(const NodeView& node) {
  (void)node.attributes.flag("linear_before_reset", false);
  return infer_recurrent(node, kKind);
}

void reference(const NodeView& node, std::span<const TensorView> src, std::span<const TensorView> dst) {
  run_recurrent(node, src, dst, kKind, cell, false);
}

Cost cost_gru(const NodeView& node) { return cost_of_recurrent(node, kKind.gates); }

}  // namespace

const OpDef& op_gru() {
  static const OpDef def{
      .name = "GRU",
      .sentence = "a recurrent layer with update and reset gates",
      .since_opset = 7,
      .min_inputs = 3,
      .max_inputs = 6,
      .min_outputs = 0,
      .max_outputs = 2,
      .attributes = recurrent_attributes({{"linear_before_reset", AttributeType::integer}}),
      .infer = infer_gru,
      .reference = reference,
      .cost = cost_gru,
  };
  return def;
}

}  // namespace godwit::ops
