// A model that takes one image at a time: its plan, its preprocessing, and its results beside where the
// image's pixels went. The base of detectors and segmentation.
#pragma once

#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "engine/session.h"
#include "runtime/image/pipeline.h"
#include "runtime/image/preprocess.h"
#include "runtime/tensor.h"
#include "tools/vision/image_model.h"

namespace godwit::vision {

struct SingleImageOptions {
  engine::CompileOptions compile = {};  // the input's shape and types are set here
  image::PreprocessOptions reading = {};
  image::PreprocessChoice preprocess = {};  // empty: the model's own
  int threads = 0;                          // 0: GODWIT_THREADS, else the cores this process may use
  Compile make_plan = {};                   // empty: engine::compile()
};

class SingleImageModel {
 public:
  // Loads and compiles. Throws Error: not one image input, or one whose size neither the model nor the
  // options say.
  SingleImageModel(const std::string& path, const SingleImageOptions& options);
  ~SingleImageModel();
  SingleImageModel(const SingleImageModel&) = delete;
  SingleImageModel& operator=(const SingleImageModel&) = delete;

  // True where the model or the options say how images become its input; else use_pipeline() must.
  bool has_pipeline() const { return has_pipeline_; }
  // Takes another preprocessing for a model without, with the options' changes made to it. `text` is JSON of
  // image::pipeline_from_text() without a size, `source` its name. Throws Error where it does not fit.
  void use_pipeline(std::string_view text, const std::string& source);

  struct Results {
    image::Placement placement;
    std::vector<std::string> warnings;     // of the decoder
    std::span<const Tensor> outputs;       // of the plan; until the next run
    double preprocess = 0, inference = 0;  // seconds
  };
  // Throws Error naming the path where it cannot be read.
  Results run(const std::string& path);
  // The image as it is read, in full size: (height, width, 3), turned upright where the options say so.
  image::Image read(const std::string& path, image::Size size) const;
  // Throws Error naming the image, the output and the first layer with such numbers where an output holds
  // NaN.
  void require_numbers(const std::string& path, const Results& results, std::span<const int> outputs) const;

  const engine::Plan& plan() const { return *plan_; }
  const image::Pipeline& pipeline() const { return pipeline_; }
  image::Size size() const { return size_; }  // of the input
  const std::map<std::string, std::string>& metadata() const { return metadata_; }
  int threads() const { return options_.threads; }

 private:
  void settle(image::Pipeline pipeline);

  std::string path_;
  SingleImageOptions options_;
  std::shared_ptr<const engine::Plan> plan_;
  std::unique_ptr<engine::Session> session_;
  std::unique_ptr<image::Preprocessor> preprocessor_;
  std::map<std::string, std::string> metadata_;
  engine::Graph interface_;  // the input alone, by which preprocessing is checked
  Tensor pixels_;
  Layout layout_ = Layout::nchw;
  image::Size size_;
  image::Pipeline pipeline_;
  bool has_pipeline_ = false;
};

}  // namespace godwit::vision
