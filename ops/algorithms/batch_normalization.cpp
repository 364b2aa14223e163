// Batch normalisation that could not be folded: scale and shift for each channel, channels-last.
#include <cmath>
#include <vector>

#include "ops/algorithms/implementations.h"
#include "ops/kernel_table.h"

namespace godwit::ops {
namespace {

class BatchNormalization final : public Executable {
 public:
  BatchNormalization(const NodeView& node, const PrepareContext& context)
      : channels_(node.shape(0)[1]),
        pixels_(node.shape(0).elements() / channels_),
        epilogue_(node.epilogue),
        kernel_(find_kernel(families::affine, DType::f32, context.target.isa)) {
    const auto gamma = node.inputs[1].constant->values<float>();
    const auto beta = node.inputs[2].constant->values<float>();
    const auto mean = node.inputs[3].constant->values<float>();
    const auto variance = node.inputs[4].constant->values<float>();
    const double epsilon = node.attributes.real("epsilon", 1e-5F);
    for (std::size_t c = 0; c < gamma.size(); ++c) {
      const double scale = gamma[c] / std::sqrt(variance[c] + epsilon);
      scale_.push_back(static_cast<float>(scale));
      shift_.push_back(static_cast<float>(beta[c] - mean[c] * scale));
    }
  }

  std::string kernel() const override { return name_of(*kernel_.info); }
  bool reads_constant(std::size_t i) const override { return i == 0; }

  void run(const RunArgs& args, const Worker& worker) const override {
    const Worker::Range share = worker.share(pixels_);
    for (std::int64_t p = share.begin; p < share.end; ++p) {
      kernel_({.src = static_cast<const float*>(args.src[0]) + p * channels_,
               .scale = scale_.data(),
               .shift = shift_.data(),
               .dst = static_cast<float*>(args.dst[0]) + p * channels_,
               .count = channels_,
               .minimum = epilogue_.minimum,
               .maximum = epilogue_.maximum});
    }
  }

 private:
  std::int64_t channels_, pixels_;
  Epilogue epilogue_;
  Kernel<AffineKernel> kernel_;
  std::vector<float> scale_, shift_;
};

std::string reject(const NodeView& node, const Target&) {
  if (node.input(0).dtype != DType::f32) return "needs f32";
  if (node.shape(0).rank() < 2) return "needs channels";
  const bool channels_last = node.shape(0).rank() == 2 || node.input(0).layout == Layout::nhwc;
  if (!channels_last || node.outputs[0].layout != node.input(0).layout)
    return "needs channels last in memory";
  if (node.shape(0).elements() == 0) return "has nothing to compute";
  for (std::size_t i = 1; i < 5; ++i) {
    if (node.inputs[i].constant == nullptr || node.input(i).dtype != DType::f32)
      return "needs constant f32 statistics";
  }
  if (node.epilogue.residual) return "adds no residual";
  return {};
}

}  // namespace

const Implementation batch_normalization_nhwc{
    "batch_normalization_nhwc", "scale and shift per channel, vectors of channels", reject,
    [](const NodeView& node, const PrepareContext& context) -> std::unique_ptr<Executable> {
      return std::make_unique<BatchNormalization>(node, context);
    }};

}  // namespace godwit::ops
