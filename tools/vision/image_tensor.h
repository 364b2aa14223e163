// Images as the tensor of any of a model's inputs.
#pragma once

#include <string>
#include <vector>

#include "engine/graph.h"
#include "runtime/image/pipeline.h"
#include "runtime/tensor.h"

namespace godwit::vision {

struct ImageTensor {
  Tensor tensor;  // of the input's type, in its order of axes
  // Faults of each image, in order, that its decoder mended.
  std::vector<std::vector<std::string>> warnings;
};

// Decodes and preprocesses the files, which become the input's batch. A pipeline without a crop makes tensors
// of the images' own size, which then is one. Throws Error naming the file or the input: an image that cannot
// be read, an input that takes none (fit_images()).
ImageTensor read_image_tensor(const std::vector<std::string>& paths, const engine::Graph& graph,
                              const engine::Value& input, image::Pipeline pipeline,
                              const image::PreprocessOptions& reading);

}  // namespace godwit::vision
