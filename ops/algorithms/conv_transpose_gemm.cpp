// Transposed convolution on the GEMM core. Results whose positions are the same modulo the strides, a phase,
// are an ordinary convolution by the kernel's taps that reach them: a GEMM for each of their lines, whose
// rows lie a stride apart. Where the kernel is as wide as the stride, phases along a line are columns of one
// GEMM.
#include <algorithm>
#include <cstring>
#include <fmt/format.h>
#include <memory>
#include <vector>

#include "ops/algorithms/conv_geometry.h"
#include "ops/algorithms/gemm.h"
#include "ops/algorithms/implementations.h"
#include "ops/arithmetic.h"
#include "ops/window.h"
#include "runtime/memory.h"

namespace godwit::ops {
namespace {

// Results along one axis that lie a stride apart, and the taps that reach them.
struct AxisPhase {
  std::int64_t first = 0, count = 0;  // of the results
  std::int64_t base = 0;              // the operand's element that tap offset 0 reads for the first of them
  std::vector<std::int64_t> taps, offsets;
};

std::vector<AxisPhase> phases_of(const WindowAxis& axis) {
  std::vector<AxisPhase> phases;
  for (std::int64_t phase = 0; phase < axis.stride; ++phase) {
    AxisPhase of;
    of.first = ((phase - axis.pad_begin) % axis.stride + axis.stride) % axis.stride;
    of.count = of.first < axis.input ? (axis.input - 1 - of.first) / axis.stride + 1 : 0;
    of.base = (of.first + axis.pad_begin - phase) / axis.stride;
    for (std::int64_t tap = 0; tap < axis.kernel; ++tap) {
      if ((phase - tap * axis.dilation) % axis.stride != 0) continue;
      of.taps.push_back(tap);
      of.offsets.push_back((phase - tap * axis.dilation) / axis.stride);
    }
    phases.push_back(std::move(of));
  }
  return phases;
}

Window window_for(const NodeView& node) {
  return transposed_window_of(node.attributes, node.shape(0).dims().subspan(2),
                              node.shape(1).dims().subspan(2));
}

// True where the kernel covers each result of a line once, by the operand's element in front of it.
bool tiles_lines(const WindowAxis& w) {
  return w.kernel == w.stride && w.dilation == 1 && w.pad_begin == 0 && w.input == w.output * w.stride;
}

struct Sizes {
  std::int64_t batch, ic, oc, group;
  Window window;

  std::int64_t group_ic() const { return ic / group; }
  std::int64_t group_oc() const { return oc / group; }
  std::int64_t pixels() const { return batch * window.outputs(); }
  bool merged() const { return group == 1 && tiles_lines(window.w()); }
};

Sizes sizes_of(const NodeView& node) {
  return {.batch = node.shape(0)[0],
          .ic = node.shape(0)[1],
          .oc = node.outputs[0].shape[1],
          .group = node.attributes.integer("group", 1),
          .window = window_for(node)};
}

class ConvTransposeGemm final : public Executable {
 public:
  ConvTransposeGemm(const NodeView& node, const PrepareContext& context)
      : sizes_(sizes_of(node)),
        merged_(sizes_.merged()),
        dtype_(node.input(0).dtype),
        dst_dtype_(node.outputs[0].dtype),
        kernels_(gemm_kernels(context.target.isa, dtype_)),
        format_(dtype_, context.target.isa, kernels_),
        depth_(format_.steps(sizes_.group_ic())),
        copy_image_(!format_.as_it_lies(sizes_.group_ic())),
        epilogue_(node.epilogue),
        residual_index_(node.inputs.size() - 1),
        d_(phases_of(sizes_.window.d())),
        h_(phases_of(sizes_.window.h())),
        w_(merged_ ? whole_line() : phases_of(sizes_.window.w())),
        border_(static_cast<std::size_t>(depth_ * kStepBytes)) {
    for (const AxisPhase& d : d_) {
      for (const AxisPhase& h : h_) {
        for (const AxisPhase& w : w_) add_phase(d, h, w);
      }
    }
    fill_bias(node);
    const Tensor& weights = *node.inputs[1].constant;
    const std::string format = fmt::format(
        "transposed_{}x{}_{}_{}_{}_{}", layout_of(1).nr, kernels_.kr, sizes_.group, merged_,
        fmt::format("{}x{}x{}", sizes_.window.d().stride, sizes_.window.h().stride, sizes_.window.w().stride),
        fmt::format("{}x{}x{}", sizes_.window.d().dilation, sizes_.window.h().dilation,
                    sizes_.window.w().dilation));
    weights_ = context.weights.get(weights, format, weight_bytes_, [&](std::byte* dst) {
      visit_kernel_float(dtype_, [&]<class T>() { pack<T>(weights.resident(), context.threads, dst); });
    });
  }

