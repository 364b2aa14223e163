// Single nodes of an f32 graph that compute as they would in the quantised one.
#pragma once

#include <map>

#include "engine/quantize.h"

namespace godwit::engine {

// A prepared graph with more nodes behind its own. Ids of the prepared graph's nodes and values stay valid.
struct SideBranches {
  Graph graph;
  // By node of the prepared graph: the value that its branch computes beside the node's own.
  std::map<NodeId, ValueId> results;
};

// Branches for every quantised node with weights: its result in front of its Relu or Clip, from its f32
// operand rounded, rounded weights and a rounded bias.
SideBranches branches_before_clamp(const Graph& prepared, const QuantizationScheme& scheme,
                                   const Quantization& quantization);

// Branches for every node that rounds something of its own (has_rounding()): its result behind its Relu or
// Clip, rounded where the scheme rounds it, from its f32 operands and rounded weights and bias.
SideBranches branches_rounded(const Graph& prepared, const QuantizationScheme& scheme,
                              const Quantization& quantization);

// True for a quantised node with weights, and for one whose result gets a scale of its own; what only moves
// u8 numbers rounds nothing.
bool has_rounding(const Graph& prepared, const QuantizationScheme& scheme, NodeId node);

// The prepared graph with this one node quantised: rounded weights and bias, and whoever reads its result
// (behind its Relu or Clip) reads it rounded. kNoNode stands for the graph's inputs, rounded.
Graph with_rounded_layer(const Graph& prepared, const QuantizationScheme& scheme,
                         const Quantization& quantization, NodeId node);

}  // namespace godwit::engine
