// Depthwise convolution, vectorised over channels: one filter for each channel, channels-last. Lines of the
// image as it lies for 3×3, 5×5 and 7×7 with steps of 1 and 2, pixels through pointers for the rest.
#include <algorithm>
#include <vector>

#include "ops/algorithms/conv_lines.h"
#include "ops/algorithms/depthwise.h"
#include "ops/algorithms/implementations.h"
#include "ops/arithmetic.h"
#include "ops/kernel_table.h"

namespace godwit::ops {
namespace {

class ConvDepthwise final : public Executable, public RowStreaming {
 public:
  ConvDepthwise(const NodeView& node, const PrepareContext& context)
      : geometry_(conv_geometry(node)),
        any_(find_kernel(families::depthwise, node.input(0).dtype, context.target.isa)),
        lines_(find_lines(geometry_, node.input(0).dtype, context.target.isa)),
        line_walk_(geometry_, static_cast<std::int64_t>(size_of(node.input(0).dtype)), 128),
        walk_(geometry_, 1, false, static_cast<std::int64_t>(size_of(node.input(0).dtype))),
        epilogue_(node.epilogue),
        zeros_(static_cast<std::size_t>(geometry_.ic) * size_of(node.input(0).dtype)) {
    const Tensor& weights = *node.inputs[1].constant;
    const std::size_t bytes = static_cast<std::size_t>(weights.shape().elements()) * sizeof(float);
    weights_ = context.weights.get(weights, "depthwise", bytes, [&](std::byte* dst) {
      // (channels, taps) to (taps, channels), as f32
      const Tensor resident = weights.resident();
      const std::int64_t taps = geometry_.taps();
      for (std::int64_t c = 0; c < geometry_.oc; ++c) {
        for (std::int64_t t = 0; t < taps; ++t) {
          reinterpret_cast<float*>(dst)[t * geometry_.oc + c] =
              static_cast<float>(real_at(resident.view(), c * taps + t));
        }
      }
    });
    if (node.own_inputs() > 2 && node.has_input(2)) {
      const auto bias = node.inputs[2].constant->values<float>();
      bias_.assign(bias.begin(), bias.end());
    }
  }

  Scratch scratch() const override {
    return {.shared = 0, .per_worker = lines_ != nullptr ? 0 : walk_.scratch_bytes()};
  }
  std::string kernel() const override { return name_of(lines_ != nullptr ? *lines_.info : *any_.info); }
  bool reads_constant(std::size_t) const override { return false; }

  void run(const RunArgs& args, const Worker& worker) const override {
    run_rows(args, {.lines = walk_.share(worker), .src = args.src[0], .dst = args.dst[0]});
  }

  const RowStreaming* row_streaming() const override { return this; }
  Worker::Range rows_read(Worker::Range lines) const override { return ops::rows_read(geometry_.h, lines); }
  void run_rows(const RunArgs& args, const RowPart& part) const override {
    if (lines_ != nullptr) {
      return line_walk_.run(
          lines_,
          {.weights = weights(), .bias = bias(), .minimum = epilogue_.minimum, .maximum = epilogue_.maximum},
          part);
    }
    const auto pixel_bytes = static_cast<std::int64_t>(zeros_.size());
    walk_.run({part.src, pixel_bytes, zeros_.data(), part.src_line}, args.worker_scratch, part.lines,
              [&](const DepthwiseWalk::Block& at) { block(part, at); });
  }

 private:
  // The kernel of the node's own size and stride.
  static Kernel<ConvLineKernel> find_lines(const ConvGeometry& geometry, DType dtype, Isa isa) {
    const Family<ConvLineKernel>* family = kDepthwiseLines.find(geometry);
    return family == nullptr ? Kernel<ConvLineKernel>{} : find_kernel(*family, dtype, isa);
  }
  const float* weights() const { return reinterpret_cast<const float*>(weights_.get()); }
  const float* bias() const { return bias_.empty() ? nullptr : bias_.data(); }

  void block(const RowPart& part, const DepthwiseWalk::Block& at) const {
    const ConvGeometry& g = geometry_;
    const auto pixel_bytes = static_cast<std::int64_t>(zeros_.size());
    any_({.src = at.taps,
          .weights = weights(),
          .bias = bias(),
          .dst = static_cast<std::byte*>(part.dst) +
                 ((at.line - part.dst_line) * g.w.output + at.ow) * pixel_bytes,
          .taps = g.taps(),
          .channels = g.ic,
          .minimum = epilogue_.minimum,
          .maximum = epilogue_.maximum});
  }

  ConvGeometry geometry_;
  Kernel<DepthwiseKernel> any_;
  Kernel<ConvLineKernel> lines_;  // null: any_ computes pixel by pixel
  LineWalk line_walk_;
  DepthwiseWalk walk_;
  Epilogue epilogue_;
  std::vector<std::byte> zeros_;  // a pixel outside of the image
  std::vector<float> bias_;
  std::shared_ptr<const std::byte> weights_;
};

std::string reject(const NodeView& node, const Target&) {
  if (std::string reason = reject_conv_nhwc(node); !reason.empty()) return reason;
  if (node.epilogue.dst_f32) return "stores what it reads";
  return reject_depthwise(node, conv_geometry(node));
}

}  // namespace

const Implementation conv_depthwise{
    "conv_depthwise",
    "one filter per channel, vectors of channels",
    reject,
    [](const NodeView& node, const PrepareContext& context) -> std::unique_ptr<Executable> {
      return std::make_unique<ConvDepthwise>(node, context);
    },
    nullptr,
    [](const NodeView&) { return true; }};

}  // namespace godwit::ops
