// A model that labels images, ready to run: its graph and plan, its preprocessing, one row of scores per
// image.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "engine/session.h"
#include "runtime/image/pipeline.h"
#include "tools/vision/scores.h"

namespace godwit::image {
class Preprocessor;
}

namespace godwit::vision {

class ImageSource;
class NonfiniteImages;

// A plan and the seconds that making it counts as loading.
struct Compiled {
  std::shared_ptr<const engine::Plan> plan;
  double seconds = 0;
};
using Compile = std::function<Compiled(const engine::Graph&, const engine::CompileOptions&)>;

struct ImageModelOptions {
  // Shape and layout of the input follow from the preprocessing; threads are those below. The first of its
  // outputs, or else of the model's, gives the scores.
  engine::CompileOptions compile = {};
  image::PreprocessOptions reading = {};
  image::PreprocessChoice preprocess = {};  // empty: the model's own
  std::string labels = {};                  // a file of class names; empty: the model's own
  int threads = 0;                          // 0: GODWIT_THREADS, else the cores this process may use
  std::int64_t batch = 0;                   // 0: the model's own where it is fixed, else default_batch
  std::int64_t default_batch = 1;
  Scores scores = Scores::automatic;
  Compile make_plan = {};  // empty: engine::compile()
};

// One of an image's likeliest classes.
struct ScoredLabel {
  std::int64_t index = 0;  // of the class, in the model's own order
  std::string name;        // "class 17" where there are no labels
  float probability = 0;   // or a score, where ScoreFacts::probabilities is false
};

// Shares of the time, in seconds. Those of stages are summed over all cores, which work on both at once.
struct ImageTimes {
  double preprocess = 0;  // read, decode, resize, crop, normalise
  double inference = 0;
  double total = 0;  // by the clock on the wall
};

class ImageModel {
 public:
  // Loads and compiles. Throws Error when the model has not one image input and a row of scores per image.
  explicit ImageModel(const std::string& path, const ImageModelOptions& options = {});
  // The same for a graph in memory; `name` stands for it in errors.
  ImageModel(const engine::Graph& graph, const std::string& name, const ImageModelOptions& options = {});
  ~ImageModel();
  ImageModel(const ImageModel&) = delete;
  ImageModel& operator=(const ImageModel&) = delete;

  // The likeliest classes of one image, the likeliest first. Throws Error when it cannot be read, and when
  // its scores are not finite.
  std::vector<ScoredLabel> label(const std::string& path, std::size_t count = 5);
  // Names by class: of ImageModelOptions::labels, else the model's own, else none. Read when first asked for.
  // Throws Error where they are not one for each class.
  const std::vector<std::string>& labels();

  // The result of one image; `probabilities` has one value per class, and is empty where `error` is not.
  // Scores that are not finite are an error, which names the first layer that made such numbers.
  struct Result {
    std::size_t index;
    const std::string& path;
    const std::string& error;
    const std::vector<std::string>& warnings;  // of the decoder, about what it mended
    std::span<const float> probabilities;
    double seconds;          // from taking the first image of its batch until the batch was labelled
    bool nonfinite = false;  // the error is about its scores; else it could not be read
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
  // Tries the schedules of a batch on a worker's threads (Session::tune()), up to 12 batches of random input.
  // Labels by the fastest from then on. Does nothing where a plan file settles it or only one is possible.
  // run() calls it before many images.
  void tune();
  // The schedule by which a worker's session divides a batch when there are many images.
  engine::BatchSchedule schedule() const;
  // Options of a session on so many threads as run() would make it, without profiling.
  engine::SessionOptions session_options(int threads) const;
  // From now on the sessions time every layer, or do not; what they told before is gone.
  void set_profiling(bool profiling);
  // Seconds in each step of the plan, summed over the lanes; zeros without profiling.
  std::vector<double> step_seconds() const;
  std::int64_t batch() const { return batch_; }
  std::int64_t classes() const { return classes_; }
  // The meaning of the numbers in results, and what run() applies to every row.
  const ScoreFacts& scores() const { return scores_; }
  // True: softmax was applied to numbers that sum to 1 themselves, as probabilities do.
  bool resembled_probabilities() const { return resembled_; }
  double load_seconds() const { return load_seconds_; }
  const std::map<std::string, std::string>& metadata() const;

 private:
  struct Slot;
  void prepare(const engine::Graph& graph, const std::string& name, const ImageModelOptions& options,
               std::function<engine::Graph()> again);
  void find_scores(const engine::Graph& graph, Scores asked);
  int lanes_for(std::size_t total) const;
  int lane_threads() const { return lanes() > 1 ? 1 : threads_; }
  void read_image(int worker, Slot& slot, std::size_t place);
  void infer(int lane, int lanes, Slot& slot);
  void finish_row(Slot& slot, std::size_t place);
  std::string nonfinite_error(const Slot& slot, std::size_t place);

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
  ScoreFacts scores_;
  std::atomic<bool> resembled_ = false;
  std::unique_ptr<NonfiniteImages> nonfinite_;
  double load_seconds_ = 0;
  bool profiling_ = false;
  std::optional<engine::ScheduleChoice> tuned_;
  std::string labels_file_;
  std::optional<std::vector<std::string>> labels_;
};

}  // namespace godwit::vision
