// Images and models that take them, as the command line says it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "runtime/image/pipeline.h"
#include "tools/cli/cli11.h"
#include "tools/cli/options.h"
#include "tools/report/json.h"
#include "tools/vision/calibration_images.h"
#include "tools/vision/image_model.h"
#include "tools/vision/image_source.h"

namespace godwit::tools {

struct ImageOptions {
  image::DecodeLimits limits;
  std::string decode = "exact";  // or fast
  bool exif = false;
  bool strict = false;

  bool fast() const { return decode == "fast"; }
  // `isa`: an instruction set's name, empty for the default.
  image::PreprocessOptions preprocess_options(const std::string& isa = "") const;
};
// Adds --decode, --exif, --strict, --max-pixels, --max-scans and --max-file-bytes.
void add_image_options(CLI::App& app, ImageOptions& options);

// Adds IMAGE, --list and --recursive.
void add_image_arguments(CLI::App& app, vision::ImageArguments& arguments);

// A model on images, as the command line says it.
struct ImageModelArguments {
  EngineOptions engine;
  ImageOptions images;
  std::string preprocess;
  std::int64_t batch = 0;  // 0: the model's own where it is fixed, else default_batch
  std::int64_t default_batch = 1;
  std::string scores = {};  // softmax, sigmoid or raw; empty: by the model's last layer

  // `path`: the model's file, which --plan and --tune are for; empty for a graph in memory.
  vision::ImageModelOptions options(const std::string& path) const;
};

// --scores, for commands that print what a model gives for each class.
void add_scores_option(CLI::App& app, std::string& scores);
// The same facts for JSON objects: softmax_added, scores, applied, last_layer.
void add_score_facts(const vision::ScoreFacts& facts, Json& json);
// Says that softmax was applied to what looked like probabilities, where it was.
void tell_resemblance(const vision::ImageModel& model);

// The images that can be read; the others are named on stderr (in strict mode the first is an Error). Throws
// Interrupted.
vision::CalibrationReader read_calibration_images(std::vector<std::string> paths,
                                                  const image::Pipeline& pipeline,
                                                  const ImageOptions& reading, int threads);

}  // namespace godwit::tools
