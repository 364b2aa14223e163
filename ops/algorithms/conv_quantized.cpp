// Convolution of 8-bit numbers on the GEMM core. Kernels that multiply 16-bit pairs read pixels that were
// widened first: rows of a block for 1×1, the whole image for larger kernels, which read each pixel many
// times.
#include <algorithm>
#include <cstring>
#include <vector>

#include "ops/algorithms/conv_cost.h"
#include "ops/algorithms/conv_rows.h"
#include "ops/algorithms/gemm_quantized.h"
#include "ops/algorithms/implementations.h"
#include "ops/algorithms/sparse_quantized.h"
#include "ops/algorithms/winograd_tiles.h"
#include "runtime/memory.h"

namespace godwit::ops {
namespace {

using In = QuantizedOperand;

// Rows of the inner dimension: `taps` of them, `numbers` long, and where in the operand (oc, ic, kh, kw) each
// of their weights lies.
struct TapFeed {
  explicit TapFeed(const ConvGeometry& g)
      : taps(g.taps()), numbers(g.group_ic()), group_stride(g.group_oc() * numbers * taps) {}
  std::int64_t taps, numbers, group_stride;
  std::int64_t stride() const { return taps; }
  std::int64_t operator()(std::int64_t group, std::int64_t oc, std::int64_t tap, std::int64_t ic) const {
    return group * group_stride + (oc * numbers + ic) * taps + tap;
  }
};
struct RowFeed {
  explicit RowFeed(const ConvGeometry& g)
      : taps(g.h.kernel), numbers(g.w.kernel * g.ic), ic(g.ic), width(g.w.kernel) {}
  std::int64_t taps, numbers, ic, width;
  static std::int64_t stride() { return 0; }
  std::int64_t operator()(std::int64_t, std::int64_t oc, std::int64_t kh, std::int64_t k) const {
    return ((oc * ic + k % ic) * taps + kh) * width + k / ic;
  }
};

template <class Feed>
QuantizedWeights::Sizes sizes_of(const ConvGeometry& g, const Feed& feed) {
  return {g.group, g.group_oc(), feed.taps, feed.numbers};
}

// Four neighbouring channels are all zero seldom where an image is large and often where it is small: in
// ResNet50 on photographs 0 to 19 % of the time above 28², 1 to 30 % at 14², 35 to 62 % at 7² behind a
// ReLU within a block. Groups of steps, which must have an order of their own, are worth up to 15 %.
constexpr std::int64_t kFewPixels = 64;
bool rather_skips(const NodeView& node, const ConvGeometry& g) {
  return node.hints.sparse_input && keeps_steps(g) && g.h.input * g.w.input <= kFewPixels;
}
QuantizedWeights::Sizes tap_sizes(const NodeView& node, const ConvGeometry& g) {
  QuantizedWeights::Sizes sizes = sizes_of(g, TapFeed(g));
  sizes.in_order = rather_skips(node, g);
  return sizes;
}

class QuantizedConvExecutable : public Executable {
 public:
  template <class Feed>
  QuantizedConvExecutable(const NodeView& node, const PrepareContext& context, const Feed& feed,
                          const QuantizedWeights::Sizes& sizes, const char* format)
      : geometry_(conv_geometry(RealConv(node).view())),
        weights_(node, context, sizes, format, feed),
        kernels_(weights_.kernels()),
        widen_(find_function(families::widen, DType::u8, context.target.isa)),
        numbers_(feed.numbers),
        shape_{geometry_.rows(), geometry_.group_oc(), feed.taps, steps_of(feed.numbers, kernels_.kr)},
        zero_point_(static_cast<std::uint8_t>(constant_zero_point(node, In::src_zero_point))),
        residual_index_(node.epilogue.residual ? node.inputs.size() - 1 : 0),
        real_(node.outputs[0].dtype == DType::f32) {}

  bool may_overwrite_residual() const override { return true; }
  std::string kernel() const override { return name_of(*kernels_.full); }
  bool reads_constant(std::size_t) const override { return false; }

 protected:
  RowPart whole(const RunArgs& args, const void* src) const {
    return {.lines = {0, geometry_.batch * geometry_.h.output}, .src = src, .dst = args.dst[0]};
  }

