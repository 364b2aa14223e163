// Convolution on the GEMM core: 1×1 reads the pixels where they lie, k×k through pointers to each tap's pixel
// (no im2col copy), the stem through a zero-padded copy of its few channels.
#include <cstring>
#include <fmt/format.h>
#include <vector>

#include "ops/algorithms/conv_cost.h"
#include "ops/algorithms/conv_geometry.h"
#include "ops/algorithms/conv_rows.h"
#include "ops/algorithms/gemm.h"
#include "ops/algorithms/implementations.h"
#include "ops/algorithms/sparse_gemm.h"
#include "ops/arithmetic.h"
#include "runtime/memory.h"

namespace godwit::ops {
namespace {

// The bias padded with zeros to whole panels of one group.
std::vector<float> padded_bias(const NodeView& node, const PanelLayout& layout, std::int64_t group) {
  if (node.own_inputs() < 3 || !node.has_input(2)) return {};
  const auto values = node.inputs[2].constant->values<float>();
  const std::int64_t padded = layout.panels() * layout.nr;
  std::vector<float> bias(static_cast<std::size_t>(padded * group), 0.0F);
  for (std::int64_t g = 0; g < group; ++g) {
    std::memcpy(bias.data() + g * padded, values.data() + g * layout.columns,
                static_cast<std::size_t>(layout.columns) * sizeof(float));
  }
  return bias;
}

// exponent: the bits that are all set in infinities and NaNs; one more carries into the sign only there.
template <class Bits>
bool all_finite(const std::byte* numbers, std::size_t bytes, Bits exponent) {
  const auto* bits = reinterpret_cast<const Bits*>(numbers);
  const auto one = static_cast<Bits>(exponent & (~exponent + 1));
  Bits carried = 0;
  for (std::size_t i = 0; i < bytes / sizeof(Bits); ++i) {
    carried = static_cast<Bits>(carried | static_cast<Bits>((bits[i] & exponent) + one));
  }
  return (carried >> (8 * sizeof(Bits) - 1)) == 0;
}

// Packed weights, bias and epilogue, common to both ways of feeding. numbers: of src under one tap.
class ConvExecutable : public Executable {
 public:
  ConvExecutable(const NodeView& node, const PrepareContext& context, std::int64_t taps, std::int64_t numbers)
      : geometry_(conv_geometry(node)),
        dtype_(node.input(0).dtype),
        dst_dtype_(node.outputs[0].dtype),
        kernels_(gemm_kernels(context.target.isa, dtype_)),
        format_(dtype_, context.target.isa, kernels_),
        numbers_(numbers),
        epilogue_(node.epilogue),
        residual_index_(node.inputs.size() - 1),
        shape_{geometry_.rows(), geometry_.group_oc(), taps, format_.steps(numbers)},
        layout_{geometry_.group_oc(), shape_.inner(), kernels_.nr, kernels_.step_bytes},
        bias_(padded_bias(node, layout_, geometry_.group)) {
    const Tensor& weights = *node.inputs[1].constant;
    const std::string format = fmt::format("conv_panels_{}x{}_{}", layout_.nr, kernels_.kr, numbers);
    const std::size_t group_bytes = layout_.bytes();
    weights_ = context.weights.get(
        weights, format, group_bytes * static_cast<std::size_t>(geometry_.group), [&](std::byte* dst) {
          visit_kernel_float(dtype_, [&]<class T>() { pack<T>(weights.resident(), context.threads, dst); });
        });
  }

  bool may_overwrite_residual() const override { return true; }
  std::string kernel() const override { return name_of(*kernels_.full); }
  bool reads_constant(std::size_t i) const override { return i > 2; }

 protected:
  RowPart whole(const RunArgs& args, const void* src) const {
    return {.lines = {0, geometry_.lines()}, .src = src, .dst = args.dst[0]};
  }

