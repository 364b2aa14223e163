// The meaning of a classifier's output: which operator makes its scores, seen through what only moves or
// re-encodes them.
#pragma once

#include <cstdint>
#include <string>

#include "engine/graph.h"

namespace godwit::engine {

enum class ScoreKind : std::uint8_t {
  real,         // any numbers: what a product, a sum or another operator makes
  softmax,      // probabilities that sum to 1
  log_softmax,  // their logarithms
  bounded,      // each from 0 to 1 by itself (Sigmoid)
};

struct LastLayer {
  ScoreKind kind = ScoreKind::real;
  // The node that makes them; kNoNode for an input, a constant, or several nodes.
  NodeId node = kNoNode;
  // "Softmax 'prob'", "input 'x'"; "Div 'y', which divides by the sum".
  std::string text;
};

// Movements, casts, QuantizeLinear, DequantizeLinear and clamps are looked through. A clamp to 0 and 1 of
// real numbers makes them bounded. Exp of log_softmax and x / ReduceSum(x) count as softmax. Sums and
// products of probabilities (with constants) are bounded.
LastLayer last_layer(const Graph& graph, ValueId output);

}  // namespace godwit::engine
