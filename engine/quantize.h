// An f32 graph becomes a QDQ graph: the same nodes with QuantizeLinear and DequantizeLinear between them,
// and weights in 8 bits.
#pragma once

#include <functional>
#include <map>
#include <span>
#include <vector>

#include "engine/calibrate.h"
#include "engine/quantization_scheme.h"

namespace godwit::engine {

// Weights as whole numbers: real = number · scale[channel], zero_point 0, numbers from −127 to 127.
struct QuantizedWeights {
  Tensor numbers;  // s8, the weights' shape
  Tensor scales;   // f32 (channels)
};

// Calls visit(i, j) for all weights i and j of one channel whose products kernels add up first.
using PairedWeights = std::function<void(const std::function<void(std::size_t i, std::size_t j)>& visit)>;
// Those of a node with weights on `axis`; none where each channel has a group of its own.
PairedWeights paired_weights(const Node& node, const Shape& weights, int axis);

// scale[c] = max |w| over channel c / 127. With `pairs` it is at least the largest |w_i + w_j| of a pair of
// one sign / 128: the sum of their products with any two u8 then fits into 16 bits (ops::pair_fits()). No
// scale is 0: a channel of nothing but 0 (or of numbers below 1e-30) gets the largest scale of the tensor
// times 2^-8, and 1/127 where all channels are such. Any channel's scale is at least |bias[c]| / (src_scale ·
// 2^30), so that the bias keeps within 2^30 steps. `bias` is empty or has one number per channel.
QuantizedWeights quantize_weights(const Tensor& weights, int axis, std::span<const double> bias,
                                  float src_scale, const PairedWeights& pairs = {});
// The reals that they stand for: f32, number · scale.
Tensor dequantize_weights(const QuantizedWeights& weights, int axis);

// round(bias[c] / (src_scale · scales[c])), s32.
Tensor quantize_bias(std::span<const double> bias, float src_scale, const Tensor& scales);

struct Quantization {
  std::map<ValueId, ActivationScale> activations;     // by value with a scale of its own
  std::map<NodeId, std::vector<double>> bias_shifts;  // by node with weights: what is added to its bias
  bool full_range = false;                            // weights of which no pairs are kept within 16 bits
};

// The weights of a prepared graph's node in 8 bits; src_scale: of its operand 0.
QuantizedWeights quantized_weights_of(const Graph& prepared, NodeId node, const Quantization& quantization,
                                      float src_scale);

// A node's bias with its shift: one number per channel, empty for a node without either.
std::vector<double> bias_of(const Graph& prepared, NodeId node, const Quantization& quantization);

// The QDQ graph, opset 13: Q→DQ around every quantised node, one QuantizeLinear for each tensor and one
// DequantizeLinear for each node that reads it; u8 activations per tensor, s8 weights per output channel with
// zero points of 0, s32 bias under the scale src_scale · weight_scale[c]. Values and nodes keep their names;
// new ones are called after the value they belong to ("relu1_QuantizeLinear"). The graph's inputs and outputs
// stay f32.
Graph quantize(const Graph& prepared, const QuantizationScheme& scheme, const Quantization& quantization);

}  // namespace godwit::engine