  GemmCall call(const RunArgs& args, const RowPart& part, std::int64_t group) const {
    const std::int64_t column = group * geometry_.group_oc();
    const std::int64_t width = geometry_.w.output;
    const auto size = static_cast<std::int64_t>(size_of(dst_dtype_));
    const auto bytes_to = [&](std::int64_t line) { return (line * width * geometry_.oc + column) * size; };
    GemmCall call;
    call.tiles = &kernels_;
    call.shape = shape_;
    call.shape.rows = (part.lines.end - part.lines.begin) * width;
    call.weights = weights_.get() + static_cast<std::size_t>(group) * layout_.bytes();
    call.bias = bias_.empty() ? nullptr : bias_.data() + group * layout_.panels() * layout_.nr;
    call.format = &format_;
    call.numbers = numbers_;
    call.dst_dtype = dst_dtype_;
    if (epilogue_.residual) {
      const auto* residual = static_cast<const std::byte*>(args.src[residual_index_]);
      call.residual = residual + bytes_to(part.lines.begin);
    }
    call.residual_stride = geometry_.oc;
    call.dst = static_cast<std::byte*>(part.dst) + bytes_to(part.lines.begin - part.dst_line);
    call.dst_stride = geometry_.oc;
    call.minimum = epilogue_.minimum;
    call.maximum = epilogue_.maximum;
    return call;
  }

  std::int64_t pixel_bytes() const { return format_.bytes(geometry_.ic); }  // of src as it lies

  ConvGeometry geometry_;
  DType dtype_, dst_dtype_;
  const GemmKernels& kernels_;
  RowFormat format_;
  std::int64_t numbers_;
  Epilogue epilogue_;
  std::size_t residual_index_;
  GemmShape shape_;
  PanelLayout layout_;
  std::vector<float> bias_;
  std::shared_ptr<const std::byte> weights_;

 private:
  template <class T>
  void pack(const Tensor& weights, int threads, std::byte* dst) const {
    const T* src = weights.values<T>().data();
    const std::int64_t ic = geometry_.group_ic();
    const std::int64_t window = geometry_.taps();
    for (std::int64_t g = 0; g < geometry_.group; ++g) {
      const T* group = src + g * geometry_.group_oc() * ic * window;
      // The inner dimension runs over (kh, kw, ic); the model's order is (oc, ic, kh, kw).
      const auto pack_group = [&](const auto& weight) {
        auto* to = reinterpret_cast<T*>(dst + static_cast<std::size_t>(g) * layout_.bytes());
        pack_panels(layout_, shape_.taps, numbers_, threads, weight, to);
      };
      if (numbers_ == ic) {
        pack_group([&](std::int64_t oc, std::int64_t tap, std::int64_t i) {
          return group[(oc * ic + i) * window + tap];
        });
      } else {  // a tap of the kernels is a row of the window
        pack_group([&](std::int64_t oc, std::int64_t row, std::int64_t number) {
          const std::int64_t tap = row * (window / shape_.taps) + number / ic;
          return group[(oc * ic + number % ic) * window + tap];
        });
      }
    }
  }
};

bool looks_for_zeros(const NodeView& node, const Target& target) {
  return node.hints.sparse_input && keeps_steps(conv_geometry(node)) &&
         sparse_gemm_kernels(target.isa, node.input(0).dtype) != nullptr;
}

// Share of the time that all multiply-adds would take.
double likely_share(const NodeView& node, const Target& target) {
  if (!looks_for_zeros(node, target)) return 1;
  const double most = SparseGemm::most_nonzero(*sparse_gemm_kernels(target.isa, node.input(0).dtype),
                                               conv_geometry(node).group_oc());
  return most > kLikelyNonzero ? kLikelyNonzero / most : 1;
}

// Numbers that kernels cannot read as they lie are copied first: rows of a block where there is one tap,
// otherwise the whole image, whose pixels are read many times.
class ConvGemm final : public ConvExecutable, public RowStreaming {
 public:
  ConvGemm(const NodeView& node, const PrepareContext& context)
      : ConvExecutable(node, context, conv_geometry(node).taps(), conv_geometry(node).group_ic()),
        zeros_(static_cast<std::size_t>(shape_.depth * kStepBytes)),
        copy_rows_(shape_.taps == 1 &&
                   (!format_.as_it_lies(numbers_) || rows_collide(geometry_.w.stride * pixel_bytes()))),
        copy_image_(shape_.taps > 1 && !format_.as_it_lies(numbers_)),
        sparse_(looks_for_zeros(node, context.target) && weights_are_finite()
                    ? sparse_gemm_kernels(context.target.isa, dtype_)
                    : nullptr) {}

  std::string kernel() const override {
    return sparse_ == nullptr ? ConvExecutable::kernel() : name_of(*sparse_->full);
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
    if (!copy_image_) return multiply(args, whole(args, args.src[0]), pixel_bytes(), worker);
    copy_image(static_cast<const std::byte*>(args.src[0]), args.shared_scratch, worker);
    worker.barrier();
    multiply(args, whole(args, args.shared_scratch), copied_bytes(), worker);
  }

