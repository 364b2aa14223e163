// Packs 8-bit weights into panels of 32-bit steps and runs tiles over them.
#include "ops/algorithms/gemm_quantized.h"

#include <algorithm>
#include <cstring>
#include <fmt/format.h>
#include <numeric>

namespace godwit::ops {

void read_ahead(const std::byte* next, std::int64_t bytes, const TileStrip& strip, QuantizedTile& tile) {
  std::int64_t turns = tile.taps * tile.depth;  // of the kernel's loop
  if (tile.groups != nullptr)
    turns = std::accumulate(tile.groups, tile.groups + tile.taps * kLargestGroup, 0);
  tile.ahead = next + bytes * strip.tile / strip.tiles;
  tile.ahead_step = (bytes / strip.tiles + turns - 1) / turns;
  tile.ahead_tile = bytes / strip.tiles;
}

void run_gemm_strip(const QuantizedGemmCall& call, const void* const* pointers, const TileStrip& strip,
                    std::int64_t begin, std::int64_t end) {
  const PanelLayout layout{call.shape.columns, call.shape.inner(), call.tiles->nr};
  const std::int64_t size = call.finish->real ? 4 : 1;
  QuantizedTile tile{};
  tile.a = pointers;
  tile.finish = call.finish;
  tile.taps = call.shape.taps;
  tile.depth = call.shape.depth;
  tile.tiles = strip.count;
  tile.residual_stride = call.residual_stride;
  tile.dst_stride = call.dst_stride;
  const bool streams = reads_ahead(layout, begin, end);
  for (std::int64_t p = begin; p < end; ++p) {
    const std::int64_t column = p * layout.nr;
    tile.b = call.weights + layout.offset(p) * kStepBytes;
    if (call.steps != nullptr) {
      tile.steps = call.steps + p * layout.inner;
      tile.groups = call.groups + p * call.shape.taps * kLargestGroup;
    }
    if (streams) {
      const std::int64_t next = layout.nr * layout.inner * kStepBytes;
      read_ahead(static_cast<const std::byte*>(tile.b) + next, next, strip, tile);
    }
    tile.bias = call.bias + column;
    tile.scale = call.scale + column;
    tile.residual =
        call.residual == nullptr ? nullptr : call.residual + strip.row * call.residual_stride + column;
    tile.dst = static_cast<std::byte*>(call.dst) + (strip.row * call.dst_stride + column) * size;
    tile.columns = std::min<std::int64_t>(layout.width(p), layout.columns - column);
    call.kernels().by_rows[layout.half(p) ? 0 : 1][strip.height](tile);
  }
}

void copy_numbers(const QuantizedGemmKernels& kernels, ConvertKernel* widen, const std::uint8_t* src,
                  std::int64_t numbers, std::byte* dst) {
  if (kernels.kr == 2) {
    auto* wide = reinterpret_cast<std::int16_t*>(dst);
    widen({.src = src, .dst = wide, .count = numbers});
    if (numbers % 2 != 0) wide[numbers] = 0;
  } else {
    std::memcpy(dst, src, static_cast<std::size_t>(numbers));
    const std::int64_t whole = steps_of(numbers, kernels.kr) * kernels.kr;
    std::memset(dst + numbers, 0, static_cast<std::size_t>(whole - numbers));
  }
}

void look_at(const std::int8_t* weights, std::int64_t count, WeightFacts& facts) {
  std::int32_t sum = 0;
  for (std::int64_t k = 0; k < count; ++k) sum += weights[k];
  facts.sums.back() += sum;
  // 16-bit elements, which compilers make vectors of.
  std::int16_t largest = 0, least = 0;
  for (std::int64_t k = 0; k + 1 < count; k += 2) {
    const std::int16_t first = weights[k], second = weights[k + 1];
    constexpr std::int16_t kZero = 0;
    largest = std::max(largest, static_cast<std::int16_t>(std::max(first, kZero) + std::max(second, kZero)));
    least = std::min(least, static_cast<std::int16_t>(std::min(first, kZero) + std::min(second, kZero)));
  }
  facts.pairs_fit &= pair_fits(largest, 0) && pair_fits(least, 0);
}

std::string QuantizedWeights::packed_format(const std::string& format) const {
  return fmt::format("{}_{}x{}{}", format, kernels_.nr, kernels_.kr, grouped_ ? "_grouped" : "");
}

std::size_t QuantizedWeights::group_bytes() const {
  const std::size_t order = grouped_ ? (order_steps() + order_groups()) * sizeof(std::uint16_t) : 0;
  return (layout_.bytes() + order + kAlignment - 1) / kAlignment * kAlignment;
}

void QuantizedWeights::set_channels(const NodeView& node, const Sizes& sizes,
                                    const std::vector<std::int64_t>& weight_sums) {
  const QuantizedChannels channels = quantized_channels(node, weight_sums);
  finish_.stores_clamp = stores_clamp(finish_, channels.scale);
  const std::int64_t padded = layout_.panels() * layout_.nr;
  bias_.resize(static_cast<std::size_t>(padded * sizes.groups), 0);
  scale_.resize(bias_.size(), 0.0F);
  for (std::int64_t g = 0; g < sizes.groups; ++g) {
    std::copy_n(channels.bias.begin() + g * sizes.columns, sizes.columns, bias_.begin() + g * padded);
    std::copy_n(channels.scale.begin() + g * sizes.columns, sizes.columns, scale_.begin() + g * padded);
  }
}

void QuantizedWeights::set(QuantizedGemmCall& call, std::int64_t group) const {
  const std::int64_t padded = layout_.panels() * layout_.nr;
  call.weights = panels_.get() + static_cast<std::size_t>(group) * group_bytes();
  if (grouped_) {
    call.steps = reinterpret_cast<const std::uint16_t*>(call.weights + layout_.bytes());
    call.groups = call.steps + order_steps();
  }
  call.bias = bias_.data() + group * padded;
  call.scale = scale_.data() + group * padded;
  call.finish = &finish_;
}

}  // namespace godwit::ops
