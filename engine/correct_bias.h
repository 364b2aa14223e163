// What rounding shifts the mean of each output channel by, to be put back through the bias.
#pragma once

#include <map>
#include <vector>

#include "engine/observe.h"
#include "engine/quantize.h"

namespace godwit::engine {

// For every quantised Conv and Gemm the mean over images and positions of (f32 result − quantised result),
// by output channel, in front of its Relu or Clip: what is to be added to its bias. Each node is quantised by
// itself, on the f32 network's activations, so that no shift is counted twice: rounded weights and bias, and
// its operand rounded as the scheme says. MatMul has no bias and gets no shift. Throws Error when there are
// no images.
std::map<NodeId, std::vector<double>> correct_bias(const Graph& prepared, const QuantizationScheme& scheme,
                                                   const Quantization& quantization,
                                                   const CalibrationImages& images);

}  // namespace godwit::engine
