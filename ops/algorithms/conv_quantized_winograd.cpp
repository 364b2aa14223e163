// 3×3 convolution of 8-bit numbers by Winograd's F(2×2, 3×3) in 16-bit numbers: 2.25 times fewer
// multiplications and exactly the same sums. For kernels that multiply 16-bit pairs; those that take four
// 8-bit numbers at a step are as fast without it.
#include <algorithm>
#include <cstring>
#include <fmt/format.h>
#include <vector>

#include "ops/algorithms/conv_cost.h"
#include "ops/algorithms/gemm_quantized.h"
#include "ops/algorithms/implementations.h"
#include "ops/algorithms/winograd_tiles.h"
#include "ops/quantized.h"

namespace godwit::ops {
namespace {

using In = QuantizedOperand;

constexpr std::int64_t kWholeVectors = 32;    // 16-bit numbers in the widest vector of any ISA
constexpr std::int64_t kMostChannels = 1824;  // 4 · 9 · 255 · 128 · 1824 < 2^31

class ConvQuantizedWinograd final : public WinogradExecutable {
 public:
  ConvQuantizedWinograd(const NodeView& node, const PrepareContext& context)
      : WinogradExecutable(
            conv_geometry(RealConv(node).view()), 2, quantized_gemm_kernels(context.target.isa),
            {.depth = node.shape(In::src)[1] / 2,
             .src_bytes = 1,
             .dst_bytes = node.outputs[0].dtype == DType::f32 ? 4 : 1,
             .residual_index = node.epilogue.residual ? node.inputs.size() - 1 : 0},
            std::vector<std::byte>(static_cast<std::size_t>(node.shape(In::src)[1]),
                                   static_cast<std::byte>(constant_zero_point(node, In::src_zero_point)))),
        kernels_(quantized_gemm_kernels(context.target.isa)),
        finish_(quantized_finish(node, constant_operands(node, QuantizedOperand::weights))),
        input_(find_function<ByteWinogradInputFunction>(KernelFamily::winograd2_input, DType::u8,
                                                        context.target.isa)),
        output_(find_function<ByteWinogradOutputFunction>(KernelFamily::winograd2_output, DType::u8,
                                                          context.target.isa)) {
    const Tensor& weights = *node.inputs[In::weights].constant;
    const Tensor resident = weights.resident();
    const std::int8_t* src = resident.values<std::int8_t>().data();
    weights_ = context.weights.get(
        weights, fmt::format("quantized_winograd2_{}", layout_.nr), layout_.bytes(),
        [&](std::byte* dst) { pack(src, context.threads, reinterpret_cast<std::int16_t*>(dst)); });
    WeightFacts facts;
    const std::int64_t inner = geometry_.ic * geometry_.taps();
    for (std::int64_t i = 0; i < geometry_.oc; ++i) {
      facts.sums.push_back(0);
      look_at(src + i * inner, inner, facts);
    }
    channels_ = quantized_channels(node, facts.sums);
    channels_.bias.resize(static_cast<std::size_t>(layout_.panels() * layout_.nr), 0);
    channels_.scale.resize(channels_.bias.size(), 0.0F);
  }

  bool reads_constant(std::size_t) const override { return false; }

 private:
  // U = G g Gᵀ of one filter, G scaled by 2: (16) from (3, 3).
  static void transform_filter(const std::int8_t* g, std::int16_t* u) {
    int rows[4][3];
    for (int j = 0; j < 3; ++j) {
      const int a = g[j], b = g[3 + j], c = g[6 + j];
      rows[0][j] = 2 * a;
      rows[1][j] = a + b + c;
      rows[2][j] = a - b + c;
      rows[3][j] = 2 * c;
    }
    for (int i = 0; i < 4; ++i) {
      const int a = rows[i][0], b = rows[i][1], c = rows[i][2];
      u[i * 4] = static_cast<std::int16_t>(2 * a);
      u[i * 4 + 1] = static_cast<std::int16_t>(a + b + c);
      u[i * 4 + 2] = static_cast<std::int16_t>(a - b + c);
      u[i * 4 + 3] = static_cast<std::int16_t>(2 * c);
    }
  }

