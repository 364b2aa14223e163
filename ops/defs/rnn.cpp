// RNN: a recurrent layer of one gate, H = f(W X + R H + B).
#include <algorithm>

#include "ops/recurrent.h"

namespace godwit::ops {
namespace {

constexpr RecurrentKind kKind{1, 1, {"Tanh", "", ""}};

void cell(const NodeView&, const Recurrent& layer, const Weights& weights, std::int64_t direction,
          const TensorView& x, std::int64_t first, State& h, State&) {
  State next;
  const Activation& f = layer.activations[static_cast<std::size_t>(direction)][0];
  for (std::int64_t j = 0; j < layer.hidden; ++j) {
    const double gate = weights.input(j, x, first) + weights.state(j, h.data()) + weights.input_bias(j) +
                        weights.state_bias(j);
    next[static_cast<std::size_t>(j)] = f(clip_gate(layer, gate));
  }
  std::copy_n(next.begin(), layer.hidden, h.begin());
}

std::vector<TensorDesc> infer_rnn(const NodeView& node) { return infer_recurrent(node, kKind); }

void reference(const NodeView& node, std::span<const TensorView> src, std::span<const TensorView> dst) {
  run_recurrent(node, src, dst, kKind, cell, false);
}

Cost cost_rnn(const NodeView& node) { return cost_of_recurrent(node, kKind.gates); }

}  // namespace

const OpDef& op_rnn() {
  static const OpDef def{
      .name = "RNN",
      .sentence = "a recurrent layer of one gate",
      .since_opset = 7,
      .min_inputs = 3,
      .max_inputs = 6,
      .min_outputs = 0,
      .max_outputs = 2,
      .attributes = recurrent_attributes({}),
      .infer = infer_rnn,
      .reference = reference,
      .cost = cost_rnn,
  };
  return def;
}

}  // namespace godwit::ops
