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

// What both ways of feeding have in common: packed weights, bias, epilogue.
class ConvExecutable : public Executable {
 public:
  ConvExecutable(const NodeView& node, const PrepareContext& context, std::int64_t taps, std::int64_t depth)
      : geometry_(conv_geometry(node)),
        dtype_(node.input(0).dtype),
        dst_dtype_(node.outputs[0].dtype),
        kernels_(gemm_kernels(context.target.isa, dtype_)),
        widen_(is_16_bit_float(dtype_)
                   ? find_function<ConvertKernel>(KernelFamily::widen, dtype_, context.target.isa)
                   : nullptr),
        epilogue_(node.epilogue),
        residual_index_(node.inputs.size() - 1),
        shape_{geometry_.rows(), geometry_.group_oc(), taps, depth},
        layout_{geometry_.group_oc(), taps * depth, kernels_.nr, kernels_.step_bytes},
        bias_(padded_bias(node, layout_, geometry_.group)) {
    const Tensor& weights = *node.inputs[1].constant;
    const std::string format = fmt::format("conv_panels_{}", layout_.nr);
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
  GemmCall call(const RunArgs& args, std::int64_t group) const {
    const std::int64_t column = group * geometry_.group_oc();
    GemmCall call;
    call.tiles = &kernels_;
    call.shape = shape_;
    call.weights = weights_.get() + static_cast<std::size_t>(group) * layout_.bytes();
    call.bias = bias_.empty() ? nullptr : bias_.data() + group * layout_.panels() * layout_.nr;
    call.widen = widen_;
    call.dst_dtype = dst_dtype_;
    const std::int64_t offset = column * static_cast<std::int64_t>(size_of(dst_dtype_));
    if (epilogue_.residual) call.residual = static_cast<const std::byte*>(args.src[residual_index_]) + offset;
    call.residual_stride = geometry_.oc;
    call.dst = static_cast<std::byte*>(args.dst[0]) + offset;
    call.dst_stride = geometry_.oc;
    call.minimum = epilogue_.minimum;
    call.maximum = epilogue_.maximum;
    return call;
  }

  // Of src as it lies, and of src as kernels read it.
  std::int64_t pixel_bytes() const { return geometry_.ic * static_cast<std::int64_t>(size_of(dtype_)); }
  std::int64_t widened_bytes() const { return geometry_.ic * std::int64_t{sizeof(float)}; }
  // `count` numbers of src as kernels read them.
  void copy(const void* src, void* dst, std::int64_t count) const {
    if (widen_ != nullptr) return widen_({.src = src, .dst = dst, .count = count});
    std::memcpy(dst, src, static_cast<std::size_t>(count) * sizeof(float));
  }

  ConvGeometry geometry_;
  DType dtype_, dst_dtype_;
  const GemmKernels& kernels_;
  ConvertKernel* widen_;  // null for f32
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
      pack_panels(
          layout_, window, threads,
          [&](std::int64_t oc, std::int64_t tap, std::int64_t i) {
            return group[(oc * ic + i) * window + tap];
          },
          reinterpret_cast<T*>(dst + static_cast<std::size_t>(g) * layout_.bytes()));
    }
  }
};

// 16-bit floats are widened first: rows of a block where there is one tap, otherwise the whole image, whose
// pixels are read many times.
class ConvGemm final : public ConvExecutable {
 public:
  ConvGemm(const NodeView& node, const PrepareContext& context)
      : ConvExecutable(node, context, conv_geometry(node).taps(), conv_geometry(node).group_ic()),
        zeros_(static_cast<std::size_t>(geometry_.group_ic()), 0.0F),
        copy_rows_(shape_.taps == 1 &&
                   (widen_ != nullptr || rows_collide(geometry_.w.stride * widened_bytes()))),
        widen_image_(shape_.taps > 1 && widen_ != nullptr) {}

  Scratch scratch() const override {
    return {.shared = widen_image_ ? static_cast<std::size_t>(pixels() * widened_bytes()) : 0,
            .per_worker = gemm_scratch_bytes(kernels_, shape_, copy_rows_)};
  }

  void run(const RunArgs& args, const Worker& worker) const override {
    const auto* image = static_cast<const std::byte*>(args.src[0]);
    std::int64_t stride = pixel_bytes();
    if (widen_image_) {
      const Worker::Range share = worker.share(pixels());
      copy(image + share.begin * stride, args.shared_scratch + share.begin * widened_bytes(),
           (share.end - share.begin) * geometry_.ic);
      worker.barrier();
      image = args.shared_scratch;
      stride = widened_bytes();
    }
    for (std::int64_t g = 0; g < geometry_.group; ++g) {
      const Pixels src{image + g * (stride / geometry_.group), stride, zeros_.data()};
      GemmCall gemm = call(args, g);
      // Taps of neighbouring pixels overlap unless the stride parts them.
      gemm.row_bytes = (copy_rows_ ? 1 : geometry_.h.stride * geometry_.w.stride) * widened_bytes();
      gemm.copy_rows = copy_rows_;
      run_gemm(
          gemm,
          [&](std::int64_t row, int count, const void** pointers) {
            fill_taps(geometry_, src, row, count, pointers);
          },
          args.worker_scratch, worker);
    }
  }

