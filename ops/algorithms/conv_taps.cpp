// Convolution as one product for each tap of the kernel, over the pixels at which that tap lies inside of the
// image: where a dilated kernel is as wide as the image, most taps lie outside nearly everywhere.
#include <cstring>
#include <fmt/format.h>
#include <limits>
#include <vector>

#include "ops/algorithms/conv_cost.h"
#include "ops/algorithms/gemm.h"
#include "ops/algorithms/implementations.h"
#include "ops/arithmetic.h"

namespace godwit::ops {
namespace {

// Outputs of an axis at which tap `tap` lies inside.
Worker::Range inside(const WindowAxis& axis, std::int64_t tap) {
  const std::int64_t shift = tap * axis.dilation - axis.pad_begin;
  const std::int64_t begin = shift < 0 ? (-shift + axis.stride - 1) / axis.stride : 0;
  const std::int64_t last = axis.input - 1 - shift;
  const std::int64_t end = last < 0 ? 0 : std::min(last / axis.stride + 1, axis.output);
  return {std::min(begin, end), end};
}

struct Tap {
  std::int64_t h, w;         // of the kernel
  Worker::Range lines, row;  // of the result, in an image

  std::int64_t pixels() const { return (lines.end - lines.begin) * (row.end - row.begin); }
};

// Those that lie inside somewhere; the one that does everywhere comes last. None where there is no such one.
std::vector<Tap> taps_of(const ConvGeometry& g) {
  std::vector<Tap> taps;
  std::size_t whole = 0;
  bool found = false;
  for (std::int64_t h = 0; h < g.h.kernel; ++h) {
    for (std::int64_t w = 0; w < g.w.kernel; ++w) {
      const Tap tap{h, w, inside(g.h, h), inside(g.w, w)};
      if (tap.pixels() == 0) continue;
      if (!found && tap.pixels() == g.h.output * g.w.output) {
        found = true;
        whole = taps.size();
      }
      taps.push_back(tap);
    }
  }
  if (!found) return {};
  std::swap(taps[whole], taps.back());
  return taps;
}

class ConvTaps final : public Executable {
 public:
  ConvTaps(const NodeView& node, const PrepareContext& context)
      : geometry_(conv_geometry(node)),
        kernels_(gemm_kernels(context.target.isa)),
        format_(DType::f32, context.target.isa, kernels_),
        layout_{geometry_.oc, geometry_.ic, kernels_.nr, kernels_.step_bytes},
        epilogue_(node.epilogue),
        taps_(taps_of(geometry_)) {
    const Tensor& weights = *node.inputs[1].constant;
    std::string format = fmt::format("conv_taps_{}", layout_.nr);
    for (const Tap& tap : taps_) format += fmt::format("_{}.{}", tap.h, tap.w);
    weights_ = context.weights.get(weights, format, layout_.bytes() * taps_.size(),
                                   [&](std::byte* dst) { pack(weights.resident(), context.threads, dst); });
    bias_.assign(static_cast<std::size_t>(layout_.panels() * layout_.nr), 0.0F);
    if (node.own_inputs() > 2 && node.has_input(2)) {
      const auto bias = node.inputs[2].constant->values<float>();
      std::copy(bias.begin(), bias.end(), bias_.begin());
    }
  }

  Scratch scratch() const override {
    return {.shared = 0, .per_worker = gemm_scratch_bytes(kernels_, shape(geometry_.rows()), copies())};
  }
  std::string kernel() const override { return name_of(*kernels_.full); }
  bool reads_constant(std::size_t i) const override { return i == 0; }

  void run(const RunArgs& args, const Worker& worker) const override {
    const Worker::Range lines = worker.share(geometry_.lines());
    if (taps_.size() > 1) begin(args, lines);
    for (std::size_t i = 0; i < taps_.size(); ++i) {
      const Tap& tap = taps_[i];
      const bool whole_lines = tap.row.end - tap.row.begin == geometry_.w.output;
      for (std::int64_t line = lines.begin; line < lines.end;) {
        const std::int64_t oh = line % geometry_.h.output;
        std::int64_t count = 1;
        if (oh >= tap.lines.begin && oh < tap.lines.end) {
          if (whole_lines) count = std::min(tap.lines.end - oh, lines.end - line);
          multiply(args, i, line, count);
        }
        line += count;
      }
    }
  }

 private:
  GemmShape shape(std::int64_t rows) const { return {rows, geometry_.oc, 1, geometry_.ic}; }
  bool copies() const { return rows_collide(geometry_.w.stride * geometry_.ic * kStepBytes); }

