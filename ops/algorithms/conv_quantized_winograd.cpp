// 3×3 convolution of 8-bit numbers by Winograd's F(2×2, 3×3) and F(4×4, 3×3) in 16-bit numbers: 2.25 and 4
// times fewer multiplications and exactly the same sums. For kernels that multiply 16-bit pairs; those that
// take four 8-bit numbers at a step are as fast without it.
#include <algorithm>
#include <array>
#include <cstring>
#include <fmt/format.h>
#include <span>
#include <vector>

#include "ops/algorithms/conv_cost.h"
#include "ops/algorithms/gemm_quantized.h"
#include "ops/algorithms/implementations.h"
#include "ops/algorithms/winograd_tiles.h"
#include "ops/quantized.h"

namespace godwit::ops {
namespace {

using In = QuantizedOperand;

constexpr std::int64_t kWholeVectors = 32;                   // 16-bit numbers in the widest vector of any ISA
constexpr std::int64_t kMostChannels = 1824;                 // 4 · 9 · 255 · 128 · 1824 < 2^31
constexpr std::int64_t kLargestSum = std::int64_t{1} << 25;  // of F(4×4, 3×3), exclusive

// Many columns next to each other: a panel's, two input channels of each.
constexpr std::size_t kLanes = 64;
using Lanes = std::array<std::int16_t, kLanes>;

// G g of one column or row of three, G scaled as ops/kernels/quantized_winograd/quantized_winograd.h says: m
// + 2 numbers.
template <int m>
void scale_and_transform(const Lanes& a, const Lanes& b, const Lanes& c, std::size_t lanes, Lanes* t) {
  for (std::size_t i = 0; i < lanes; ++i) {
    const int sum = a[i] + c[i];
    const auto set = [&t, i](std::size_t row, int value) { t[row][i] = static_cast<std::int16_t>(value); };
    constexpr int kFirst = m == 2 ? 2 : 1;
    set(0, kFirst * a[i]);
    set(1, sum + b[i]);
    set(2, sum - b[i]);
    if constexpr (m == 4) {
      const int weighted = a[i] + 4 * c[i];
      set(3, weighted + 2 * b[i]);
      set(4, weighted - 2 * b[i]);
    }
    set(m + 1, kFirst * c[i]);
  }
}

// U = G g Gᵀ: (m + 2)² planes from 3 · 3.
template <int m>
void transform_filters(const Lanes* g, std::size_t lanes, Lanes* u) {
  constexpr std::size_t kEdge = m + 2;
  Lanes columns[3][kEdge];  // of G g
  for (std::size_t j = 0; j < 3; ++j) scale_and_transform<m>(g[j], g[3 + j], g[6 + j], lanes, columns[j]);
  for (std::size_t i = 0; i < kEdge; ++i)
    scale_and_transform<m>(columns[0][i], columns[1][i], columns[2][i], lanes, u + i * kEdge);
}

// The largest sum of products with u8 that any channel can reach; weights (oc, inner).
std::int64_t largest_sum(std::span<const std::int8_t> weights, std::int64_t channels) {
  const std::size_t inner = weights.size() / static_cast<std::size_t>(channels);
  std::int64_t largest = 0;
  for (std::size_t first = 0; first < weights.size(); first += inner) {
    std::int32_t positive = 0, negative = 0;
    for (const std::int8_t weight : weights.subspan(first, inner)) {
      positive += std::max<std::int32_t>(weight, 0);
      negative -= std::min<std::int32_t>(weight, 0);
    }
    largest = std::max<std::int64_t>(largest, std::max(positive, negative));
  }
  return 255 * largest;
}

class ConvQuantizedWinograd final : public WinogradExecutable {
 public:
  ConvQuantizedWinograd(const NodeView& node, const PrepareContext& context, std::int64_t m)
      : WinogradExecutable(
            conv_geometry(RealConv(node).view()), m, quantized_gemm_kernels(context.target.isa),
            {.depth = node.shape(In::src)[1] / 2,
             .src_bytes = 1,
             .dst_bytes = node.outputs[0].dtype == DType::f32 ? 4 : 1,
             .residual_index = node.epilogue.residual ? node.inputs.size() - 1 : 0},
            std::vector<std::byte>(static_cast<std::size_t>(node.shape(In::src)[1]),
                                   static_cast<std::byte>(constant_zero_point(node, In::src_zero_point)))),
        kernels_(quantized_gemm_kernels(context.target.isa)),
        finish_(quantized_finish(node, constant_operands(node, QuantizedOperand::weights))),
        input_(
            find_function(m == 2 ? families::quantized_winograd2_input : families::quantized_winograd4_input,
                          DType::u8, context.target.isa)),
        output_(find_function(
            m == 2 ? families::quantized_winograd2_output : families::quantized_winograd4_output, DType::u8,
            context.target.isa)) {
    const Tensor& weights = *node.inputs[In::weights].constant;
    const Tensor resident = weights.resident();
    const std::int8_t* src = resident.values<std::int8_t>().data();
    weights_ = context.weights.get(
        weights, fmt::format("quantized_winograd{}_{}", m, layout_.nr), layout_.bytes(),
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
  // (oc, ic, 3, 3) to panels of (planes, ic / 2, nr, 2), all columns of a panel at a time; threads share the
  // panels.
  void pack(const std::int8_t* src, int threads, std::int16_t* dst) const {
    const std::int64_t ic = geometry_.ic;
    run_team(threads, [&](const Worker& worker) {
      const Worker::Range panels = worker.share(layout_.panels());
      std::vector<Lanes> filters(9), planes(kMaxPlanes);
      for (std::int64_t p = panels.begin; p < panels.end; ++p) {
        const auto lanes = static_cast<std::size_t>(layout_.width(p) * 2);
        std::int16_t* panel = dst + layout_.offset(p) * 2;
        for (std::int64_t i = 0; i < ic; i += 2) {
          for (std::int64_t c = 0; c < columns_of(p); ++c) {
            const std::int8_t* filter = src + ((p * layout_.nr + c) * ic + i) * 9;
            for (std::size_t tap = 0; tap < 18; ++tap)
              filters[tap % 9][static_cast<std::size_t>(c) * 2 + tap / 9] = filter[tap];
          }
          // Columns that fill the panel up have no weights.
          for (Lanes& tap : filters) std::fill(tap.begin() + columns_of(p) * 2, tap.end(), std::int16_t{0});
          (grid_.m == 2 ? transform_filters<2> : transform_filters<4>)(filters.data(), lanes, planes.data());
          for (std::int64_t plane = 0; plane < grid_.planes; ++plane) {
            std::memcpy(panel + (plane * ic + i) * layout_.width(p),
                        planes[static_cast<std::size_t>(plane)].data(), lanes * sizeof(std::int16_t));
          }
        }
      }
    });
  }

  void transform_tile(const void* const* pixels, std::byte* dst, std::int64_t plane) const override {
    const std::uint8_t* src[kMaxPlanes];
    for (std::size_t i = 0; i < static_cast<std::size_t>(grid_.planes); ++i)
      src[i] = static_cast<const std::uint8_t*>(pixels[i]);
    input_({.src = src,
            .dst = reinterpret_cast<std::int16_t*>(dst),
            .plane = plane / 2,
            .channels = geometry_.ic});
  }

  void multiply_rows(const void* const* rows, const TileStrip& strip, std::int64_t plane, std::int64_t panel,
                     std::byte* sums, bool streams) const override {
    const int width = layout_.width(panel);
    QuantizedTile tile{};
    tile.a = rows;
    tile.b = weights_.get() + (layout_.offset(panel) + plane * numbers_.depth * width) * kStepBytes;
    tile.taps = 1;
    tile.depth = numbers_.depth;
    tile.tiles = strip.count;
    if (streams && panel + 1 < layout_.panels()) {
      const std::int64_t next = numbers_.depth * layout_.width(panel + 1) * kStepBytes;
      read_ahead(weights_.get() + layout_.offset(panel + 1) * kStepBytes + plane * next, next, strip, tile);
    }
    tile.dst = sums;
    tile.dst_stride = width;
    tile.columns = width;
    kernels_.by_rows[layout_.half(panel) ? 0 : 1][strip.height](tile);
  }

  void finish_tile(const std::byte* sums, std::int64_t plane, void* const* dst, const void* const* residual,
                   std::int64_t panel) const override {
    const std::uint8_t* added[kMaxOutputs];
    for (std::size_t i = 0; i < static_cast<std::size_t>(grid_.m * grid_.m); ++i) {
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
  if (std::string reason = reject_volume(node); !reason.empty()) return reason;
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

std::string reject4(const NodeView& node, const Target& target) {
  if (std::string reason = reject(node, target); !reason.empty()) return reason;
  const Tensor weights = node.inputs[In::weights].constant->resident();
  if (largest_sum(weights.values<std::int8_t>(), weights.shape()[0]) >= kLargestSum)
    return "needs sums of products below 2^25";
  return {};
}

template <std::int64_t m>
std::unique_ptr<Executable> prepare(const NodeView& node, const PrepareContext& context) {
  return std::make_unique<ConvQuantizedWinograd>(node, context, m);
}

template <std::int64_t m>
double cost(const NodeView& node, const Target& target) {
  return quantized_winograd_cost(conv_geometry(RealConv(node).view()), m, quantized_gemm_kernels(target.isa));
}

}  // namespace

const Implementation conv_quantized_winograd2{
    "conv_quantized_winograd2",
    "F(2×2, 3×3) in 16-bit numbers: 2.25 times fewer multiplications, the same sums", reject, prepare<2>,
    cost<2>};

const Implementation conv_quantized_winograd4{
    "conv_quantized_winograd4", "F(4×4, 3×3) in 16-bit numbers: 4 times fewer multiplications, the same sums",
    reject4, prepare<4>, cost<4>};

}  // namespace godwit::ops
