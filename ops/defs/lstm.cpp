// LSTM: a recurrent layer with a second state c, which gates i, o, f (input, output, forget) write, show and
// keep.
#include <algorithm>

#include "ops/algorithms/implementations.h"
#include "ops/recurrent.h"

namespace godwit::ops {
namespace {

constexpr RecurrentKind kKind{4, 3, {"Sigmoid", "Tanh", "Tanh"}};

void cell(const NodeView& node, const Recurrent& layer, const Weights& weights, std::int64_t direction,
          const TensorView& x, std::int64_t first, State& h, State& c) {
  const std::int64_t hidden = layer.hidden;
  const bool coupled = node.attributes.flag("input_forget", false);
  const auto& [f, g, k] = layer.activations[static_cast<std::size_t>(direction)];
  State next;
  for (std::int64_t j = 0; j < hidden; ++j) {
    const auto at = static_cast<std::size_t>(j);
    const auto gate = [&](std::int64_t row, double peephole) {
      return clip_gate(layer, weights.input(row, x, first) + weights.state(row, h.data()) +
                                  weights.input_bias(row) + weights.state_bias(row) + peephole);
    };
    const double input = f(gate(j, weights.peephole(j) * c[at]));
    const double forget =
        coupled ? 1 - input : f(gate(2 * hidden + j, weights.peephole(2 * hidden + j) * c[at]));
    c[at] = forget * c[at] + input * g(gate(3 * hidden + j, 0));
    next[at] = f(gate(hidden + j, weights.peephole(hidden + j) * c[at])) * k(c[at]);
  }
  std::copy_n(next.begin(), hidden, h.begin());
}

std::vector<TensorDesc> infer_lstm(const NodeView& node) {
  (void)node.attributes.flag("input_forget", false);
  return infer_recurrent(node, kKind);
}

void reference(const NodeView& node, std::span<const TensorView> src, std::span<const TensorView> dst) {
  run_recurrent(node, src, dst, kKind, cell, true);
}

Cost cost_lstm(const NodeView& node) { return cost_of_recurrent(node, kKind.gates); }

}  // namespace

const OpDef& op_lstm() {
  static const OpDef def{
      .name = "LSTM",
      .sentence = "a recurrent layer with input, output and forget gates",
      .since_opset = 7,
      .min_inputs = 3,
      .max_inputs = 8,
      .min_outputs = 0,
      .max_outputs = 3,
      .attributes = recurrent_attributes({{"input_forget", AttributeType::integer}}),
      .infer = infer_lstm,
      .reference = reference,
      .cost = cost_lstm,
      .implementations = {&lstm_panels},
  };
  return def;
}

}  // namespace godwit::ops
