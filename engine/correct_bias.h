// The shift of each output channel's mean by rounding, to be put back through the bias.
#pragma once

#include <map>
#include <vector>

#include "engine/observe.h"
#include "engine/quantize.h"

namespace godwit::engine {

// The number to add to the bias of every quantised Conv and Gemm, by output channel: the mean of (f32 result
// − quantised result) over images and positions, in front of its Relu or Clip. Each node is quantised by
// itself, on the f32 network's activations, so that no shift is counted twice. Weights and bias are rounded,
// and its operand as the scheme says. MatMul has no bias and gets no shift. Throws Error when there are no
// images.
std::map<NodeId, std::vector<double>> correct_bias(const Graph& prepared, const QuantizationScheme& scheme,
                                                   const Quantization& quantization,
                                                   const CalibrationImages& images);

}  // namespace godwit::engine
