// Images and models that take them, as the command line says it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "runtime/image/pipeline.h"
#include "tools/cli/cli11.h"
#include "tools/cli/options.h"
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

  // `path`: the model's file, which --plan and --tune are for; empty for a graph in memory.
  vision::ImageModelOptions options(const std::string& path) const;
};

// The images that can be read; the others are named on stderr (in strict mode the first is an Error). Throws
// Interrupted.
vision::CalibrationReader read_calibration_images(std::vector<std::string> paths,
                                                  const image::Pipeline& pipeline,
                                                  const ImageOptions& reading, int threads);

}  // namespace godwit::tools