  bool may_overwrite_residual() const override { return true; }
  std::string kernel() const override { return name_of(*kernels_.full); }
  bool reads_constant(std::size_t i) const override { return i > 2; }

  Scratch scratch() const override {
    Scratch scratch{.shared = copy_image_ ? static_cast<std::size_t>(sizes_.pixels() * pixel_bytes()) : 0,
                    .per_worker = 0};
    for (const Phase& phase : phases_)
      scratch.per_worker =
          std::max(scratch.per_worker, gemm_scratch_bytes(kernels_, phase.shape, copies_rows(phase)));
    return scratch;
  }

  void run(const RunArgs& args, const Worker& worker) const override {
    const auto* src = static_cast<const std::byte*>(args.src[0]);
    if (copy_image_) {
      copy_image(src, args.shared_scratch, worker);
      worker.barrier();
      src = args.shared_scratch;
    }
    for (const Phase& phase : phases_) {
      const std::int64_t lines = sizes_.batch * phase.d->count * phase.h->count;
      // Lines of their own for each worker, or all workers on each line.
      const bool own = lines >= worker.count;
      const Worker::Range share = own ? worker.share(lines) : Worker::Range{0, lines};
      for (std::int64_t line = share.begin; line < share.end; ++line) {
        for (std::int64_t g = 0; g < sizes_.group; ++g)
          multiply_line(args, src, phase, line, g, own ? Worker{} : worker);
      }
    }
  }

 private:
  struct Phase {
    const AxisPhase *d, *h, *w;
    GemmShape shape;  // of one line and group
    PanelLayout layout;
    std::size_t weights = 0;  // bytes before its first group's

    bool reached() const { return !d->taps.empty() && !h->taps.empty() && !w->taps.empty(); }
  };

  // A line's phases together: each element of the operand makes a stride's worth of results.
  std::vector<AxisPhase> whole_line() const {
    return {AxisPhase{.first = 0, .count = sizes_.window.w().output, .base = 0, .taps = {0}, .offsets = {0}}};
  }
  std::int64_t columns() const { return sizes_.group_oc() * (merged_ ? sizes_.window.w().stride : 1); }
  PanelLayout layout_of(std::int64_t taps) const {
    return {columns(), taps * depth_, kernels_.nr, kernels_.step_bytes};
  }

  void add_phase(const AxisPhase& d, const AxisPhase& h, const AxisPhase& w) {
    const auto count = static_cast<std::int64_t>(d.taps.size() * h.taps.size() * w.taps.size());
    // Results that no tap reaches are a bias: one tap of zeros.
    const std::int64_t taps = std::max<std::int64_t>(count, 1);
    const Phase phase{&d, &h, &w, {w.count, columns(), taps, depth_}, layout_of(taps), weight_bytes_};
    weight_bytes_ += phase.layout.bytes() * static_cast<std::size_t>(sizes_.group);
    if (d.count > 0 && h.count > 0 && w.count > 0) phases_.push_back(phase);
    all_phases_.push_back(phase);
  }

