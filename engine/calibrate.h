// Scales of a graph's activations, found by running it over calibration images.
#pragma once

#include <map>
#include <vector>

#include "engine/graph.h"
#include "engine/histogram.h"
#include "engine/observe.h"

namespace godwit::engine {

struct CalibrationMethod {
  ClipMethod clip = ClipMethod::mse;
  double percentile = 99.99;  // for ClipMethod::percentile
};

// A scale for each of these values, all f32, from two runs over the images: one for extremes, one for
// histograms between them, so that memory does not grow with the number of images. A value that is 0
// throughout gets scale 1. Throws Error naming the value where one is NaN or infinite, and when there are no
// images.
std::map<ValueId, ActivationScale> calibrate(const Graph& graph, const std::vector<ValueId>& values,
                                             const CalibrationImages& images,
                                             const CalibrationMethod& method);

}  // namespace godwit::engine
