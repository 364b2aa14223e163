// Normalisation of what lies side by side: rows of the last axes, and channels or groups of channels in
// ONNX's order. Rows are shared among the workers; each is read three times out of the L1.
#include <cmath>
#include <vector>

#include "ops/algorithms/implementations.h"
#include "ops/kernel_table.h"
#include "ops/normalization.h"

namespace godwit::ops {
namespace {

struct Kernels {
  explicit Kernels(const PrepareContext& context)
      : moments(find_kernel(families::moments, DType::f32, context.target.isa)),
        normalize(find_kernel(families::normalize, DType::f32, context.target.isa)) {}
  Kernel<MomentsKernel> moments;
  Kernel<NormalizeKernel> normalize;
};

struct RowMoments {
  float mean = 0, factor = 0;
};
RowMoments moments_of_row(const Kernels& kernels, const float* src, std::int64_t count, bool about_zero,
                          double epsilon) {
  RowMoments result;
  float squares = 0;
  kernels.moments(
      {.src = src, .count = count, .about_zero = about_zero, .mean = &result.mean, .squares = &squares});
  const double variance = static_cast<double>(squares) / static_cast<double>(count);
  result.factor = static_cast<float>(1 / std::sqrt(variance + epsilon));
  return result;
}

// LayerNormalization and RMSNormalization.
class LastAxes final : public Executable {
 public:
  LastAxes(const NodeView& node, const PrepareContext& context, bool about_zero)
      : size_(size_of_row(node)),
        rows_(node.shape(0).elements() / size_),
        about_zero_(about_zero),
        has_shift_(node.has_input(2)),
        epsilon_(epsilon_of(node)),
        kernels_(context) {
    if (!has_shift_) zeros_.assign(static_cast<std::size_t>(size_), 0.0F);
  }

  static std::int64_t size_of_row(const NodeView& node) {
    const Shape& shape = node.shape(0);
    return shape.product(normalized_axis(node, shape.rank()), shape.rank());
  }

  std::string kernel() const override { return name_of(*kernels_.normalize.info); }

  void run(const RunArgs& args, const Worker& worker) const override {
    const Worker::Range share = worker.share(rows_);
    const auto* scale = static_cast<const float*>(args.src[1]);
    const float* shift = has_shift_ ? static_cast<const float*>(args.src[2]) : zeros_.data();
    for (std::int64_t row = share.begin; row < share.end; ++row) {
      const float* src = static_cast<const float*>(args.src[0]) + row * size_;
      const RowMoments moments = moments_of_row(kernels_, src, size_, about_zero_, epsilon_);
      kernels_.normalize({.src = src,
                          .scale = scale,
                          .shift = shift,
                          .dst = static_cast<float*>(args.dst[0]) + row * size_,
                          .count = size_,
                          .step = 1,
                          .mean = moments.mean,
                          .factor = moments.factor});
    }
  }

 private:
  std::int64_t size_, rows_;
  bool about_zero_, has_shift_;
  double epsilon_;
  Kernels kernels_;
  std::vector<float> zeros_;
};

std::string reject_last_axes(const NodeView& node, const Target&) {
  const Shape& shape = node.shape(0);
  for (std::size_t i = 0; i < node.inputs.size(); ++i) {
    if (node.has_input(i) && node.input(i).dtype != DType::f32) return "needs f32";
  }
  if (node.outputs.size() > 1) return "gives the normalised values alone";
  if (!node.epilogue.empty()) return "has no epilogue";
  if (shape.elements() == 0) return "has nothing to compute";
  if (node.input(0).layout != Layout::nchw || node.outputs[0].layout != Layout::nchw) return "needs nchw";
  for (std::size_t i = 1; i < node.inputs.size(); ++i) {
    if (node.has_input(i) && node.shape(i).elements() != LastAxes::size_of_row(node))
      return "needs a parameter for each element of a row";
  }
  return {};
}

// InstanceNormalization and GroupNormalization in ONNX's order.
class Channels final : public Executable {
 public:
  Channels(const NodeView& node, const PrepareContext& context)
      : channels_(node.shape(0)[1]),
        plane_(node.shape(0).product(2, node.shape(0).rank())),
        groups_(groups_of(node)),
        rows_(node.shape(0)[0] * groups_),
        by_group_(node.shape(1)[0] != channels_),
        epsilon_(epsilon_of(node)),
        kernels_(context) {}

  static std::int64_t groups_of(const NodeView& node) {
    return node.attributes.integer("num_groups", node.shape(0)[1]);
  }

  std::string kernel() const override { return name_of(*kernels_.normalize.info); }

  void run(const RunArgs& args, const Worker& worker) const override {
    const Worker::Range share = worker.share(rows_);
    const std::int64_t in_group = channels_ / groups_;
    for (std::int64_t row = share.begin; row < share.end; ++row) {
      const std::int64_t first = row * in_group * plane_;
      const auto* src = static_cast<const float*>(args.src[0]) + first;
      auto* dst = static_cast<float*>(args.dst[0]) + first;
      const RowMoments moments = moments_of_row(kernels_, src, in_group * plane_, false, epsilon_);
      for (std::int64_t c = 0; c < in_group; ++c) {
        const std::int64_t group = row % groups_;
        const std::int64_t parameter = by_group_ ? group : group * in_group + c;
        kernels_.normalize({.src = src + c * plane_,
                            .scale = static_cast<const float*>(args.src[1]) + parameter,
                            .shift = static_cast<const float*>(args.src[2]) + parameter,
                            .dst = dst + c * plane_,
                            .count = plane_,
                            .step = 0,
                            .mean = moments.mean,
                            .factor = moments.factor});
      }
    }
  }

 private:
  std::int64_t channels_, plane_, groups_, rows_;
  bool by_group_;
  double epsilon_;
  Kernels kernels_;
};

std::string reject_channels(const NodeView& node, const Target&) {
  for (std::size_t i = 0; i < 3; ++i) {
    if (node.input(i).dtype != DType::f32) return "needs f32";
  }
  if (!node.epilogue.empty()) return "has no epilogue";
  if (node.shape(0).elements() == 0) return "has nothing to compute";
  if (node.input(0).layout != Layout::nchw || node.outputs[0].layout != Layout::nchw) return "needs nchw";
  return {};
}

constexpr std::string_view kSentence = "each row out of the L1: mean, variance, scale and shift";

}  // namespace

const Implementation layer_normalization_rows{
    "layer_normalization_rows", kSentence, reject_last_axes,
    [](const NodeView& node, const PrepareContext& context) -> std::unique_ptr<Executable> {
      return std::make_unique<LastAxes>(node, context, false);
    }};
const Implementation rms_normalization_rows{
    "rms_normalization_rows", kSentence, reject_last_axes,
    [](const NodeView& node, const PrepareContext& context) -> std::unique_ptr<Executable> {
      return std::make_unique<LastAxes>(node, context, true);
    }};
const Implementation channel_normalization_rows{
    "channel_normalization_rows", kSentence, reject_channels,
    [](const NodeView& node, const PrepareContext& context) -> std::unique_ptr<Executable> {
      return std::make_unique<Channels>(node, context);
    }};

}  // namespace godwit::ops