  void fill_bias(const NodeView& node) {
    if (!has_own_input(node, 2)) return;
    const auto values = node.inputs[2].constant->values<float>();
    padded_ = layout_of(1).panels() * kernels_.nr;
    bias_.assign(static_cast<std::size_t>(padded_ * sizes_.group), 0.0F);
    for (std::int64_t g = 0; g < sizes_.group; ++g) {
      for (std::int64_t c = 0; c < columns(); ++c) {
        bias_[static_cast<std::size_t>(g * padded_ + c)] =
            values[static_cast<std::size_t>(g * sizes_.group_oc() + c % sizes_.group_oc())];
      }
    }
  }

  // The model's order is (ic, oc/group, kd, kh, kw).
  template <class T>
  void pack(const Tensor& weights, int threads, std::byte* dst) const {
    const T* src = weights.values<T>().data();
    const Window& window = sizes_.window;
    const std::int64_t ocg = sizes_.group_oc(), icg = sizes_.group_ic();
    for (const Phase& phase : all_phases_) {
      const auto tw = static_cast<std::int64_t>(phase.w->taps.size());
      const auto th = static_cast<std::int64_t>(phase.h->taps.size());
      for (std::int64_t g = 0; g < sizes_.group; ++g) {
        auto* to =
            reinterpret_cast<T*>(dst + phase.weights + static_cast<std::size_t>(g) * phase.layout.bytes());
        pack_panels(
            phase.layout, phase.shape.taps, icg, threads,
            [&](std::int64_t column, std::int64_t tap, std::int64_t k) {
              if (!phase.reached()) return T{};
              const auto at = [](const std::vector<std::int64_t>& taps, std::int64_t i) {
                return taps[static_cast<std::size_t>(i)];
              };
              const std::int64_t kw = merged_ ? column / ocg : at(phase.w->taps, tap % tw);
              const std::int64_t kh = at(phase.h->taps, tap / tw % th);
              const std::int64_t kd = at(phase.d->taps, tap / tw / th);
              const std::int64_t element = (kd * window.h().kernel + kh) * window.w().kernel + kw;
              return src[((g * icg + k) * ocg + column % ocg) * window.taps() + element];
            },
            to);
      }
    }
  }

  std::int64_t group_bytes() const {
    return copy_image_ ? depth_ * kStepBytes : format_.bytes(sizes_.group_ic());
  }
  // Bytes of one pixel of the operand as it is read: all groups.
  std::int64_t pixel_bytes() const { return sizes_.group * group_bytes(); }
  bool copies_rows(const Phase& phase) const {
    return phase.shape.taps == 1 && !copy_image_ && rows_collide(pixel_bytes());
  }

  void copy_image(const std::byte* src, std::byte* dst, const Worker& worker) const {
    const Worker::Range share = worker.share(sizes_.pixels() * sizes_.group);
    for (std::int64_t part = share.begin; part < share.end; ++part) {
      format_.fill_steps(src + part * format_.bytes(sizes_.group_ic()), sizes_.group_ic(),
                         dst + part * depth_ * kStepBytes);
    }
  }