  void pack(const Tensor& weights, int threads, std::byte* dst) const {
    const float* src = weights.values<float>().data();
    const std::int64_t ic = geometry_.ic, window = geometry_.taps();
    for (std::size_t i = 0; i < taps_.size(); ++i) {
      const std::int64_t tap = taps_[i].h * geometry_.w.kernel + taps_[i].w;
      pack_panels(
          layout_, 1, ic, threads,
          [&](std::int64_t oc, std::int64_t, std::int64_t k) { return src[(oc * ic + k) * window + tap]; },
          reinterpret_cast<float*>(dst + i * layout_.bytes()));
    }
  }

  // Results begin with the bias.
  void begin(const RunArgs& args, const Worker::Range& lines) const {
    const std::int64_t oc = geometry_.oc, width = geometry_.w.output;
    auto* dst = static_cast<float*>(args.dst[0]);
    for (std::int64_t pixel = lines.begin * width; pixel < lines.end * width; ++pixel)
      std::memcpy(dst + pixel * oc, bias_.data(), static_cast<std::size_t>(oc) * sizeof(float));
  }

  // Tap i on `count` lines of one image, added to what is there; the last one ends them.
  void multiply(const RunArgs& args, std::size_t i, std::int64_t line, std::int64_t count) const {
    const ConvGeometry& g = geometry_;
    const Tap& tap = taps_[i];
    const bool last = i + 1 == taps_.size();
    const std::int64_t width = tap.row.end - tap.row.begin;
    float* dst = static_cast<float*>(args.dst[0]) + (line * g.w.output + tap.row.begin) * g.oc;
    GemmCall call;
    call.tiles = &kernels_;
    call.shape = shape(count * width);
    call.copy_rows = copies();
    call.row_bytes = g.w.stride * g.ic * kStepBytes;
    call.format = &format_;
    call.numbers = g.ic;
    call.weights = weights_.get() + i * layout_.bytes();
    call.bias = taps_.size() == 1 ? bias_.data() : nullptr;
    call.residual = taps_.size() == 1 ? nullptr : dst;
    call.dst = dst;
    call.dst_stride = call.residual_stride = g.oc;
    call.minimum = last ? epilogue_.minimum : -std::numeric_limits<float>::infinity();
    call.maximum = last ? epilogue_.maximum : std::numeric_limits<float>::infinity();
    const std::int64_t first = line / g.h.output * g.h.input, oh = line % g.h.output;
    const auto* src = static_cast<const float*>(args.src[0]);
    run_gemm(
        call,
        [&](std::int64_t row, int rows, const void** pointers) {
          for (int r = 0; r < rows; ++r) {
            const std::int64_t y = g.h.position(oh + (row + r) / width, tap.h);
            const std::int64_t x = g.w.position(tap.row.begin + (row + r) % width, tap.w);
            pointers[r] = src + ((first + y) * g.w.input + x) * g.ic;
          }
        },
        args.worker_scratch, Worker{});
  }

  ConvGeometry geometry_;
  const GemmKernels& kernels_;
  RowFormat format_;
  PanelLayout layout_;  // of one tap's weights
  Epilogue epilogue_;
  std::vector<Tap> taps_;
  std::vector<float> bias_;
  std::shared_ptr<const std::byte> weights_;
};

std::string reject(const NodeView& node, const Target&) {
  if (std::string reason = reject_conv_nhwc(node); !reason.empty()) return reason;
  if (node.input(0).dtype != DType::f32) return "needs f32";
  if (node.epilogue.residual) return "adds no residual";
  const ConvGeometry g = conv_geometry(node);
  if (g.group != 1) return "needs a single group";
  if (g.taps() == 1) return "is for kernels of several taps";
  if (g.h.dilation == 1 && g.w.dilation == 1) return "is for dilated kernels";
  if (taps_of(g).empty()) return "needs a tap that lies inside of the image everywhere";
  return {};
}

}  // namespace

const Implementation conv_taps{
    "conv_taps", "a product for each tap, over the pixels where it lies inside of the image", reject,
    [](const NodeView& node, const PrepareContext& context) -> std::unique_ptr<Executable> {
      return std::make_unique<ConvTaps>(node, context);
    },
    [](const NodeView& node, const Target& target) {
      const ConvGeometry g = conv_geometry(node);
      std::int64_t pixels = 0, taps = 0;
      for (const Tap& tap : taps_of(g)) pixels += tap.pixels(), ++taps;
      return taps_cost(g, pixels, taps, gemm_kernels(target.isa));
    }};

}  // namespace godwit::ops
