// Depthwise convolution of 8-bit numbers, vectorised over channels: one filter for each channel,
// channels-last.
#include <algorithm>
#include <cstdlib>
#include <vector>

#include "ops/algorithms/depthwise.h"
#include "ops/algorithms/implementations.h"
#include "ops/kernel_table.h"
#include "ops/quantized.h"

namespace godwit::ops {
namespace {

using In = QuantizedOperand;

constexpr std::int64_t kWidest = 16;      // channels in the widest vector of any ISA
constexpr std::int64_t kExact = 1 << 24;  // whole numbers up to here are exact in f32

// A node's bias and scale by channel, and the largest magnitude that a sum with its bias can pass through.
struct DepthwiseChannels {
  explicit DepthwiseChannels(const NodeView& node) {
    const Tensor resident = node.inputs[In::weights].constant->resident();
    const auto weights = resident.values<std::int8_t>();
    const auto oc = static_cast<std::size_t>(resident.shape()[0]);
    const std::size_t taps = weights.size() / oc;
    std::vector<std::int64_t> magnitudes(oc, 0), weight_sums(oc, 0);
    for (std::size_t i = 0; i < weights.size(); ++i) {
      weight_sums[i / taps] += weights[i];
      magnitudes[i / taps] += std::abs(weights[i]);
    }
    channels = quantized_channels(node, weight_sums);
    for (std::size_t c = 0; c < oc; ++c) {
      const std::int64_t bias = std::abs(static_cast<std::int64_t>(channels.bias[c]));
      largest = std::max(largest, bias + 255 * magnitudes[c]);
    }
  }
  QuantizedChannels channels;
  std::int64_t largest = 0;
};

class ConvQuantizedDepthwise final : public Executable, public RowStreaming {
 public:
  ConvQuantizedDepthwise(const NodeView& node, const PrepareContext& context)
      : geometry_(conv_geometry(RealConv(node).view())),
        several_(find_kernel(family_for(geometry_), DType::u8, context.target.isa)),
        single_(find_tile(family_for(geometry_), DType::u8, context.target.isa, 1)),
        walk_(geometry_, several_.info->mr, true, 1),
        padded_((geometry_.ic + kWidest - 1) / kWidest * kWidest),
        finish_(quantized_finish(node, constant_operands(node, QuantizedOperand::weights))),
        border_(static_cast<std::size_t>(geometry_.ic),
                static_cast<std::uint8_t>(constant_zero_point(node, In::src_zero_point))) {
    const Tensor resident = node.inputs[In::weights].constant->resident();
    const auto src = resident.values<std::int8_t>();
    const std::int64_t taps = geometry_.taps();
    weights_.assign(static_cast<std::size_t>(taps * padded_), 0.0F);
    for (std::int64_t c = 0; c < geometry_.oc; ++c) {
      for (std::int64_t t = 0; t < taps; ++t) {
        weights_[static_cast<std::size_t>(t * padded_ + c)] =
            static_cast<float>(src[static_cast<std::size_t>(c * taps + t)]);
      }
    }
    const QuantizedChannels channels = DepthwiseChannels(node).channels;
    bias_.assign(channels.bias.begin(), channels.bias.end());
    bias_.resize(static_cast<std::size_t>(padded_), 0.0F);
    scale_ = channels.scale;
    scale_.resize(static_cast<std::size_t>(padded_), 0.0F);
    finish_.stores_clamp = stores_clamp(finish_, scale_);
  }

  Scratch scratch() const override { return {.shared = 0, .per_worker = walk_.scratch_bytes()}; }
  std::string kernel() const override { return name_of(*several_.info); }
  bool reads_constant(std::size_t) const override { return false; }

  void run(const RunArgs& args, const Worker& worker) const override {
    run_rows(args, {.lines = walk_.share(worker), .src = args.src[In::src], .dst = args.dst[0]});
  }

  const RowStreaming* row_streaming() const override { return this; }
  Worker::Range rows_read(Worker::Range lines) const override { return ops::rows_read(geometry_.h, lines); }
  void run_rows(const RunArgs& args, const RowPart& part) const override {
    const ConvGeometry& g = geometry_;
    const std::int64_t size = finish_.real ? 4 : 1;
    const auto block = [&](const DepthwiseWalk::Block& at) {
      (at.pixels > 1 ? several_
                     : single_)({.src = reinterpret_cast<const std::uint8_t* const*>(at.taps),
                                 .weights = weights_.data(),
                                 .bias = bias_.data(),
                                 .scale = scale_.data(),
                                 .dst = static_cast<std::byte*>(part.dst) +
                                        ((at.line - part.dst_line) * g.w.output + at.ow) * g.oc * size,
                                 .finish = &finish_,
                                 .taps = g.taps(),
                                 .channels = g.oc,
                                 .first = at.first,
                                 .last = at.last,
                                 .padded = padded_});
    };
    walk_.run({part.src, g.ic, border_.data(), part.src_line}, args.worker_scratch, part.lines, block);
  }

 private:
  static Family<QuantizedDepthwiseKernel> family_for(const ConvGeometry& geometry) {
    const auto* fixed = kFixedQuantizedDepthwise.find(geometry);
    return fixed != nullptr ? *fixed : families::quantized_depthwise;
  }

  ConvGeometry geometry_;
  Kernel<QuantizedDepthwiseKernel> several_, single_;  // pixels
  DepthwiseWalk walk_;
  std::int64_t padded_;
  QuantizedFinish finish_;
  std::vector<std::uint8_t> border_;  // a pixel that stands for 0
  std::vector<float> weights_;        // (taps, padded)
  std::vector<float> bias_, scale_;
};

std::string reject(const NodeView& node, const Target&) {
  if (std::string reason = reject_volume(node); !reason.empty()) return reason;
  if (std::string reason = reject_quantized(node); !reason.empty()) return reason;
  if (node.input(In::src).layout != Layout::nhwc || node.outputs[0].layout != Layout::nhwc)
    return "needs nhwc tensors";
  const ConvGeometry g = conv_geometry(RealConv(node).view());
  if (std::string reason = reject_depthwise(node, g); !reason.empty()) return reason;
  if (DepthwiseChannels(node).largest >= kExact) return "is for sums below 2^24, which f32 holds exactly";
  return {};
}

}  // namespace

const Implementation conv_quantized_depthwise{
    "conv_quantized_depthwise",
    "one filter per channel, vectors of channels",
    reject,
    [](const NodeView& node, const PrepareContext& context) -> std::unique_ptr<Executable> {
      return std::make_unique<ConvQuantizedDepthwise>(node, context);
    },
    nullptr,
    [](const NodeView&) { return true; }};

}  // namespace godwit::ops
