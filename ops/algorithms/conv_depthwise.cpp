// Depthwise convolution, vectorised over channels: one filter for each channel, channels-last.
#include <vector>

#include "ops/algorithms/conv_geometry.h"
#include "ops/algorithms/implementations.h"
#include "ops/kernel_table.h"

namespace godwit::ops {
namespace {

class ConvDepthwise final : public Executable {
 public:
  ConvDepthwise(const NodeView& node, const PrepareContext& context)
      : geometry_(conv_geometry(node)),
        info_(find_kernel(KernelFamily::depthwise, DType::f32, context.target.isa)),
        kernel_(reinterpret_cast<DepthwiseKernel*>(info_->function)),
        epilogue_(node.epilogue),
        zeros_(static_cast<std::size_t>(geometry_.ic), 0.0F) {
    const Tensor& weights = *node.inputs[1].constant;
    weights_ = context.weights.get(weights, "depthwise", weights.bytes(), [&](std::byte* dst) {
      // (channels, taps) to (taps, channels)
      const auto src = weights.values<float>();
      const std::int64_t taps = geometry_.taps();
      for (std::int64_t c = 0; c < geometry_.oc; ++c) {
        for (std::int64_t t = 0; t < taps; ++t) {
          reinterpret_cast<float*>(dst)[t * geometry_.oc + c] = src[static_cast<std::size_t>(c * taps + t)];
        }
      }
    });
    if (node.own_inputs() > 2 && node.has_input(2)) {
      const auto bias = node.inputs[2].constant->values<float>();
      bias_.assign(bias.begin(), bias.end());
    }
  }

  Scratch scratch() const override {
    return {.shared = 0, .per_worker = static_cast<std::size_t>(geometry_.taps()) * sizeof(const float*)};
  }
  std::string kernel() const override { return name_of(*info_); }
  bool reads_constant(std::size_t) const override { return false; }

  void run(const RunArgs& args, const Worker& worker) const override {
    const ConvGeometry& g = geometry_;
    const auto* src = static_cast<const float*>(args.src[0]);
    auto** taps = reinterpret_cast<const float**>(args.worker_scratch);
    DepthwisePixel pixel{.src = taps,
                         .weights = reinterpret_cast<const float*>(weights_.get()),
                         .bias = bias_.empty() ? nullptr : bias_.data(),
                         .dst = nullptr,
                         .taps = g.taps(),
                         .channels = g.ic,
                         .minimum = epilogue_.minimum,
                         .maximum = epilogue_.maximum};
    const Worker::Range lines = worker.share(g.batch * g.h.output);
    for (std::int64_t line = lines.begin; line < lines.end; ++line) {
      const float* image = src + line / g.h.output * g.h.input * g.w.input * g.ic;
      const std::int64_t top = line % g.h.output * g.h.stride - g.h.pad_begin;
      for (std::int64_t ow = 0; ow < g.w.output; ++ow) {
        const std::int64_t left = ow * g.w.stride - g.w.pad_begin;
        const float** tap = taps;
        for (std::int64_t kh = 0; kh < g.h.kernel; ++kh) {
          const std::int64_t ih = top + kh * g.h.dilation;
          for (std::int64_t kw = 0; kw < g.w.kernel; ++kw) {
            const std::int64_t iw = left + kw * g.w.dilation;
            const bool inside = ih >= 0 && ih < g.h.input && iw >= 0 && iw < g.w.input;
            *tap++ = inside ? image + (ih * g.w.input + iw) * g.ic : zeros_.data();
          }
        }
        pixel.dst = static_cast<float*>(args.dst[0]) + (line * g.w.output + ow) * g.ic;
        kernel_(pixel);
      }
    }
  }

 private:
  ConvGeometry geometry_;
  const KernelInfo* info_;
  DepthwiseKernel* kernel_;
  Epilogue epilogue_;
  std::vector<float> zeros_;
  std::vector<float> bias_;
  std::shared_ptr<const std::byte> weights_;
};

std::string reject(const NodeView& node, const Target&) {
  if (std::string reason = reject_conv_nhwc(node); !reason.empty()) return reason;
  const ConvGeometry g = conv_geometry(node);
  if (g.group != g.ic || g.group != g.oc || g.group == 1) return "needs one filter for each input channel";
  if (node.epilogue.residual) return "adds no residual";
  return {};
}

}  // namespace

const Implementation conv_depthwise{
    "conv_depthwise", "one filter per channel, vectors of channels", reject,
    [](const NodeView& node, const PrepareContext& context) -> std::unique_ptr<Executable> {
      return std::make_unique<ConvDepthwise>(node, context);
    }};

}  // namespace godwit::ops
