// Two graphs of one model, layer by layer: what the one computes against what the other does.
#pragma once

#include <string>
#include <vector>

#include "engine/difference.h"
#include "engine/graph.h"
#include "engine/observe.h"

namespace godwit::engine {

// A value that both graphs have, told by its name.
struct LayerPair {
  std::string layers;  // "conv1 + relu1": the nodes of the second graph that compute it
  std::string op;      // of the first of them
  ValueId reference = kNoValue, other = kNoValue;
};

// In the order of the second graph's nodes: every f32 value computed in both, as rounded as its readers see
// it. A node whose result only a Relu or Clip reads is told together with that: fused kernels have no value
// between them. Constants and what QuantizeLinear and DequantizeLinear make are no layers.
std::vector<LayerPair> pair_layers(const Graph& reference, const Graph& other);

// Runs both graphs on the same images, each compiled as its own images say (`batches` of the first are
// used). One Difference for each pair. Throws Error when the graphs' results differ in shape, or when there
// are no images.
std::vector<Difference> compare_layers(const Graph& reference, const CalibrationImages& images,
                                       const Graph& other, const CompileOptions& other_compile,
                                       const std::vector<LayerPair>& pairs);

}  // namespace godwit::engine
