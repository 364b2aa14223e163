// 3×3 convolution of stride 1 by Winograd's minimal filtering: transformed input tiles and weights meet in
// one GEMM for each of the (m + 2)² points, and the results are transformed back with the epilogue.
#include <algorithm>
#include <cstring>
#include <fmt/format.h>
#include <limits>
#include <vector>

#include "ops/algorithms/conv_cost.h"
#include "ops/algorithms/implementations.h"
#include "ops/algorithms/winograd.h"
#include "ops/algorithms/winograd_tiles.h"
#include "ops/arithmetic.h"

namespace godwit::ops {
namespace {

// Type of stored transformed weights: bfloat16 has too few digits for errors that the output transform
// magnifies.
DType packed_dtype(DType dtype) { return dtype == DType::f16 ? DType::f16 : DType::f32; }

class ConvWinograd final : public WinogradExecutable {
 public:
  ConvWinograd(const NodeView& node, const PrepareContext& context, std::int64_t m)
      : WinogradExecutable(
            conv_geometry(node), m, kernels_of(node, context.target),
            {.depth = node.shape(0)[1],
             .src_bytes = static_cast<std::int64_t>(size_of(node.input(0).dtype)),
             .dst_bytes = static_cast<std::int64_t>(size_of(node.outputs[0].dtype)),
             .residual_index = node.epilogue.residual ? node.inputs.size() - 1 : 0},
            std::vector<std::byte>(static_cast<std::size_t>(node.shape(0)[1]) * sizeof(float))),
        kernels_(kernels_of(node, context.target)),
        epilogue_(node.epilogue) {
    const Isa isa = context.target.isa;
    const bool small = m == 2;
    input_ = find_function(small ? families::winograd2_input : families::winograd4_input, node.input(0).dtype,
                           isa);
    output_ = find_function(small ? families::winograd2_output : families::winograd4_output,
                            node.outputs[0].dtype, isa);
    narrow_ = find_function(families::narrow, DType::f16, isa);
    const Tensor& weights = *node.inputs[1].constant;
    weights_ =
        context.weights.get(weights, fmt::format("winograd{}_panels_{}", m, layout_.nr), layout_.bytes(),
                            [&](std::byte* dst) { pack(weights.resident(), context.threads, dst); });
    if (node.own_inputs() > 2 && node.has_input(2)) {
      const auto values = node.inputs[2].constant->values<float>();
      bias_.assign(values.begin(), values.end());
      bias_.resize(static_cast<std::size_t>(layout_.panels() * layout_.nr), 0.0F);
    }
  }

  static const GemmKernels& kernels_of(const NodeView& node, const Target& target) {
    return gemm_kernels(target.isa, packed_dtype(node.input(0).dtype));
  }
  bool reads_constant(std::size_t i) const override { return i > 2; }

 private:
  // (oc, ic, 3, 3) to panels of (planes, ic, nr), all columns of a panel and some input channels at a time;
  // threads share the panels. Planes can be a power of two apart, so that numbers written to all of them in
  // turn drive each other out of the caches: a buffer collects what lies together.
  void pack(const Tensor& weights, int threads, std::byte* dst) const {
    constexpr std::int64_t kTogether = 4;
    const std::int64_t ic = geometry_.ic;
    run_team(threads, [&](const Worker& worker) {
      const Worker::Range panels = worker.share(layout_.panels());
      std::vector<float> filters, planes;
      for (std::int64_t p = panels.begin; p < panels.end; ++p) {
        const int width = layout_.width(p);
        const float* src = real_filters(weights, p * layout_.nr * ic * 9, columns_of(p) * ic * 9, filters);
        std::byte* panel = dst + layout_.offset(p) * layout_.step_bytes;
        for (std::int64_t first = 0; first < ic; first += kTogether) {
          const std::int64_t channels = std::min(kTogether, ic - first);
          const std::int64_t count = channels * width;
          planes.resize(static_cast<std::size_t>(grid_.planes * count));
          for (std::int64_t i = 0; i < channels; ++i) {
            winograd_filters(grid_.m, {.src = src + (first + i) * 9,
                                       .src_stride = ic * 9,
                                       .dst = planes.data() + i * width,
                                       .dst_plane = count,
                                       .count = static_cast<int>(columns_of(p)),
                                       .padded = width});
          }
          for (std::int64_t k = 0; k < grid_.planes; ++k) {
            const float* from = planes.data() + k * count;
            std::byte* to = panel + (k * ic + first) * width * layout_.step_bytes;
            if (layout_.step_bytes == sizeof(float)) {
              std::memcpy(to, from, static_cast<std::size_t>(count) * sizeof(float));
            } else {
              narrow_({.src = from, .dst = to, .count = count});
            }
          }
        }
      }
    });
  }
  // Weights [first, first + count) as f32, in `buffer` where they are not.
  static const float* real_filters(const Tensor& weights, std::int64_t first, std::int64_t count,
                                   std::vector<float>& buffer) {
    if (weights.dtype() == DType::f32) return weights.values<float>().data() + first;
    buffer.resize(static_cast<std::size_t>(count));
    visit_kernel_float(weights.dtype(), [&]<class T>() {
      const T* src = weights.values<T>().data() + first;
      for (std::int64_t i = 0; i < count; ++i)
        buffer[static_cast<std::size_t>(i)] = static_cast<float>(src[i]);
    });
    return buffer.data();
  }