  void multiply_line(const RunArgs& args, const std::byte* src, const Phase& phase, std::int64_t line,
                     std::int64_t g, const Worker& worker) const {
    const Window& window = sizes_.window;
    const std::int64_t qh = line % phase.h->count, qd = line / phase.h->count % phase.d->count;
    const std::int64_t n = line / phase.h->count / phase.d->count;
    const std::int64_t od = phase.d->first + qd * window.d().stride,
                       oh = phase.h->first + qh * window.h().stride;
    const std::int64_t pixel =
        ((n * window.d().input + od) * window.h().input + oh) * window.w().input + phase.w->first;
    const std::int64_t to =
        (pixel * sizes_.oc + g * sizes_.group_oc()) * static_cast<std::int64_t>(size_of(dst_dtype_));
    GemmCall call;
    call.tiles = &kernels_;
    call.shape = phase.shape;
    call.row_bytes = pixel_bytes();
    call.copy_rows = copies_rows(phase);
    call.format = &format_;
    call.numbers = sizes_.group_ic();
    call.weights = weights_.get() + phase.weights + static_cast<std::size_t>(g) * phase.layout.bytes();
    call.bias = bias_.empty() ? nullptr : bias_.data() + g * padded_;
    call.dst_dtype = dst_dtype_;
    if (epilogue_.residual) call.residual = static_cast<const std::byte*>(args.src[residual_index_]) + to;
    call.residual_stride = call.dst_stride = window.w().stride * sizes_.oc;
    call.dst = static_cast<std::byte*>(args.dst[0]) + to;
    call.minimum = epilogue_.minimum;
    call.maximum = epilogue_.maximum;
    const std::byte* image = src + n * window.outputs() * pixel_bytes() + g * group_bytes();
    run_gemm(
        call,
        [&](std::int64_t row, int count, const void** pointers) {
          fill_line(phase, image, phase.d->base + qd, phase.h->base + qh, row, count, pointers);
        },
        args.worker_scratch, worker);
  }

  // pointers[t * count + r]: tap t of result row + r of the line, with d and h the operand's line of offset
  // 0.
  void fill_line(const Phase& phase, const std::byte* image, std::int64_t d, std::int64_t h, std::int64_t row,
                 int count, const void** pointers) const {
    const Window& window = sizes_.window;
    if (!phase.reached()) {
      std::fill_n(pointers, count, border_.data());
      return;
    }
    for (const std::int64_t of_d : phase.d->offsets) {
      for (const std::int64_t of_h : phase.h->offsets) {
        const std::int64_t id = d + of_d, ih = h + of_h;
        const bool inside = id >= 0 && id < window.d().output && ih >= 0 && ih < window.h().output;
        const std::int64_t line = (id * window.h().output + ih) * window.w().output;
        for (const std::int64_t of_w : phase.w->offsets) {
          std::int64_t iw = phase.w->base + row + of_w;
          for (int r = 0; r < count; ++r, ++iw) {
            *pointers++ = inside && iw >= 0 && iw < window.w().output ? image + (line + iw) * pixel_bytes()
                                                                      : border_.data();
          }
        }
      }
    }
  }

  Sizes sizes_;
  bool merged_;
  DType dtype_, dst_dtype_;
  const GemmKernels& kernels_;
  RowFormat format_;
  std::int64_t depth_;
  bool copy_image_;  // elements that kernels cannot read as they lie
  Epilogue epilogue_;
  std::size_t residual_index_;
  std::vector<AxisPhase> d_, h_, w_;
  std::vector<Phase> phases_, all_phases_;  // those with results; all, whose weights do not depend on sizes
  std::vector<std::byte> border_;           // what a pixel outside of the operand looks like
  std::vector<float> bias_;
  std::int64_t padded_ = 0;  // bias of one group
  std::size_t weight_bytes_ = 0;
  std::shared_ptr<const std::byte> weights_;
};

std::string reject(const NodeView& node, const Target&) {
  if (std::string reason = reject_conv_layout(node); !reason.empty()) return reason;
  constexpr std::int64_t kMostPhases = 64;
  const Window window = window_for(node);
  if (work_product({window.d().stride, window.h().stride, window.w().stride}) > kMostPhases)
    return "is for up to 64 phases (products of strides)";
  return {};
}

}  // namespace

const Implementation conv_transpose_gemm{
    "conv_transpose_gemm", "results a stride apart as convolutions of their own on the GEMM core", reject,
    [](const NodeView& node, const PrepareContext& context) -> std::unique_ptr<Executable> {
      return std::make_unique<ConvTransposeGemm>(node, context);
    }};

}  // namespace godwit::ops