 private:
  std::int64_t pixels() const { return geometry_.batch * geometry_.h.input * geometry_.w.input; }

  std::vector<float> zeros_;
  bool copy_rows_, widen_image_;
};

// Few input channels: one pixel's channels are too short a run for the inner loop, but a whole row of the
// kernel (KW·IC values) is contiguous once the borders are zeros in memory.
class ConvGemmRows final : public ConvExecutable {
 public:
  ConvGemmRows(const NodeView& node, const PrepareContext& context)
      : ConvExecutable(node, context, conv_geometry(node).h.kernel,
                       conv_geometry(node).w.kernel * conv_geometry(node).ic),
        image_(geometry_) {}

  Scratch scratch() const override {
    return {
        .shared = static_cast<std::size_t>(geometry_.batch * image_.height * image_.width * geometry_.ic) *
                  sizeof(float),
        .per_worker = gemm_scratch_bytes(kernels_, shape_, false)};
  }

  void run(const RunArgs& args, const Worker& worker) const override {
    auto* padded = reinterpret_cast<float*>(args.shared_scratch);
    pad(static_cast<const std::byte*>(args.src[0]), padded, worker);
    worker.barrier();
    GemmCall gemm = call(args, 0);
    gemm.row_bytes = geometry_.ic * geometry_.h.stride * geometry_.w.stride * std::int64_t{sizeof(float)};
    run_gemm(
        gemm,
        [&](std::int64_t row, int count, const void** pointers) {
          fill_kernel_rows(geometry_, image_, {padded, geometry_.ic * std::int64_t{sizeof(float)}}, row,
                           count, pointers);
        },
        args.worker_scratch, worker);
  }

 private:
  // src: (N, H, W, C); dst: (N, image_.height, image_.width, C) with zeros around; each worker some of the
  // rows.
  void pad(const std::byte* src, float* dst, const Worker& worker) const {
    const ConvGeometry& g = geometry_;
    const std::int64_t copied = std::min(g.w.input, image_.width - g.w.pad_begin);
    const Worker::Range rows = worker.share(g.batch * image_.height);
    for (std::int64_t row = rows.begin; row < rows.end; ++row) {
      float* line = dst + row * image_.width * g.ic;
      const std::int64_t ih = row % image_.height - g.h.pad_begin;
      std::memset(line, 0, static_cast<std::size_t>(image_.width * g.ic) * sizeof(float));
      if (ih < 0 || ih >= g.h.input || copied <= 0) continue;
      copy(src + (row / image_.height * g.h.input + ih) * g.w.input * pixel_bytes(),
           line + g.w.pad_begin * g.ic, copied * g.ic);
    }
  }

  PaddedImage image_;
};

constexpr std::int64_t kFewChannels = 8;

std::string reject_rows(const NodeView& node, const Target&) {
  if (std::string reason = reject_conv_nhwc(node); !reason.empty()) return reason;
  const ConvGeometry g = conv_geometry(node);
  if (g.group != 1) return "needs a single group";
  if (g.ic > kFewChannels) return "is for at most 8 input channels";
  if (g.w.kernel == 1) return "is for kernels wider than 1";
  if (g.w.dilation != 1) return "needs a kernel without dilation along the width";
  return {};
}

std::string reject_gemm(const NodeView& node, const Target&) { return reject_conv_nhwc(node); }

}  // namespace

const Implementation conv_gemm_rows{
    "conv_gemm_rows", "few input channels: whole rows of the kernel over a zero-padded copy", reject_rows,
    [](const NodeView& node, const PrepareContext& context) -> std::unique_ptr<Executable> {
      return std::make_unique<ConvGemmRows>(node, context);
    }};

const Implementation conv_gemm{
    "conv_gemm", "pixels of each tap by pointer into the GEMM core", reject_gemm,
    [](const NodeView& node, const PrepareContext& context) -> std::unique_ptr<Executable> {
      return std::make_unique<ConvGemm>(node, context);
    },
    [](const NodeView& node, const Target& target) {
      return direct_cost(conv_geometry(node), gemm_kernels(target.isa));
    }};

}  // namespace godwit::ops