  QuantizedGemmCall call(const RunArgs& args, const RowPart& part, std::int64_t group) const {
    const std::int64_t column = group * geometry_.group_oc();
    const std::int64_t width = geometry_.w.output;
    const auto numbers_to = [&](std::int64_t line) { return line * width * geometry_.oc + column; };
    QuantizedGemmCall call;
    call.tiles = &kernels_;
    call.shape = shape_;
    call.shape.rows = (part.lines.end - part.lines.begin) * width;
    call.numbers = numbers_;
    call.widen = widen_;
    weights_.set(call, group);
    if (residual_index_ != 0) {
      const auto* residual = static_cast<const std::uint8_t*>(args.src[residual_index_]);
      call.residual = residual + numbers_to(part.lines.begin);
    }
    call.residual_stride = geometry_.oc;
    call.dst =
        static_cast<std::byte*>(part.dst) + numbers_to(part.lines.begin - part.dst_line) * (real_ ? 4 : 1);
    call.dst_stride = geometry_.oc;
    return call;
  }
  std::int64_t number_bytes() const { return kStepBytes / kernels_.kr; }

  ConvGeometry geometry_;
  QuantizedWeights weights_;
  const QuantizedGemmKernels& kernels_;
  ConvertKernel* widen_;
  std::int64_t numbers_;
  GemmShape shape_;
  std::uint8_t zero_point_;
  std::size_t residual_index_;
  bool real_;
};

class ConvQuantized final : public QuantizedConvExecutable, public RowStreaming {
 public:
  ConvQuantized(const NodeView& node, const PrepareContext& context)
      : QuantizedConvExecutable(node, context, TapFeed(conv_geometry(RealConv(node).view())),
                                tap_sizes(node, conv_geometry(RealConv(node).view())), "quantized_taps") {
    const bool pairs = &kernels_ == maddubs_kernels(context.target.isa);
    if (node.hints.sparse_input && zero_point_ == 0 && pairs && keeps_steps(geometry_))
      sparse_ = sparse_quantized_kernels(context.target.isa);
    const bool as_it_lies = kernels_.kr == 4 && numbers_ % 4 == 0;
    const bool one_tap = shape_.taps == 1;
    copy_rows_ = one_tap && (!as_it_lies || rows_collide(geometry_.w.stride * geometry_.ic));
    copy_image_ = !one_tap && !as_it_lies;
    // Pixels outside of the image stand for 0.
    border_.resize(static_cast<std::size_t>(shape_.depth * kStepBytes));
    if (copy_image_ && kernels_.kr == 2) {
      std::fill_n(reinterpret_cast<std::int16_t*>(border_.data()), numbers_, std::int16_t{zero_point_});
    } else {
      std::fill_n(reinterpret_cast<std::uint8_t*>(border_.data()), numbers_, zero_point_);
    }
  }

  std::string kernel() const override {
    return sparse_ == nullptr ? QuantizedConvExecutable::kernel() : name_of(*sparse_->full);
  }
  Scratch scratch() const override {
    Scratch scratch{.shared = copy_image_ ? static_cast<std::size_t>(pixels() * copied_bytes()) : 0,
                    .per_worker = gemm_scratch_bytes(kernels_, shape_, copy_rows_)};
    if (sparse_ != nullptr) {
      add_scratch(SparseBlocking(*sparse_, shape_, kernels_.step_bytes), shape_, pixels(), scratch);
    }
    return scratch;
  }

  void run(const RunArgs& args, const Worker& worker) const override {
    if (shape_.taps > 1 && sparse_ != nullptr && multiply_sparse(args, worker)) return;
    if (!copy_image_) return multiply(args, whole(args, args.src[0]), geometry_.ic, worker);
    copy_image(static_cast<const std::uint8_t*>(args.src[0]), args.shared_scratch, worker);
    worker.barrier();
    multiply(args, whole(args, args.shared_scratch), copied_bytes(), worker);
  }

  const RowStreaming* row_streaming() const override { return shape_.taps == 1 ? this : nullptr; }
  Worker::Range rows_read(Worker::Range lines) const override { return ops::rows_read(geometry_.h, lines); }
  void run_rows(const RunArgs& args, const RowPart& part) const override {
    multiply(args, part, geometry_.ic, Worker{});
  }