  const RowStreaming* row_streaming() const override {
    return shape_.taps == 1 && !geometry_.is_volume() ? this : nullptr;
  }
  Worker::Range rows_read(Worker::Range lines) const override { return ops::rows_read(geometry_.h, lines); }
  void run_rows(const RunArgs& args, const RowPart& part) const override {
    multiply(args, part, pixel_bytes(), Worker{});
  }

 private:
  void multiply(const RunArgs& args, const RowPart& part, std::int64_t pixel_bytes,
                const Worker& worker) const {
    const std::int64_t first_row = part.lines.begin * geometry_.w.output;
    Pixels src{part.src, pixel_bytes, zeros_.data(), part.src_line};
    for (std::int64_t g = 0; g < geometry_.group; ++g) {
      src.data = static_cast<const std::byte*>(part.src) + g * (pixel_bytes / geometry_.group);
      GemmCall gemm = call(args, part, g);
      // Taps of neighbouring pixels overlap unless the stride parts them.
      gemm.row_bytes = (copy_rows_ ? 1 : pixels_apart()) * copied_bytes();
      gemm.copy_rows = copy_rows_;
      const auto fill = [&](std::int64_t row, int count, const void** pointers) {
        fill_taps(geometry_, src, first_row + row, count, pointers);
      };
      const bool sparse = sparse_ != nullptr && shape_.taps == 1;
      if (!sparse || !run_sparse_gemm<SparseGemm>(gemm, *sparse_, fill, args.worker_scratch, worker))
        run_gemm(gemm, fill, args.worker_scratch, worker);
    }
  }

  // All taps of an image's pixels. False where too few of its numbers are zero.
  bool multiply_sparse(const RunArgs& args, const Worker& worker) const {
    GemmCall gemm = call(args, whole(args, args.src[0]), 0);
    gemm.row_bytes = pixels_apart() * pixel_bytes();
    const SparsePixels src{static_cast<const std::byte*>(args.src[0]), pixel_bytes(), pixels(),
                           args.shared_scratch};
    return run_sparse_taps<SparseGemm>(
        gemm, *sparse_, src,
        [&](std::int64_t row, int count, const void** pointers) {
          fill_taps(geometry_, {src.data, src.bytes, zeros_.data()}, row, count, pointers);
        },
        args.worker_scratch, worker);
  }

  std::int64_t pixels() const { return geometry_.pixels(); }
  // Pixels of the operand for one of the result.
  std::int64_t pixels_apart() const { return geometry_.d.stride * geometry_.h.stride * geometry_.w.stride; }
  // Bytes of one pixel as kernels read it: all groups.
  std::int64_t copied_bytes() const { return geometry_.group * shape_.depth * kStepBytes; }

  void copy_image(const std::byte* src, std::byte* dst, const Worker& worker) const {
    const Worker::Range share = worker.share(pixels());
    const std::int64_t group_bytes = shape_.depth * kStepBytes;
    if (format_.read_bytes(numbers_) == group_bytes) {
      // Nothing to fill up: one run.
      return format_.convert(src + share.begin * pixel_bytes(), (share.end - share.begin) * geometry_.ic,
                             dst + share.begin * copied_bytes());
    }
    for (std::int64_t part = share.begin * geometry_.group; part < share.end * geometry_.group; ++part) {
      format_.fill_steps(src + part * format_.bytes(numbers_), numbers_, dst + part * group_bytes);
    }
  }

  // Zero times a number is not zero where that is none.
  bool weights_are_finite() const {
    bool finite = true;
    for (std::int64_t group = 0; group < geometry_.group; ++group) {
      const std::byte* first = weights_.get() + static_cast<std::size_t>(group) * layout_.bytes();
      // Behind half a panel there is nothing.
      for (std::int64_t p = 0; p < layout_.panels(); ++p) {
        const auto bytes = static_cast<std::size_t>(layout_.width(p) * layout_.inner * layout_.step_bytes);
        finite &= is_finite(first + layout_.offset(p) * layout_.step_bytes, bytes);
      }
    }
    return finite;
  }
  bool is_finite(const std::byte* numbers, std::size_t bytes) const {
    if (dtype_ == DType::f32) return all_finite<std::uint32_t>(numbers, bytes, 0x7f800000);
    return all_finite<std::uint16_t>(numbers, bytes, dtype_ == DType::f16 ? 0x7c00 : 0x7f80);
  }

