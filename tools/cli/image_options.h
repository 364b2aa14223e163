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
#include "tools/vision/examples.h"
#include "tools/vision/image_model.h"
#include "tools/vision/image_source.h"

namespace godwit::tools {

struct ImageOptions {
  image::DecodeLimits limits;
  std::string decode = "exact";  // or fast
  std::string depth;             // parse_depth(); empty: as the pipeline says
  bool exif = false;
  bool strict = false;

  bool fast() const { return decode == "fast"; }
  // `isa`: an instruction set's name, empty for the default.
  image::PreprocessOptions preprocess_options(const std::string& isa = "") const;
};
// Adds --decode, --depth, --exif, --strict, --max-pixels, --max-scans and --max-file-bytes.
void add_image_options(CLI::App& app, ImageOptions& options);

// Adds IMAGE, --list and --recursive.
void add_image_arguments(CLI::App& app, vision::ImageArguments& arguments);

// Adds --data, which is given back, --labels, --classes and --class-order.
CLI::Option* add_example_options(CLI::App& app, vision::ExampleArguments& arguments);
// Throws Error for those that exclude each other.
void check_example_options(const vision::ExampleArguments& arguments);
// Names on stderr the folders that count as no class.
void tell_hidden_folders(const vision::Examples& examples);

// A model on images, as the command line says it.
struct ImageModelArguments {
  EngineOptions engine;
  ImageOptions images;
  image::PreprocessChoice preprocess;
  std::int64_t batch = 0;  // 0: the model's own where it is fixed, else default_batch
  std::int64_t default_batch = 1;
  std::string scores = {};  // softmax, sigmoid or raw; empty: by the model's last layer
  std::string output = {};  // of scores; empty: the model's first

  // `path`: the model's file, which --plan and --tune are for; empty for a graph in memory.
  vision::ImageModelOptions options(const std::string& path) const;
};

// Adds --output NAME.
void add_scores_output_option(CLI::App& app, std::string& output);
// --scores, for commands that print what a model gives for each class.
void add_scores_option(CLI::App& app, std::string& scores);
// The same facts for JSON objects: softmax_added, scores, applied, last_layer.
void add_score_facts(const vision::ScoreFacts& facts, Json& json);
// Says that softmax was applied to what looked like probabilities, where it was.
void tell_resemblance(const vision::ImageModel& model);

// The warnings of the decoder as a list of {file, warnings}.
Json warned_json(const vision::CalibrationReader& reader);
// The images that can be read; the others are named on stderr (in strict mode the first is an Error). Throws
// Interrupted.
vision::CalibrationReader read_calibration_images(std::vector<std::string> paths,
                                                  const image::Pipeline& pipeline,
                                                  const ImageOptions& reading, int threads);

}  // namespace godwit::tools