 private:
  void multiply(const RunArgs& args, const RowPart& part, std::int64_t pixel_bytes,
                const Worker& worker) const {
    const ConvGeometry& g = geometry_;
    const std::int64_t first_row = part.lines.begin * g.w.output;
    Pixels src{part.src, pixel_bytes, border_.data(), part.src_line};
    for (std::int64_t group = 0; group < g.group; ++group) {
      src.data = static_cast<const std::byte*>(part.src) + group * (pixel_bytes / g.group);
      QuantizedGemmCall gemm = call(args, part, group);
      // Taps of neighbouring pixels overlap unless the stride parts them.
      gemm.row_bytes = (copy_rows_ ? 1 : g.h.stride * g.w.stride) * src.pixel_bytes;
      gemm.copy_rows = copy_rows_;
      const auto fill = [&](std::int64_t row, int count, const void** pointers) {
        fill_taps(g, src, first_row + row, count, pointers);
      };
      const bool sparse = sparse_ != nullptr && shape_.taps == 1;
      if (!sparse || !run_sparse_gemm<SparseQuantizedGemm>(gemm, *sparse_, fill, args.worker_scratch, worker))
        run_gemm(gemm, fill, args.worker_scratch, worker);
    }
  }

  // All taps of an image's pixels. False where too few of its numbers are zero.
  bool multiply_sparse(const RunArgs& args, const Worker& worker) const {
    QuantizedGemmCall gemm = call(args, whole(args, args.src[0]), 0);
    gemm.row_bytes = geometry_.h.stride * geometry_.w.stride * geometry_.ic;
    const SparsePixels src{static_cast<const std::byte*>(args.src[0]), geometry_.ic, pixels(),
                           args.shared_scratch};
    return run_sparse_taps<SparseQuantizedGemm>(
        gemm, *sparse_, src,
        [&](std::int64_t row, int count, const void** pointers) {
          fill_taps(geometry_, {src.data, src.bytes, border_.data()}, row, count, pointers);
        },
        args.worker_scratch, worker);
  }

  std::int64_t pixels() const { return geometry_.batch * geometry_.h.input * geometry_.w.input; }
  // Bytes of one pixel in the copy: all groups.
  std::int64_t copied_bytes() const { return geometry_.group * shape_.depth * kStepBytes; }

  void copy_image(const std::uint8_t* src, std::byte* dst, const Worker& worker) const {
    const Worker::Range share = worker.share(pixels());
    if (geometry_.group * shape_.depth * kernels_.kr == geometry_.ic) {
      // Nothing to fill up: one run.
      copy_numbers(kernels_, widen_, src + share.begin * geometry_.ic,
                   (share.end - share.begin) * geometry_.ic, dst + share.begin * copied_bytes());
      return;
    }
    for (std::int64_t pixel = share.begin; pixel < share.end; ++pixel) {
      for (std::int64_t group = 0; group < geometry_.group; ++group) {
        copy_numbers(kernels_, widen_, src + pixel * geometry_.ic + group * numbers_, numbers_,
                     dst + pixel * copied_bytes() + group * shape_.depth * kStepBytes);
      }
    }
  }

  std::vector<std::byte> border_;
  bool copy_rows_ = false, copy_image_ = false;
  const SparseQuantizedKernels* sparse_ = nullptr;  // null: zeros are multiplied like other numbers
};

// Few input channels: whole rows of the kernel over a copy with borders, as in conv_gemm_rows.
class ConvQuantizedRows final : public QuantizedConvExecutable, public RowStreaming {
 public:
  ConvQuantizedRows(const NodeView& node, const PrepareContext& context)
      : QuantizedConvExecutable(
            node, context, RowFeed(conv_geometry(RealConv(node).view())),
            sizes_of(conv_geometry(RealConv(node).view()), RowFeed(conv_geometry(RealConv(node).view()))),
            "quantized_rows"),
        image_(geometry_, geometry_.ic * number_bytes()) {}

  Scratch scratch() const override {
    GemmShape once = shape_;
    once.rows = std::min(shape_.rows, image_.lines() * geometry_.w.output);
    return {.shared = 0, .per_worker = copy_bytes() + gemm_scratch_bytes(kernels_, once, false)};
  }

  void run(const RunArgs& args, const Worker& worker) const override {
    const LineShare share = share_lines(whole(args, args.src[0]), worker);
    multiply(args, share.part, share.worker);
  }

  const RowStreaming* row_streaming() const override { return this; }
  Worker::Range rows_read(Worker::Range lines) const override { return ops::rows_read(geometry_.h, lines); }
  void run_rows(const RunArgs& args, const RowPart& part) const override { multiply(args, part, Worker{}); }

