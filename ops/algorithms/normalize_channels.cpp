// InstanceNormalization and GroupNormalization channels-last: one pass gathers moments of all channels about
// the image's first pixel, a second one scales and shifts. Blocks of pixels are summed in f32 and added up in
// double precision in a fixed order, whoever computed them.
#include <algorithm>
#include <cmath>
#include <limits>

#include "ops/algorithms/implementations.h"
#include "ops/kernel_table.h"
#include "ops/normalization.h"

namespace godwit::ops {
namespace {

constexpr std::int64_t kBlock = 256;  // pixels

class ChannelsLast final : public Executable {
 public:
  ChannelsLast(const NodeView& node, const PrepareContext& context)
      : images_(node.shape(0)[0]),
        channels_(node.shape(0)[1]),
        pixels_(node.shape(0).product(2, node.shape(0).rank())),
        groups_(node.attributes.integer("num_groups", channels_)),
        by_group_(node.shape(1)[0] != channels_),
        epsilon_(epsilon_of(node)),
        moments_(find_kernel(families::column_moments, DType::f32, context.target.isa)),
        affine_(find_kernel(families::affine, DType::f32, context.target.isa)) {}

  std::string kernel() const override { return name_of(*moments_.info); }

  // Sums and squares of each block, then scale and shift of each image.
  Scratch scratch() const override {
    const std::int64_t floats = (blocks() + 1) * images_ * 2 * channels_;
    return {.shared = static_cast<std::size_t>(floats) * sizeof(float), .per_worker = 0};
  }

  void run(const RunArgs& args, const Worker& worker) const override {
    const auto* src = static_cast<const float*>(args.src[0]);
    auto* sums = reinterpret_cast<float*>(args.shared_scratch);
    float* affine = sums + blocks() * images_ * 2 * channels_;
    const Worker::Range parts = worker.share(images_ * blocks());
    for (std::int64_t part = parts.begin; part < parts.end; ++part) {
      const std::int64_t image = part / blocks(), first = part % blocks() * kBlock;
      const float* origin = src + image * pixels_ * channels_;
      float* to = sums + part * 2 * channels_;
      moments_({.src = origin + first * channels_,
                .origin = origin,
                .sums = to,
                .squares = to + channels_,
                .rows = std::min(kBlock, pixels_ - first),
                .stride = channels_,
                .count = channels_});
    }
    worker.barrier();
    const Worker::Range groups = worker.share(images_ * groups_);
    for (std::int64_t group = groups.begin; group < groups.end; ++group)
      find_affine(args, group / groups_, group % groups_, sums, affine);
    worker.barrier();
    const Worker::Range share = worker.share(images_ * pixels_);
    for (std::int64_t pixel = share.begin; pixel < share.end; ++pixel) {
      const float* parameters = affine + pixel / pixels_ * 2 * channels_;
      affine_({.src = src + pixel * channels_,
               .scale = parameters,
               .shift = parameters + channels_,
               .dst = static_cast<float*>(args.dst[0]) + pixel * channels_,
               .count = channels_,
               .minimum = -std::numeric_limits<float>::infinity(),
               .maximum = std::numeric_limits<float>::infinity()});
    }
  }

 private:
  std::int64_t blocks() const { return (pixels_ + kBlock - 1) / kBlock; }

  // Scale and shift of one group's channels.
  void find_affine(const RunArgs& args, std::int64_t image, std::int64_t group, const float* sums,
                   float* affine) const {
    const std::int64_t in_group = channels_ / groups_, begin = group * in_group, end = begin + in_group;
    const float* origin = static_cast<const float*>(args.src[0]) + image * pixels_ * channels_;
    const auto total = [&](std::int64_t column) {
      double sum = 0;
      for (std::int64_t block = 0; block < blocks(); ++block)
        sum += static_cast<double>(sums[(image * blocks() + block) * 2 * channels_ + column]);
      return sum;
    };
    const auto count = static_cast<double>(pixels_);
    double mean = 0;
    for (std::int64_t c = begin; c < end; ++c) mean += static_cast<double>(origin[c]) + total(c) / count;
    mean /= static_cast<double>(in_group);
    // Squares about the mean from those about the channel's origin.
    double variance = 0;
    for (std::int64_t c = begin; c < end; ++c) {
      const double distance = static_cast<double>(origin[c]) - mean;
      variance += total(channels_ + c) / count + distance * (2 * total(c) / count + distance);
    }
    variance = std::max(variance / static_cast<double>(in_group), 0.0);
    const double factor = 1 / std::sqrt(variance + epsilon_);
    float* scales = affine + image * 2 * channels_;
    for (std::int64_t c = begin; c < end; ++c) {
      const std::int64_t parameter = by_group_ ? group : c;
      const double scale = factor * static_cast<double>(static_cast<const float*>(args.src[1])[parameter]);
      scales[c] = static_cast<float>(scale);
      scales[channels_ + c] = static_cast<float>(
          static_cast<double>(static_cast<const float*>(args.src[2])[parameter]) - mean * scale);
    }
  }

  std::int64_t images_, channels_, pixels_, groups_;
  bool by_group_;
  double epsilon_;
  Kernel<ColumnMomentsKernel> moments_;
  Kernel<AffineKernel> affine_;
};

std::string reject(const NodeView& node, const Target&) {
  for (std::size_t i = 0; i < 3; ++i) {
    if (node.input(i).dtype != DType::f32) return "needs f32";
  }
  if (!node.epilogue.empty()) return "has no epilogue";
  if (node.shape(0).elements() == 0) return "has nothing to compute";
  if (node.input(0).layout != Layout::nhwc || node.outputs[0].layout != Layout::nhwc) return "needs nhwc";
  return {};
}

}  // namespace

const Implementation channel_normalization_nhwc{
    "channel_normalization_nhwc", "moments of all channels in one pass, scale and shift in another", reject,
    [](const NodeView& node, const PrepareContext& context) -> std::unique_ptr<Executable> {
      return std::make_unique<ChannelsLast>(node, context);
    }};

}  // namespace godwit::ops
