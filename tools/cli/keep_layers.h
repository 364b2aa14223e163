// Putting the layers that lose most back to f32 until a model is as accurate as was asked for.
#pragma once

#include <cstddef>
#include <functional>
#include <set>
#include <string>
#include <vector>

#include "engine/layer_noise.h"
#include "engine/quantize.h"

namespace godwit::tools {

// The drop in top-1, in points, of the model with these nodes (by name) in f32.
using MeasureDrop = std::function<double(const std::set<std::string>& kept)>;
// Told after each measurement that changed what is kept: the layer concerned, and the drop now.
using TellStep = std::function<void(const std::string& layer, double drop)>;

struct KeepResult {
  std::set<std::string> kept;
  double drop = 0;
};

// Keeps layers in f32 one after the other, from `kept` on and the worst first. A layer whose drop does not
// shrink thereby has its harm done where its result is rounded for others. Those who read it are then kept as
// well. Once the drop is at most `max_drop`, layers that proved unnecessary go back to 8 bits, the last kept
// first. With every layer in f32 the drop is 0, so this ends.
KeepResult keep_layers(const engine::Graph& prepared, const engine::QuantizationScheme& scheme,
                       const std::vector<engine::LayerNoise>& layers, std::set<std::string> kept,
                       double max_drop, const MeasureDrop& measure, const TellStep& tell);

}  // namespace godwit::tools
