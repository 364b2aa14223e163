// A model that labels pictures, ready to run: its graph and plan, its preprocessing, one row of scores per
// picture.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "engine/session.h"
#include "runtime/image/preprocess.h"
#include "tools/support/options.h"
#include "tools/support/output.h"

namespace godwit::tools {

// The pipeline named on the command line, else the model's own. Throws Error saying what to pass when there
// is none.
image::Pipeline find_pipeline(const std::string& preset_or_file,
                              const std::map<std::string, std::string>& metadata);

// Fills the tensors of pictures paths[i] at dst + i × the size of one, in parallel. errors[i] says what was
// wrong with picture i (its tensor is then zeros), empty where nothing was.
void preprocess_images(std::span<const std::string> paths, const image::Pipeline& pipeline, Layout layout,
                       int threads, std::span<float> dst, std::span<std::string> errors);

// `count` indices of the largest values, the largest first, the lower index first among equals; NaN is below
// all.
std::vector<std::int64_t> largest(std::span<const float> values, std::size_t count);

struct ImageModelOptions {
  EngineOptions engine;
  std::string preprocess;
  std::int64_t batch = 0;  // 0: the model's own where it is fixed, else default_batch
  std::int64_t default_batch = 1;
};

// Where the time went, in seconds.
struct ImageTimes {
  double preprocess = 0;  // read, decode, resize, crop, normalise
  double inference = 0;
  double total = 0;
};

class ImageModel {
 public:
  // Loads and compiles. Throws Error when the model has not one image input and a row of scores per picture.
  ImageModel(const std::string& path, const ImageModelOptions& options);

  // What became of one picture; `probabilities` has one value per class, and is empty where `error` is not.
  struct Result {
    std::size_t index;
    const std::string& error;
    std::span<const float> probabilities;
  };
  // Labels all pictures in batches, calling `each` once for each in order.
  ImageTimes run(std::span<const std::string> paths, const std::function<void(const Result&)>& each);

  const engine::Plan& plan() const { return *plan_; }
  const engine::Session& session() const { return *session_; }
  std::int64_t batch() const { return batch_; }
  std::int64_t classes() const { return classes_; }
  // True: the model ends without Softmax, which run() then applies to every row.
  bool adds_softmax() const { return adds_softmax_; }
  double load_seconds() const { return load_seconds_; }
  const std::map<std::string, std::string>& metadata() const { return plan_->metadata(); }

 private:
  void choose_layout(const engine::Graph& graph, const ImageModelOptions& asked,
                     engine::CompileOptions& options);
  void find_scores(const engine::Graph& graph);

  image::Pipeline pipeline_;
  std::shared_ptr<const engine::Plan> plan_;
  std::unique_ptr<engine::Session> session_;
  std::int64_t batch_ = 1;
  std::int64_t classes_ = 0;
  bool adds_softmax_ = false;
  double load_seconds_ = 0;
};

}  // namespace godwit::tools
