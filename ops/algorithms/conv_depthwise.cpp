// Depthwise convolution, vectorised over channels: one filter for each channel, channels-last.
#include <algorithm>
#include <vector>

#include "ops/algorithms/conv_geometry.h"
#include "ops/algorithms/implementations.h"
#include "ops/kernel_table.h"

namespace godwit::ops {
namespace {

// The kernel made for this size and stride, or the one for all of them.
KernelFamily family_of(const ConvGeometry& g) {
  const bool square = g.h.kernel == g.w.kernel && g.h.dilation == 1 && g.w.dilation == 1;
  const bool one = g.w.stride == 1;
  if (!square || g.w.stride > 2) return KernelFamily::depthwise;
  if (g.w.kernel == 3) return one ? KernelFamily::depthwise3_stride1 : KernelFamily::depthwise3_stride2;
  if (g.w.kernel == 5) return one ? KernelFamily::depthwise5_stride1 : KernelFamily::depthwise5_stride2;
  return KernelFamily::depthwise;
}

class ConvDepthwise final : public Executable {
 public:
  ConvDepthwise(const NodeView& node, const PrepareContext& context)
      : geometry_(conv_geometry(node)),
        info_(find_kernel(family_of(geometry_), DType::f32, context.target.isa)),
        epilogue_(node.epilogue),
        zeros_(static_cast<std::size_t>(geometry_.ic), 0.0F) {
    if (info_->family == KernelFamily::depthwise) {
      any_ = reinterpret_cast<DepthwiseKernel*>(info_->function);
    } else {
      several_ = reinterpret_cast<DepthwiseBlockKernel*>(info_->function);
      single_ = reinterpret_cast<DepthwiseBlockKernel*>(
          find_tile(info_->family, DType::f32, context.target.isa, 1)->function);
      pixels_ = info_->mr;
    }
    const Tensor& weights = *node.inputs[1].constant;
    weights_ = context.weights.get(weights, "depthwise", weights.bytes(), [&](std::byte* dst) {
      // (channels, taps) to (taps, channels)
      const Tensor resident = weights.resident();
      const auto src = resident.values<float>();
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
    const std::int64_t columns = (pixels_ - 1) * geometry_.w.stride + geometry_.w.kernel;
    return {.shared = 0,
            .per_worker = static_cast<std::size_t>(geometry_.h.kernel * columns) * sizeof(const float*)};
  }
  std::string kernel() const override { return name_of(*info_); }
  bool reads_constant(std::size_t) const override { return false; }

  void run(const RunArgs& args, const Worker& worker) const override {
    const ConvGeometry& g = geometry_;
    const Worker::Range lines = worker.share(g.batch * g.h.output);
    for (std::int64_t line = lines.begin; line < lines.end; ++line) {
      std::int64_t ow = 0;
      while (ow < g.w.output) {
        // The last block reaches back over pixels that are done: the same values once more.
        if (ow + pixels_ > g.w.output && g.w.output >= pixels_) ow = g.w.output - pixels_;
        const bool whole = ow + pixels_ <= g.w.output;
        block(args, line, ow, whole ? pixels_ : 1);
        ow += whole ? pixels_ : 1;
      }
    }
  }

 private:
  // `pixels` outputs from column ow on of one output row.
  void block(const RunArgs& args, std::int64_t line, std::int64_t ow, std::int64_t pixels) const {
    const ConvGeometry& g = geometry_;
    auto** taps = reinterpret_cast<const float**>(args.worker_scratch);
    const float* image =
        static_cast<const float*>(args.src[0]) + line / g.h.output * g.h.input * g.w.input * g.ic;
    const std::int64_t top = line % g.h.output * g.h.stride - g.h.pad_begin;
    const std::int64_t left = ow * g.w.stride - g.w.pad_begin;
    // Kernels for one pixel step by the dilation, those for several have dilation 1.
    const std::int64_t columns = (pixels - 1) * g.w.stride + g.w.kernel;
    const float** tap = taps;
    for (std::int64_t kh = 0; kh < g.h.kernel; ++kh) {
      const std::int64_t ih = top + kh * g.h.dilation;
      const bool row_inside = ih >= 0 && ih < g.h.input;
      for (std::int64_t j = 0; j < columns; ++j) {
        const std::int64_t iw = left + j * g.w.dilation;
        const bool inside = row_inside && iw >= 0 && iw < g.w.input;
        *tap++ = inside ? image + (ih * g.w.input + iw) * g.ic : zeros_.data();
      }
    }
    const auto* weights = reinterpret_cast<const float*>(weights_.get());
    const float* bias = bias_.empty() ? nullptr : bias_.data();
    float* dst = static_cast<float*>(args.dst[0]) + (line * g.w.output + ow) * g.ic;
    if (several_ != nullptr) {
      (pixels > 1 ? several_ : single_)({.src = taps,
                                         .weights = weights,
                                         .bias = bias,
                                         .dst = dst,
                                         .channels = g.ic,
                                         .minimum = epilogue_.minimum,
                                         .maximum = epilogue_.maximum});
    } else {
      any_({.src = taps,
            .weights = weights,
            .bias = bias,
            .dst = dst,
            .taps = g.taps(),
            .channels = g.ic,
            .minimum = epilogue_.minimum,
            .maximum = epilogue_.maximum});
    }
  }

  ConvGeometry geometry_;
  const KernelInfo* info_;
  DepthwiseKernel* any_ = nullptr;                               // any kernel and dilation, or
  DepthwiseBlockKernel *several_ = nullptr, *single_ = nullptr;  // fixed kernel and stride
  std::int64_t pixels_ = 1;                                      // that `several_` computes at once
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
