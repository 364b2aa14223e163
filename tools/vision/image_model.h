// A model that labels images, ready to run: its graph and plan, its preprocessing, one row of scores per
// image.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "engine/session.h"
#include "runtime/image/preprocess.h"
#include "tools/cli/image_options.h"
#include "tools/cli/options.h"
#include "tools/cli/output.h"
#include "tools/vision/image_source.h"

namespace godwit::tools {

// The pipeline named on the command line, else the model's own. Throws Error saying what to pass when there
// is none.
image::Pipeline find_pipeline(const std::string& preset_or_file,
                              const std::map<std::string, std::string>& metadata);

// Gives the graph's one input the shape and layout in which images come out of this pipeline (channels
// last, as decoders make them), `asked` at a time, or for 0 as many as the model fixes, else `fallback`;
// returns how many. Throws Error when the graph has another input than one of f32 images, or fixes another
// size.
std::int64_t set_image_input(const engine::Graph& graph, const image::Pipeline& pipeline, std::int64_t asked,
                             std::int64_t fallback, engine::CompileOptions& options);

// `count` indices of the largest values, the largest first, the lower index first among equals; NaN is below
// all.
std::vector<std::int64_t> largest(std::span<const float> values, std::size_t count);

struct ImageModelOptions {
  EngineOptions engine;
  ImageOptions images;
  std::string preprocess;
  std::int64_t batch = 0;  // 0: the model's own where it is fixed, else default_batch
  std::int64_t default_batch = 1;
};

// Where the time went, in seconds. The stages' are summed over all cores, which work on both at once.
struct ImageTimes {
  double preprocess = 0;  // read, decode, resize, crop, normalise
  double inference = 0;
  double total = 0;  // by the clock on the wall
};

class ImageModel {
 public:
  // Loads and compiles. Throws Error when the model has not one image input and a row of scores per image.
  ImageModel(const std::string& path, const ImageModelOptions& options);
  // The same for a graph in memory; `name` stands for it in errors. Without --plan and --tune, which are for
  // files.
  ImageModel(const engine::Graph& graph, const std::string& name, const ImageModelOptions& options);

  // What became of one image; `probabilities` has one value per class, and is empty where `error` is not.
  struct Result {
    std::size_t index;
    const std::string& path;
    const std::string& error;
    const std::vector<std::string>& warnings;  // of the decoder, about what it mended
    std::span<const float> probabilities;
    double seconds;  // from taking the first image of its batch until the batch was labelled
  };
  // Takes the next image's path; false when there are no more.
  using Take = std::function<bool(std::string& path)>;
  // Labels all images in batches, calling `each` once for each in order. Images are decoded while others
  // go through the network, each core doing what is due; `total` is how many there will be, 0 for no telling.
  // With many, every core labels batches of its own; with few, all cores work on one.
  ImageTimes run(const Take& take, std::size_t total, const std::function<void(const Result&)>& each);
  ImageTimes run(ImageSource& source, const std::function<void(const Result&)>& each);

  const engine::Plan& plan() const { return *plan_; }
  std::shared_ptr<const engine::Plan> shared_plan() const { return plan_; }
  const image::Pipeline& pipeline() const { return pipeline_; }
  const image::PreprocessOptions& reading() const { return reading_; }
  // From now on images are read so; what the model makes of them stays the same.
  void set_reading(const image::PreprocessOptions& reading);
  int threads() const { return threads_; }
  // Batches that go through the network at once when there are many images.
  int lanes() const { return lanes_for(0); }
  // Tries the schedules of a batch on a lane's threads (Session::tune()), up to 12 batches of random input,
  // and labels by the fastest from then on; nothing where a plan file settles it or only one is possible.
  // run() calls it before many images.
  void tune();
  // How a lane's session divides a batch when there are many images.
  engine::BatchSchedule schedule() const;
  // Of a session on so many threads as run() would make it, without profiling.
  engine::SessionOptions session_options(int threads) const;
  // From now on the sessions time every layer, or do not; what they told before is gone.
  void set_profiling(bool profiling);
  // Seconds in each step of the plan, summed over the lanes; zeros without profiling.
  std::vector<double> step_seconds() const;
  std::int64_t batch() const { return batch_; }
  std::int64_t classes() const { return classes_; }
  // True: the model ends without Softmax, which run() then applies to every row.
  bool adds_softmax() const { return adds_softmax_; }
  double load_seconds() const { return load_seconds_; }
  const std::map<std::string, std::string>& metadata() const { return plan_->metadata(); }

 private:
  struct Slot;
  void prepare(const engine::Graph& graph, const std::string& name, const ImageModelOptions& options);
  void find_scores(const engine::Graph& graph);
  int lanes_for(std::size_t total) const;
  int lane_threads() const { return lanes() > 1 ? 1 : threads_; }
  void read_image(int worker, Slot& slot, std::size_t place);
  void infer(int lane, int lanes, Slot& slot);

  image::Pipeline pipeline_;
  image::PreprocessOptions reading_;
  std::shared_ptr<const engine::Plan> plan_;
  // Made when first needed: one for each batch that goes through the network at once, and one for each
  // thread.
  std::vector<std::unique_ptr<engine::Session>> sessions_;
  std::vector<std::unique_ptr<image::Preprocessor>> preprocessors_;
  int threads_ = 1;
  std::int64_t batch_ = 1;
  std::int64_t classes_ = 0;
  bool adds_softmax_ = false;
  double load_seconds_ = 0;
  bool profiling_ = false;
  std::optional<engine::ScheduleChoice> tuned_;
};

}  // namespace godwit::tools
