// Photograph to label: how many a second, and how much of what the cores could do that is.
#pragma once

#include <string>
#include <vector>

#include "tools/support/image_model.h"
#include "tools/support/measure.h"

namespace godwit::tools {

struct ImageBench {
  // Batches from taking their first picture until they were labelled, others being under way beside them.
  Measurement latency;
  double images_per_second = 0;  // over the whole run
  double preprocess_share = 0;   // of the cores' time
  // One picture on one thread with nothing beside it: until its tensor is there, and in the network (a
  // batch's time divided by its size).
  double preprocess_alone_ms = 0, inference_alone_ms = 0;
  // images_per_second as a share of threads / (preprocess_alone + inference_alone).
  double efficiency = 0;

  // latency's fields with images_per_second of the run, preprocess_share, preprocess_alone_ms,
  // inference_alone_ms and efficiency.
  Json to_json() const;
  std::string to_string(int threads) const;
};

// Labels `paths` again and again, in their order, for options.seconds and options.min_repetitions batches.
// Throws Error for a picture that cannot be read.
ImageBench bench_images(ImageModel& model, const std::vector<std::string>& paths,
                        const MeasureOptions& options);

}  // namespace godwit::tools
