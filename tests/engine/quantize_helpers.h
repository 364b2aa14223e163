// Small networks to be quantised, and images of random numbers to calibrate them on.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "engine/correct_bias.h"
#include "engine/observe.h"
#include "engine/quantize.h"
#include "tests/engine/helpers.h"
#include "tests/support/random.h"

namespace godwit::engine {

// `count` batches of the graph's one input, uniform in [low, high).
inline CalibrationImages random_images(const Graph& graph, int count, double low = -1, double high = 1) {
  const Value& input = graph.value(graph.inputs.front());
  CalibrationImages images;
  images.compile.threads = 2;
  images.compile.shapes[input.name] = input.desc.shape;
  images.batches = [shape = input.desc.shape, count, low, high](const auto& each) {
    for (int i = 0; i < count; ++i) {
      const Tensor tensor =
          support::random_tensor<float>(shape, static_cast<std::uint64_t>(i) + 7, low, high);
      each(std::span<const Tensor>(&tensor, 1));
    }
  };
  return images;
}

inline Graph prepared_of(const Graph& graph) { return prepare_for_quantization(graph, {}); }

// Every scale by min-max, without bias correction, unless more is asked for.
inline Quantization calibrated(const Graph& prepared, const QuantizationScheme& scheme,
                               const CalibrationImages& images, bool corrects = false) {
  Quantization quantization;
  quantization.activations = calibrate(prepared, scheme.scales(), images, {.clip = ClipMethod::minmax});
  if (corrects) quantization.bias_shifts = correct_bias(prepared, scheme, quantization, images);
  return quantization;
}

// Names of operators behind each other, "Conv Relu", without those of weights.
inline std::string chain(const Graph& graph) {
  std::string text;
  for (const Node& node : graph.nodes) {
    const bool of_constant =
        node.op->name == "DequantizeLinear" && graph.value(node.inputs[0]).constant.has_value();
    if (of_constant) continue;
    if (!text.empty()) text += ' ';
    text += node.op->name;
  }
  return text;
}

}  // namespace godwit::engine