  void transform_tile(const void* const* pixels, std::byte* dst, std::int64_t plane) const override {
    input_({.src = pixels,
            .dst = reinterpret_cast<float*>(dst),
            .plane = plane / kStepBytes,
            .channels = geometry_.ic});
  }

  void multiply_rows(const void* const* rows, const TileStrip& strip, std::int64_t plane, std::int64_t panel,
                     std::byte* sums, bool streams) const override {
    const int width = layout_.width(panel);
    GemmTile gemm{};
    gemm.a = rows;
    gemm.b = weights_.get() + (layout_.offset(panel) + plane * geometry_.ic * width) * layout_.step_bytes;
    gemm.ahead = gemm.b;
    if (streams && panel + 1 < layout_.panels()) {
      const std::int64_t next = geometry_.ic * layout_.width(panel + 1) * layout_.step_bytes;
      gemm.ahead =
          weights_.get() +
          (layout_.offset(panel + 1) + plane * geometry_.ic * layout_.width(panel + 1)) * layout_.step_bytes +
          next * strip.tile / strip.tiles;
      gemm.ahead_step = layout_.width(panel + 1) * layout_.step_bytes / strip.tiles;
    }
    gemm.taps = 1;
    gemm.depth = geometry_.ic;
    gemm.tiles = strip.count;
    gemm.dst = sums;
    gemm.real = true;
    gemm.dst_stride = width;
    gemm.columns = width;
    gemm.minimum = -std::numeric_limits<float>::infinity();
    gemm.maximum = std::numeric_limits<float>::infinity();
    kernels_.by_rows[layout_.half(panel) ? 0 : 1][strip.height](gemm);
  }

  void finish_tile(const std::byte* sums, std::int64_t plane, void* const* dst, const void* const* residual,
                   std::int64_t panel) const override {
    output_({.src = reinterpret_cast<const float*>(sums),
             .plane = plane / kStepBytes,
             .dst = dst,
             .residual = residual,
             .bias = bias_.empty() ? nullptr : bias_.data() + panel * layout_.nr,
             .channels = columns_of(panel),
             .minimum = epilogue_.minimum,
             .maximum = epilogue_.maximum});
  }

  const GemmKernels& kernels_;
  Epilogue epilogue_;
  std::vector<float> bias_;
  std::shared_ptr<const std::byte> weights_;
  WinogradInputFunction* input_ = nullptr;
  WinogradOutputFunction* output_ = nullptr;
  ConvertKernel* narrow_ = nullptr;  // of transformed weights, for f16
};

std::string reject(const NodeView& node, const Target&) {
  if (std::string reason = reject_conv_nhwc(node); !reason.empty()) return reason;
  return reject_winograd(conv_geometry(node));
}

template <std::int64_t M>
double cost(const NodeView& node, const Target& target) {
  return winograd_cost(conv_geometry(node), M, gemm_kernels(target.isa));
}

template <std::int64_t M>
std::unique_ptr<Executable> prepare(const NodeView& node, const PrepareContext& context) {
  return std::make_unique<ConvWinograd>(node, context, M);
}

}  // namespace

const Implementation conv_winograd4{"conv_winograd4", "F(4×4, 3×3): 4 times fewer multiplications", reject,
                                    prepare<4>, cost<4>};
const Implementation conv_winograd2{"conv_winograd2", "F(2×2, 3×3): 2.25 times fewer multiplications", reject,
                                    prepare<2>, cost<2>};

}  // namespace godwit::ops
