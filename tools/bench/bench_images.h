// Photograph to label: how many a second, and how much of what the cores could do that is.
#pragma once

#include <cstddef>
#include <mutex>
#include <string>
#include <unordered_set>
#include <vector>

#include "runtime/energy/protocol/protocol.h"
#include "tools/bench/measure.h"
#include "tools/report/console.h"
#include "tools/report/json.h"
#include "tools/vision/image_model.h"

namespace godwit::tools {

// Images handed out in their order, round and round. What is wrong with one is told on stderr once, and one
// that cannot be read, or whose scores are not finite, is not handed out again. Any thread at any time.
class ImageRing {
 public:
  // `strict`: what would be told is thrown as an Error instead.
  ImageRing(std::vector<std::string> paths, bool strict);

  const std::vector<std::string>& paths() const { return paths_; }
  // Those not found bad so far.
  std::vector<std::string> readable();
  // Throws Error when no image is left.
  std::string next();
  // True when there is no error. `nonfinite`: it is one of the scores.
  bool good(const std::string& path, const std::string& error, const std::vector<std::string>& warnings,
            bool nonfinite = false);
  // Those with an error.
  struct Bad {
    std::string path, error;
    bool nonfinite = false;
  };
  const std::vector<Bad>& failed() const { return failed_; }
  std::size_t nonfinite() const;
  // "2 images could not be read, the scores of 1 image are not finite".
  std::string failed_text() const;
  // A list of {file, error}.
  Json failed_json() const;

 private:
  const std::vector<std::string> paths_;
  std::mutex mutex_;
  std::size_t next_ = 0;
  std::unordered_set<std::string> bad_, warned_;
  std::vector<Bad> failed_;
  Progress progress_{"images", 0};  // never drawn: nobody knows how many there will be
  ImageLog log_;
};

struct ImageBench {
  // Batches from taking their first image until they were labelled, others being under way beside them.
  Measurement latency;
  double images_per_second = 0;  // labelled, over the whole run
  double preprocess_share = 0;   // of the cores' time
  // One image on one thread with nothing beside it: until its tensor is there, and in the network (a
  // batch's time divided by its size). Means of measurements before and after the run.
  double preprocess_alone_ms = 0, inference_alone_ms = 0;
  // images_per_second as a share of threads / (preprocess_alone + inference_alone).
  double efficiency = 0;

  // latency's fields with images_per_second of the run, preprocess_share, preprocess_alone_ms,
  // inference_alone_ms and efficiency.
  Json to_json() const;
  std::string to_string(int threads) const;
};

// Labels the images again and again for options.seconds and options.min_repetitions batches. Throws Error
// when none gives scores, or for the first bad one where the ring is strict.
ImageBench bench_images(vision::ImageModel& model, ImageRing& images, const MeasureOptions& options);

// One run labels a batch for each thread; in place of a bad image it labels another. Both
// arguments outlive it.
energy::Workload photograph_workload(vision::ImageModel& model, ImageRing& images);

}  // namespace godwit::tools
