// The parts of the way from photograph to label: what each takes in a run, and each alone.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "tools/bench/energy_layers.h"
#include "tools/report/json.h"
#include "tools/vision/image_model.h"

namespace godwit::tools {

// Read, decode, resize and normalise, every layer, and waiting, over a run of photograph to label with a
// timer around every layer. The stages share what preprocessing took as they do one image after the other
// on one thread. Throws Error for an image that cannot be read.
TimedImage profile_photographs(vision::ImageModel& model, const std::vector<std::string>& paths,
                               const MeasureOptions& options);

// The same parts, each on all threads at once as in a run. Stages take a number of the images. Layers run in
// a session for each thread (or one for all where a run has one) on the tensors of the first images.
std::vector<ReplayPart> photograph_parts(vision::ImageModel& model, const std::vector<std::string>& paths);

std::string timed_text(const TimedImage& image);
Json timed_json(const TimedImage& image);

}  // namespace godwit::tools