  // (oc, ic, 3, 3) to panels of (planes, ic / 2, nr, 2); threads share the panels.
  void pack(const std::int8_t* src, int threads, std::int16_t* dst) const {
    const std::int64_t ic = geometry_.ic;
    run_team(threads, [&](const Worker& worker) {
      const Worker::Range panels = worker.share(layout_.panels());
      for (std::int64_t p = panels.begin; p < panels.end; ++p) {
        const std::int64_t width = layout_.width(p);
        std::int16_t* panel = dst + layout_.offset(p) * 2;
        // In the order of the planes, which are written line by line.
        for (std::int64_t i = 0; i < ic; i += 2) {
          for (std::int64_t c = 0; c < width; ++c) {
            std::int16_t u[2][16] = {};
            const std::int8_t* filters = src + ((p * layout_.nr + c) * ic + i) * 9;
            for (int j = 0; j < 2 && c < columns_of(p); ++j) transform_filter(filters + j * 9, u[j]);
            for (std::int64_t plane = 0; plane < 16; ++plane) {
              const std::int16_t step[2] = {u[0][plane], u[1][plane]};
              std::memcpy(panel + (plane * ic / 2 + i / 2) * width * 2 + c * 2, step, sizeof step);
            }
          }
        }
      }
    });
  }

  void transform_tile(const void* const* pixels, std::byte* dst, std::int64_t plane) const override {
    const std::uint8_t* src[16];
    for (std::size_t i = 0; i < 16; ++i) src[i] = static_cast<const std::uint8_t*>(pixels[i]);
    input_({.src = src,
            .dst = reinterpret_cast<std::int16_t*>(dst),
            .plane = plane / 2,
            .channels = geometry_.ic});
  }

  void multiply_rows(const void* const* rows, const TileStrip& strip, std::int64_t plane, std::int64_t panel,
                     std::byte* sums, bool /*streams*/) const override {
    const int width = layout_.width(panel);
    QuantizedTile tile{};
    tile.a = rows;
    tile.b = weights_.get() + (layout_.offset(panel) + plane * numbers_.depth * width) * kStepBytes;
    tile.taps = 1;
    tile.depth = numbers_.depth;
    tile.tiles = strip.count;
    tile.dst = sums;
    tile.dst_stride = width;
    tile.columns = width;
    kernels_.by_rows[layout_.half(panel) ? 0 : 1][strip.height](tile);
  }

  void finish_tile(const std::byte* sums, std::int64_t plane, void* const* dst, const void* const* residual,
                   std::int64_t panel) const override {
    const std::uint8_t* added[4];
    for (std::size_t i = 0; i < 4; ++i) {
      added[i] = residual == nullptr ? nullptr : static_cast<const std::uint8_t*>(residual[i]);
    }
    output_({.src = reinterpret_cast<const std::int32_t*>(sums),
             .plane = plane / kStepBytes,
             .dst = dst,
             .residual = residual == nullptr ? nullptr : added,
             .bias = channels_.bias.data() + panel * layout_.nr,
             .scale = channels_.scale.data() + panel * layout_.nr,
             .finish = &finish_,
             .channels = columns_of(panel)});
  }

  const QuantizedGemmKernels& kernels_;
  QuantizedFinish finish_;
  QuantizedChannels channels_;
  std::shared_ptr<const std::byte> weights_;
  ByteWinogradInputFunction* input_;
  ByteWinogradOutputFunction* output_;
};

std::string reject(const NodeView& node, const Target& target) {
  if (std::string reason = reject_quantized(node); !reason.empty()) return reason;
  if (node.input(In::src).layout != Layout::nhwc || node.outputs[0].layout != Layout::nhwc)
    return "needs nhwc tensors";
  if (node.epilogue.residual && node.inputs.back().desc->layout != Layout::nhwc)
    return "needs an nhwc residual";
  const ConvGeometry g = conv_geometry(RealConv(node).view());
  if (std::string reason = reject_winograd(g); !reason.empty()) return reason;
  if (g.ic % kWholeVectors != 0) return "needs a multiple of 32 input channels";
  if (g.ic > kMostChannels)
    return "is for at most 1824 input channels, whose sums 32 bits hold four times over";
  if (quantized_gemm_kernels(target.isa).kr != 2) return "is for kernels that multiply 16-bit numbers";
  return {};
}

}  // namespace

const Implementation conv_quantized_winograd2{
    "conv_quantized_winograd2",
    "F(2×2, 3×3) in 16-bit numbers: 2.25 times fewer multiplications, the same sums", reject,
    [](const NodeView& node, const PrepareContext& context) -> std::unique_ptr<Executable> {
      return std::make_unique<ConvQuantizedWinograd>(node, context);
    },
    [](const NodeView& node, const Target& target) {
      return winograd_cost(conv_geometry(RealConv(node).view()), 2, gemm_kernels(target.isa));
    }};

}  // namespace godwit::ops