  std::vector<std::byte> zeros_;
  bool copy_rows_, copy_image_;
  const SparseGemmKernels* sparse_;  // null: zeros are multiplied like other numbers
};

// Few input channels: one pixel's channels are too short a run for the inner loop, but a whole row of the
// kernel (KW·IC values) is contiguous once the borders are zeros in memory.
class ConvGemmRows final : public ConvExecutable, public RowStreaming {
 public:
  ConvGemmRows(const NodeView& node, const PrepareContext& context)
      : ConvExecutable(node, context, conv_geometry(node).h.kernel,
                       conv_geometry(node).w.kernel * conv_geometry(node).ic),
        image_(geometry_, format_.read_bytes(geometry_.ic)) {}

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
  std::size_t copy_bytes() const { return align_up(image_.copy_bytes()); }

  void multiply(const RunArgs& args, const RowPart& part, const Worker& worker) const {
    multiply_rows(
        geometry_, image_, part, args.worker_scratch,
        [&](std::int64_t from, std::byte* to) { copy_line(part, from, to); },
        [&](const RowPart& lines, const auto& fill) {
          GemmCall gemm = call(args, lines, 0);
          gemm.row_bytes = geometry_.h.stride * geometry_.w.stride * format_.read_bytes(geometry_.ic);
          run_gemm(gemm, fill, args.worker_scratch + copy_bytes(), worker);
        });
  }

  void copy_line(const RowPart& part, std::int64_t from, std::byte* to) const {
    const std::int64_t copied = from < 0 ? 0 : image_.pixels_copied(geometry_.w);
    const std::int64_t before = copied > 0 ? format_.read_bytes(geometry_.w.pad_begin * geometry_.ic) : 0;
    const std::int64_t end = before + format_.read_bytes(copied * geometry_.ic);
    std::memset(to, 0, static_cast<std::size_t>(before));
    if (copied > 0) {
      const auto* src = static_cast<const std::byte*>(part.src);
      format_.convert(src + (from - part.src_line) * geometry_.w.input * pixel_bytes(), copied * geometry_.ic,
                      to + before);
    }
    std::memset(to + end, 0, static_cast<std::size_t>(image_.line_bytes() - end));
  }

  PaddedImage image_;
};

constexpr std::int64_t kFewChannels = 8;

std::string reject_rows(const NodeView& node, const Target& target) {
  if (std::string reason = reject_conv_nhwc(node); !reason.empty()) return reason;
  const ConvGeometry g = conv_geometry(node);
  if (g.group != 1) return "needs a single group";
  if (g.ic > kFewChannels) return "is for at most 8 input channels";
  if (g.w.kernel == 1) return "is for kernels wider than 1";
  if (g.w.dilation != 1) return "needs a kernel without dilation along the width";
  // A step must not reach beyond the kernel's row: an infinity there would not vanish by a weight of 0.
  if (g.w.kernel * g.ic % gemm_kernels(target.isa, node.input(0).dtype).kr != 0)
    return "needs rows of whole pairs";
  return {};
}

std::string reject_gemm(const NodeView& node, const Target&) { return reject_conv_layout(node); }

}  // namespace

const Implementation conv_gemm_rows{
    "conv_gemm_rows",
    "few input channels: whole rows of the kernel over a zero-padded copy",
    reject_rows,
    [](const NodeView& node, const PrepareContext& context) -> std::unique_ptr<Executable> {
      return std::make_unique<ConvGemmRows>(node, context);
    },
    nullptr,
    [](const NodeView&) { return true; }};

const Implementation conv_gemm{
    "conv_gemm",
    "pixels of each tap by pointer into the GEMM core",
    reject_gemm,
    [](const NodeView& node, const PrepareContext& context) -> std::unique_ptr<Executable> {
      return std::make_unique<ConvGemm>(node, context);
    },
    [](const NodeView& node, const Target& target) {
      // 16-bit floats that are widened cost what f32 does: their layers shall be computed as f32 ones are.
      const GemmKernels& kernels = gemm_kernels(target.isa, node.input(0).dtype);
      const ConvGeometry g = conv_geometry(node);
      return direct_cost(g, kernels.kr > 1 ? kernels : gemm_kernels(target.isa), likely_share(node, target));
    },
    [](const NodeView& node) { return conv_geometry(node).taps() == 1 && !conv_geometry(node).is_volume(); }};

}  // namespace godwit::ops
