// A detector, ready to run: a model of single images, and the head that its outputs are of.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "tools/vision/detector_head.h"
#include "tools/vision/single_image_model.h"

namespace godwit::vision {

struct DetectorOptions {
  SingleImageOptions model = {};
  std::string labels = {};  // a file of class names; empty: the model's own
  std::int64_t label_offset = 0;
  std::string head = {};    // of detector_heads(); empty: by the outputs
  float least = 0.25F;      // score of a box that is told
  float overlap = 0.45F;    // of two boxes of one object, as suppress() has it
  std::size_t limit = 300;  // boxes of one image
};

// Boxes of one image in its own pixels, the best first, cut off at its edges.
struct Detections {
  image::Size image;  // turned upright where PreprocessOptions::exif says so
  std::vector<Detection> boxes;
  std::vector<std::string> warnings;     // of the decoder
  double preprocess = 0, inference = 0;  // seconds
};

class DetectorModel {
 public:
  // Throws Error as SingleImageModel does, for outputs of no head (find_head()), and for labels that are not
  // one for each class.
  explicit DetectorModel(const std::string& path, const DetectorOptions& options = {});

  // Throws Error when the file is no image, and when an output that is read holds NaN.
  Detections detect(const std::string& path);

  const SingleImageModel& model() const { return model_; }
  const DetectorHead& head() const { return *head_.head; }
  // The preprocessing is the head's usual one: neither the model nor the options say any.
  bool assumed_pipeline() const { return assumed_; }
  // "person", or "class 0".
  std::string label(std::int64_t index) const;
  bool has_labels() const { return !labels_.empty(); }

 private:
  DetectorOptions options_;
  SingleImageModel model_;
  FoundHead head_;
  bool assumed_ = false;
  std::vector<std::string> labels_;
};

}  // namespace godwit::vision
