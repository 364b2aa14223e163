// Outputs of detectors: their meaning, recognised by shapes and names, and the boxes in them.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/image/image.h"
#include "runtime/tensor.h"
#include "tools/vision/detection.h"

namespace godwit::vision {

// An output as the plan has it for one image.
struct DetectorOutput {
  std::string name;
  Shape shape;  // sizes that the data decides are bounds
};

// Places in the list of outputs that a head reads; -1: none.
struct HeadOutputs {
  int boxes = -1, scores = -1, labels = -1;
  std::int64_t classes = 0;  // that there may be; 0: the outputs do not say
};

// Boxes of one image, in pixels of the network's input, that score `least` or more. Results are f32, s32 or
// s64, in the order of the outputs.
struct HeadRequest {
  HeadOutputs where;
  std::span<const Tensor> results;
  image::Size size;
  float least = 0.25F;
};

struct DetectorHead {
  std::string_view name;      // "yolov8"
  std::string_view sentence;  // what its outputs are
  // JSON of image::pipeline_from_text() by which such detectors are usually trained, but for the size.
  std::string_view preprocessing;
  bool overlaps;  // one object has many boxes, which suppress() thins out
  // The outputs that it reads; nothing where these are not of its form.
  std::optional<HeadOutputs> (*find)(std::span<const DetectorOutput> outputs, image::Size size);
  std::vector<Detection> (*read)(const HeadRequest& request);
};

std::span<const DetectorHead> detector_heads();

struct FoundHead {
  const DetectorHead* head = nullptr;
  HeadOutputs outputs;
};
// All heads that these outputs may be of.
std::vector<FoundHead> fitting_heads(std::span<const DetectorOutput> outputs, image::Size size);
// The head called `wanted`, or without a name the only one that fits. Throws Error listing heads and outputs:
// none fits, several do, or the wanted one does not or is unknown.
FoundHead find_head(std::span<const DetectorOutput> outputs, image::Size size, std::string_view wanted);

}  // namespace godwit::vision
