// Nodes of an f32 graph that compute on quantised tensors, and values that are therefore rounded to u8: the
// placement of QuantizeLinear and DequantizeLinear that ONNX runtimes fuse into integer operators.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "engine/graph.h"
#include "ops/implementation.h"

namespace godwit::engine {

// True for a graph with operators on quantised tensors.
bool is_quantized(const Graph& graph);

// The graph as it will be quantised: outputs and names kept, constants computed, batch normalisation folded
// into weights, Gemm without alpha and beta and with a bias of one dimension; activations stay nodes of their
// own. Throws Error where the graph is quantised already.
Graph prepare_for_quantization(const Graph& graph, const ops::Target& target);

// The axis of the weights along which output channels lie. Nothing unless the node is a product (Conv, Gemm,
// MatMul) whose weights and bias are constants that can be quantised.
std::optional<int> weight_axis(const Graph& graph, const Node& node);

// Conv, Gemm and MatMul with constant weights are quantised wherever they stand. Add, Concat and the average
// poolings are where an operand of theirs comes from a quantised node: between f32 nodes they would only lose
// accuracy. MaxPool and the nodes that only move values keep their operand's scale and zero point. A Relu or
// Clip that alone reads a quantised node's result belongs to that node; the result is rounded behind it. The
// network's tail is Softmax, an output of the graph, and what moves values or adds a constant on the way
// there. A result that only the tail reads is not rounded: scores in 256 steps would tie.
struct QuantizationScheme {
  std::vector<bool> quantized;  // by node: reads u8 tensors (and s8 weights)
  // By node: for a Relu or Clip that belongs to the node in front of it, that node; kNoNode else.
  std::vector<NodeId> owner;
  // By value: the value whose scale and zero point it has (itself where it has its own); kNoValue where it is
  // not rounded.
  std::vector<ValueId> rounded_as;
  // By value: what a quantised node (its Relu or Clip included) computes, so that whoever reads it gets what
  // was rounded; others' values are rounded for quantised readers only.
  std::vector<bool> from_quantized;

  bool rounds(ValueId id) const { return rounded_as[static_cast<std::size_t>(id)] != kNoValue; }
  // Values that have a scale of their own, in order.
  std::vector<ValueId> scales() const;
};

// `keep` names nodes that stay f32, by their own names or by those of their origins. Throws Error for a name
// that the graph does not have. Throws it, naming the node, for a weight or bias that is NaN or infinite.
QuantizationScheme plan_quantization(const Graph& prepared, const std::vector<std::string>& keep);

// The value at which a quantised node's result would be rounded: behind its Relu or Clip where it has one.
ValueId result_of(const Graph& prepared, const QuantizationScheme& scheme, NodeId node);

}  // namespace godwit::engine
