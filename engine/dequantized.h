// The f32 model inside a QDQ model, or one in 16 bits.
#pragma once

#include "engine/graph.h"

namespace godwit::engine {

// The graph without its QuantizeLinear → DequantizeLinear pairs of one scale and zero point: whoever read the
// rounded value reads the value itself. Weights stay what their numbers stand for. Throws Error for a graph
// without any such pair.
Graph without_quantization(const Graph& graph);

// The graph with everything between its inputs and outputs in f32, where it is in 16-bit floats.
Graph in_f32(const Graph& graph);

// The f32 value that stands for `id` where it is rounded: what a DequantizeLinear makes of its
// QuantizeLinear. `id` itself where nothing rounds it.
ValueId rounded_value(const Graph& graph, ValueId id);

}  // namespace godwit::engine
