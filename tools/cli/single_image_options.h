// Options of commands whose models take one image at a time: detect, segment.
#pragma once

#include <cstdint>
#include <string>

#include "runtime/image/pipeline.h"
#include "tools/cli/cli11.h"
#include "tools/cli/image_options.h"
#include "tools/cli/image_results.h"
#include "tools/cli/options.h"
#include "tools/vision/image_source.h"
#include "tools/vision/single_image_model.h"

namespace godwit::tools {

struct SingleImageArguments {
  EngineOptions engine;
  ImageOptions reading;
  image::PreprocessChoice preprocess;
  vision::ImageArguments images;
  std::string model, labels;
  std::int64_t label_offset = 0;
  bool json = false, json_lines = false;

  // Refers to this for as long as it is used.
  vision::SingleImageOptions options() const;
  ImageResults::Form form() const;
};
// Adds all but MODEL and IMAGE. `names`: metadata entries that hold labels; `told`: the fields of an image.
void add_single_image_options(CLI::App& app, SingleImageArguments& arguments, const std::string& names,
                              const std::string& told);

}  // namespace godwit::tools
