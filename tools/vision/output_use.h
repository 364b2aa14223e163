// Guesses at what a model's outputs are good for, told as such.
#pragma once

#include <string>
#include <vector>

#include "engine/plan.h"

namespace godwit::vision {

// Looks of each output of the plan by shape and name, and the command that takes it: "boxes of
// head yolov8: godwit detect". Empty for a tensor of any other form. The plan's first input of four axes, if
// any, is the image.
std::vector<std::string> output_uses(const engine::Plan& plan);

}  // namespace godwit::vision
