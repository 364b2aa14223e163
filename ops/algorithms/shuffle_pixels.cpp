// ChannelShuffle of channels-last images: for each pixel, runs of channels written one between the others.
#include <cstring>
#include <vector>

#include "ops/algorithms/implementations.h"
#include "ops/channel_shuffle.h"

namespace godwit::ops {
namespace {

// Neighbouring channels of one operand, which are `groups` apart in the result.
struct Run {
  std::size_t operand;
  std::int64_t channel;  // the first
  std::int64_t stride;   // channels of the operand
};

// Elements of two runs in turn.
template <class T>
void zip(const T* a, const T* b, std::int64_t count, T* dst) {
  for (std::int64_t i = 0; i < count; ++i) {
    dst[2 * i] = a[i];
    dst[2 * i + 1] = b[i];
  }
}

template <class T>
class ShufflePixels final : public Executable {
 public:
  explicit ShufflePixels(const NodeView& node)
      : channels_(node.outputs[0].shape[1]), pixels_(node.outputs[0].shape.elements() / channels_) {
    const ChannelShuffle shuffle = channel_shuffle(node.attributes);
    for (std::int64_t group = 0; group < shuffle.groups; ++group) {
      const ChannelPlace place = place_of(node, shuffle.source(group, channels_of(node)));
      runs_.push_back({place.operand, place.channel, node.shape(place.operand)[1]});
    }
  }

  void run(const RunArgs& args, const Worker& worker) const override {
    const Worker::Range range = worker.share(pixels_);
    const auto groups = static_cast<std::int64_t>(runs_.size());
    const std::int64_t count = channels_ / groups;
    for (std::int64_t pixel = range.begin; pixel < range.end; ++pixel) {
      const auto from = [&](std::size_t group) {
        const Run& run = runs_[group];
        return static_cast<const T*>(args.src[run.operand]) + pixel * run.stride + run.channel;
      };
      T* dst = static_cast<T*>(args.dst[0]) + pixel * channels_;
      if (groups == 2) {
        zip(from(0), from(1), count, dst);
        continue;
      }
      for (std::size_t group = 0; group < runs_.size(); ++group) {
        const T* src = from(group);
        for (std::int64_t i = 0; i < count; ++i) dst[i * groups + static_cast<std::int64_t>(group)] = src[i];
      }
    }
  }

 private:
  std::int64_t channels_, pixels_;
  std::vector<Run> runs_;
};

std::string reject(const NodeView& node, const Target&) {
  for (const Operand& operand : node.inputs) {
    if (operand.desc->layout != Layout::nhwc) return "needs nhwc tensors";
  }
  if (node.outputs[0].layout != Layout::nhwc) return "needs nhwc tensors";
  if (node.outputs[0].shape.elements() == 0) return "has nothing to move";
  const ChannelShuffle shuffle = channel_shuffle(node.attributes);
  if (shuffle.start % shuffle.groups != 0 || shuffle.channels % shuffle.groups != 0)
    return "needs a part with as many channels of each group";
  const std::int64_t last = shuffle.channels - shuffle.groups;
  for (std::int64_t group = 0; group < shuffle.groups; ++group) {
    const std::size_t first = place_of(node, shuffle.source(group, channels_of(node))).operand;
    if (place_of(node, shuffle.source(last + group, channels_of(node))).operand != first)
      return "needs groups that lie in one operand each";
  }
  return {};
}

}  // namespace

const Implementation shuffle_pixels{
    "shuffle_pixels", "pixel by pixel, runs of channels one between the others", reject,
    [](const NodeView& node, const PrepareContext&) -> std::unique_ptr<Executable> {
      switch (size_of(node.outputs[0].dtype)) {
        case 1:
          return std::make_unique<ShufflePixels<std::uint8_t>>(node);
        case 2:
          return std::make_unique<ShufflePixels<std::uint16_t>>(node);
        case 4:
          return std::make_unique<ShufflePixels<std::uint32_t>>(node);
        default:
          return std::make_unique<ShufflePixels<std::uint64_t>>(node);
      }
    }};

}  // namespace godwit::ops