 private:
  // The last row's last step may read over its end, where weights are 0.
  std::size_t copy_bytes() const {
    return align_up(image_.copy_bytes() + static_cast<std::size_t>(kStepBytes));
  }

  void multiply(const RunArgs& args, const RowPart& part, const Worker& worker) const {
    multiply_rows(
        geometry_, image_, part, args.worker_scratch,
        [&](std::int64_t from, std::byte* to) { copy_line(part, from, to); },
        [&](const RowPart& lines, const auto& fill) {
          QuantizedGemmCall gemm = call(args, lines, 0);
          gemm.row_bytes = geometry_.h.stride * geometry_.w.stride * geometry_.ic * number_bytes();
          run_gemm(gemm, fill, args.worker_scratch + copy_bytes(), worker);
        });
  }

  // Pads stand for 0.
  void copy_line(const RowPart& part, std::int64_t from, std::byte* to) const {
    const std::int64_t copied = from < 0 ? 0 : image_.pixels_copied(geometry_.w) * geometry_.ic;
    const std::int64_t before = copied > 0 ? geometry_.w.pad_begin * geometry_.ic : 0;
    const std::int64_t all = image_.line_bytes() / number_bytes();
    fill_pads(to, before);
    if (copied > 0) {
      const auto* src = static_cast<const std::uint8_t*>(part.src);
      src += (from - part.src_line) * geometry_.w.input * geometry_.ic;
      std::byte* inside = to + before * number_bytes();
      if (kernels_.kr == 2) {
        widen_({.src = src, .dst = reinterpret_cast<std::int16_t*>(inside), .count = copied});
      } else {
        std::memcpy(inside, src, static_cast<std::size_t>(copied));
      }
    }
    fill_pads(to + (before + copied) * number_bytes(), all - before - copied);
  }
  void fill_pads(std::byte* to, std::int64_t count) const {
    if (kernels_.kr == 2) {
      std::fill_n(reinterpret_cast<std::int16_t*>(to), count, std::int16_t{zero_point_});
    } else {
      std::memset(to, zero_point_, static_cast<std::size_t>(count));
    }
  }

  PaddedImage image_;
};

std::string reject(const NodeView& node, const Target&) {
  if (std::string reason = reject_volume(node); !reason.empty()) return reason;
  if (std::string reason = reject_quantized(node); !reason.empty()) return reason;
  if (node.input(In::src).layout != Layout::nhwc || node.outputs[0].layout != Layout::nhwc)
    return "needs nhwc tensors";
  if (node.epilogue.residual && node.inputs.back().desc->layout != Layout::nhwc)
    return "needs an nhwc residual";
  return {};
}

std::string reject_rows(const NodeView& node, const Target& target) {
  if (std::string reason = reject(node, target); !reason.empty()) return reason;
  const ConvGeometry g = conv_geometry(RealConv(node).view());
  if (g.group != 1) return "needs a single group";
  if (g.ic > kFewChannels) return "is for at most 8 input channels";
  if (g.w.kernel == 1) return "is for kernels wider than 1";
  if (g.w.dilation != 1) return "needs a kernel without dilation along the width";
  return {};
}

}  // namespace

const Implementation conv_quantized_rows{
    "conv_quantized_rows",
    "few input channels: whole rows of the kernel over a padded copy",
    reject_rows,
    [](const NodeView& node, const PrepareContext& context) -> std::unique_ptr<Executable> {
      return std::make_unique<ConvQuantizedRows>(node, context);
    },
    nullptr,
    [](const NodeView&) { return true; }};

const Implementation conv_quantized{
    "conv_quantized",
    "pixels of each tap by pointer into the GEMM core, sums in 32-bit integers",
    reject,
    [](const NodeView& node, const PrepareContext& context) -> std::unique_ptr<Executable> {
      return std::make_unique<ConvQuantized>(node, context);
    },
    [](const NodeView& node, const Target& target) {
      const ConvGeometry geometry = conv_geometry(RealConv(node).view());
      // Compared with Winograd's alone, which spares others a look at all weights.
      if (!reject_winograd(geometry).empty())
        return quantized_direct_cost(geometry, quantized_gemm_kernels(target.isa));
      const TapFeed feed(geometry);
      return quantized_direct_cost(
          geometry, QuantizedWeights::probable_kernels(node, target.isa, tap_sizes(node, geometry), feed));
    },
    [](const NodeView& node) { return conv_geometry(RealConv(node).view()).taps() == 1; }};

}  // namespace godwit::ops
