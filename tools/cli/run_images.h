// Images in and out of `run`.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "engine/graph.h"
#include "runtime/tensor.h"
#include "tools/cli/cli11.h"
#include "tools/cli/image_options.h"
#include "tools/report/json.h"

namespace godwit::tools {

struct RunImages {
  std::vector<std::string> inputs;   // NAME=FILE
  std::vector<std::string> outputs;  // NAME=FILE.png
  image::PreprocessChoice preprocess;
  ImageOptions reading;
  std::string kind, range, channels;  // of what is written; empty: as found

  // Outputs that images are made of, by name. Throws Error for a text that is no NAME=FILE.png, and for an
  // output that is named twice.
  std::map<std::string, std::string> files() const;
};

// Adds --image, --output-picture, --picture-as, --picture-range and the options of preprocessing and reading.
void add_run_image_options(CLI::App& app, RunImages& images);

struct ReadRunImages {
  std::map<std::string, Tensor> tensors;  // by input's name; files of one input are its batch
  std::vector<std::string> told;          // of each input, what became of its images
};
// `isa` is an instruction set's name, or empty. Throws Error naming the input or the file.
ReadRunImages read_run_images(const RunImages& images, const engine::Graph& graph, const std::string& isa);

// Writes an output as an image and tells how it was taken. Throws Error naming the output.
Json write_run_image(const RunImages& images, const std::string& name, const Tensor& tensor,
                     const std::string& file);

}  // namespace godwit::tools
