// Ranks layers by what each, quantised alone, costs the model.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "engine/difference.h"
#include "engine/observe.h"
#include "engine/quantize.h"

namespace godwit::engine {

// One layer quantised alone, everything else in f32: its weights and bias rounded, and its result. A tensor's
// rounding belongs to the layer that computes it; the rounding of the graph's inputs is a layer of its own.
struct LayerNoise {
  NodeId node = kNoNode;  // kNoNode: the graph's inputs
  std::string name;       // with its Relu or Clip: "conv1 + relu1"
  std::string op;         // "input" for the graph's inputs
  Difference result;      // of the layer's own result, on the f32 network's activations
  Difference scores;      // of the network's scores: its first output, in front of a Softmax that makes it
  std::int64_t rows = 0, labels_changed = 0;  // rows of scores, and those whose largest is another one
};

// All layers that round something, the one that does most harm to the scores first (scores.sqnr_db(), in the
// order of the graph among equals). One plan is compiled for each layer, and the images are gone through once
// for each. `done` is called after each layer. Throws Error when there are no images.
std::vector<LayerNoise> measure_layers(const Graph& prepared, const QuantizationScheme& scheme,
                                       const Quantization& quantization, const CalibrationImages& images,
                                       const std::function<void()>& done = {});

// The number of layers that measure_layers() will measure.
std::size_t layers_to_measure(const Graph& prepared, const QuantizationScheme& scheme);

// The batches of `images`, kept in memory; for few of them.
CalibrationImages kept_in_memory(const CalibrationImages& images);

}  // namespace godwit::engine
