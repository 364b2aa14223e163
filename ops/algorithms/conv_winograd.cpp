// 3×3 convolution of stride 1 by Winograd's minimal filtering: transformed input tiles and weights meet in
// one GEMM for each of the (m + 2)² points, and the results are transformed back with the epilogue.
#include <algorithm>
#include <fmt/format.h>
#include <limits>
#include <vector>

#include "ops/algorithms/conv_cost.h"
#include "ops/algorithms/implementations.h"
#include "ops/algorithms/winograd.h"
#include "ops/algorithms/winograd_tiles.h"

namespace godwit::ops {
namespace {

class ConvWinograd final : public WinogradExecutable {
 public:
  ConvWinograd(const NodeView& node, const PrepareContext& context, std::int64_t m)
      : WinogradExecutable(
            conv_geometry(node), m, gemm_kernels(context.target.isa),
            {.depth = node.shape(0)[1],
             .src_bytes = sizeof(float),
             .dst_bytes = sizeof(float),
             .residual_index = node.epilogue.residual ? node.inputs.size() - 1 : 0},
            std::vector<std::byte>(static_cast<std::size_t>(node.shape(0)[1]) * sizeof(float))),
        kernels_(gemm_kernels(context.target.isa)),
        epilogue_(node.epilogue) {
    const Isa isa = context.target.isa;
    const bool small = m == 2;
    input_ = find_function<WinogradInputFunction>(
        small ? KernelFamily::winograd2_input : KernelFamily::winograd4_input, DType::f32, isa);
    output_ = find_function<WinogradOutputFunction>(
        small ? KernelFamily::winograd2_output : KernelFamily::winograd4_output, DType::f32, isa);
    const Tensor& weights = *node.inputs[1].constant;
    weights_ = context.weights.get(
        weights, fmt::format("winograd{}_panels_{}", m, layout_.nr), layout_.bytes(),
        [&](std::byte* dst) { pack(weights, context.threads, reinterpret_cast<float*>(dst)); });
    if (node.own_inputs() > 2 && node.has_input(2)) {
      const auto values = node.inputs[2].constant->values<float>();
      bias_.assign(values.begin(), values.end());
      bias_.resize(static_cast<std::size_t>(layout_.panels() * layout_.nr), 0.0F);
    }
  }

  bool reads_constant(std::size_t i) const override { return i > 2; }

 private:
  // (oc, ic, 3, 3) to panels of (planes, ic, nr), all columns of a panel at a time; threads share the panels.
  void pack(const Tensor& weights, int threads, float* dst) const {
    const Tensor resident = weights.resident();
    const float* src = resident.values<float>().data();
    const std::int64_t ic = geometry_.ic;
    run_team(threads, [&](const Worker& worker) {
      const Worker::Range panels = worker.share(layout_.panels());
      for (std::int64_t p = panels.begin; p < panels.end; ++p) {
        const int width = layout_.width(p);
        for (std::int64_t i = 0; i < ic; ++i) {
          winograd_filters(grid_.m, {.src = src + (p * layout_.nr * ic + i) * 9,
                                     .src_stride = ic * 9,
                                     .dst = dst + layout_.offset(p) + i * width,
                                     .dst_plane = ic * width,
                                     .count = static_cast<int>(columns_of(p)),
                                     .padded = width});
        }
      }
    });
  }

  void transform_tile(const void* const* pixels, std::byte* dst, std::int64_t plane) const override {
    const float* src[kMaxPlanes];
    for (std::int64_t i = 0; i < grid_.planes; ++i) src[i] = static_cast<const float*>(pixels[i]);
    input_({.src = src,
            .dst = reinterpret_cast<float*>(dst),
            .plane = plane / kStepBytes,
            .channels = geometry_.ic});
  }

  void multiply_rows(const void* const* rows, int height, std::int64_t plane, std::int64_t panel,
                     std::byte* sums) const override {
    const int width = layout_.width(panel);
    GemmTile gemm{};
    gemm.a = rows;
    gemm.b =
        reinterpret_cast<const float*>(weights_.get()) + layout_.offset(panel) + plane * geometry_.ic * width;
    gemm.taps = 1;
    gemm.depth = geometry_.ic;
    gemm.dst = reinterpret_cast<float*>(sums);
    gemm.dst_stride = width;
    gemm.columns = width;
    gemm.minimum = -std::numeric_limits<float>::infinity();
    gemm.maximum = std::numeric_limits<float>::infinity();
    kernels_.by_rows[layout_.half(panel) ? 0 : 1][height](gemm);
  }

  void finish_tile(const std::byte* sums, std::int64_t plane, void* const* dst, const void* const* residual,
                   std::int64_t panel) const override {
    float* to[kMaxOutputs];
    const float* added[kMaxOutputs];
    for (std::int64_t i = 0; i < grid_.m * grid_.m; ++i) {
      to[i] = static_cast<float*>(dst[i]);
      added[i] = residual == nullptr ? nullptr : static_cast<const float*>(residual[i]);
    }
    output_({.src = reinterpret_cast<const float*>(sums),
             .plane = plane / kStepBytes,
             .dst = to,
             .residual = residual == nullptr ? nullptr : added,
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
};

std::string reject(const NodeView& node, const Target&) {
  if (std::string reason = reject_conv_nhwc(node); !reason.empty()) return reason;
  return reject_winograd(conv_geometry(node));
}

template <std::int64_t M>
double cost(const NodeView& node, const Target& target) {
  return winograd_cost(conv_geometry(node), M, target.isa);
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
