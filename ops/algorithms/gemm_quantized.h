// The blocked GEMM on 8-bit numbers: what it takes beside the driver in gemm.h, and its packed weights.
#pragma once

#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "ops/algorithms/gemm.h"
#include "ops/algorithms/step_groups.h"
#include "ops/implementation.h"
#include "ops/quantization.h"
#include "ops/quantized.h"

namespace godwit::ops {

struct QuantizedGemmCall : GemmWork {
  const QuantizedGemmKernels& kernels() const { return static_cast<const QuantizedGemmKernels&>(*tiles); }
  std::int64_t numbers = 0;  // of a row of A as it lies, u8, where rows are copied
  ConvertKernel* widen = nullptr;
  const std::byte* weights = nullptr;    // panels
  const std::uint16_t* steps = nullptr;  // of all panels, as QuantizedTile's
  const std::uint16_t* groups = nullptr;
  const std::int32_t* bias = nullptr;  // padded to whole panels
  const float* scale = nullptr;        // padded to whole panels
  const std::uint8_t* residual = nullptr;
  std::int64_t residual_stride = 0;
  void* dst = nullptr;
  std::int64_t dst_stride = 0;
  const QuantizedFinish* finish = nullptr;
};

// Lets a strip bring its part of the next panel's `bytes` to the L2; taps, depth and groups are set.
void read_ahead(const std::byte* next, std::int64_t bytes, const TileStrip& strip, QuantizedTile& tile);

void run_gemm_strip(const QuantizedGemmCall& call, const void* const* pointers, const TileStrip& strip,
                    std::int64_t begin, std::int64_t end);
// `numbers` u8 to what the kernels read: widened to s16 where kr is 2, filled up with zeros to whole steps.
void copy_numbers(const QuantizedGemmKernels& kernels, ConvertKernel* widen, const std::uint8_t* src,
                  std::int64_t numbers, std::byte* dst);
inline void copy_row(const QuantizedGemmCall& call, const void* src, void* dst) {
  copy_numbers(call.kernels(), call.widen, static_cast<const std::uint8_t*>(src), call.numbers,
               static_cast<std::byte*>(dst));
}

// Facts about weights before they are packed.
struct WeightFacts {
  std::vector<std::int64_t> sums;  // of each column, group by group
  bool pairs_fit = true;           // pair_fits() for all neighbours 2i and 2i + 1 of the inner dimension
};
// Adds one run of `count` weights, the last element of `sums` being their column's.
void look_at(const std::int8_t* weights, std::int64_t count, WeightFacts& facts);

// Weights and channels of one node on 8-bit numbers, in the form that kernels take: for each of `groups`
// panels of (taps, steps, nr), channels padded to whole panels.
class QuantizedWeights {
 public:
  struct Sizes {
    std::int64_t groups = 1, columns = 0;  // of one group
    std::int64_t taps = 1, numbers = 0;    // of the inner dimension
    bool in_order = false;                 // steps must not be grouped
  };
  // index(group, column, tap, number): where in the operand that weight lies; index.stride(): how far from
  // one number to the next, or 0 where that differs.
  template <class Index>
  QuantizedWeights(const NodeView& node, const PrepareContext& context, const Sizes& sizes,
                   const std::string& format, const Index& index)
      : QuantizedWeights(node, context, sizes, facts_of(node, sizes, index), format, index) {}

  // The kernels that such weights will probably be packed for, judged by the first columns.
  template <class Index>
  static const QuantizedGemmKernels& probable_kernels(const NodeView& node, Isa isa, Sizes sizes,
                                                      const Index& index) {
    if (maddubs_kernels(isa) == nullptr) return quantized_gemm_kernels(isa);
    sizes.groups = 1;
    sizes.columns = std::min<std::int64_t>(sizes.columns, maddubs_kernels(isa)->nr);
    return kernels_for(node, isa, sizes, facts_of(node, sizes, index), index);
  }
  // Those that they are packed for: where all their pairs fit into 16 bits those of maddubs_kernels(), or of
  // maddubs_group_kernels() where enough steps go together.
  const QuantizedGemmKernels& kernels() const { return kernels_; }
  const PanelLayout& layout() const { return layout_; }
  // Weights, bias, scale and finish of one group.
  void set(QuantizedGemmCall& call, std::int64_t group) const;

 private:
  template <class Index>
  QuantizedWeights(const NodeView& node, const PrepareContext& context, const Sizes& sizes,
                   const WeightFacts& facts, const std::string& format, const Index& index)
      : kernels_(kernels_for(node, context.target.isa, sizes, facts, index)),
        grouped_(kernels_.full->family == KernelFamily::gemm_maddubs_groups),
        taps_(sizes.taps),
        layout_{sizes.columns, sizes.taps * steps_of(sizes.numbers, kernels_.kr), kernels_.nr},
        finish_(quantized_finish(node, constant_operands(node, QuantizedOperand::weights))) {
    const Tensor& weights = *node.inputs[QuantizedOperand::weights].constant;
    const Tensor resident = weights.resident();
    const auto* src = resident.values<std::int8_t>().data();
    panels_ = context.weights.get(
        weights, packed_format(format), group_bytes() * static_cast<std::size_t>(sizes.groups),
        [&](std::byte* dst) {
          for (std::int64_t g = 0; g < sizes.groups; ++g, dst += group_bytes()) {
            const auto weight = [&](std::int64_t column, std::int64_t tap, std::int64_t k) {
              return src[index(g, column, tap, k)];
            };
            pack(sizes, context.threads, weight, dst);
          }
        });
    set_channels(node, sizes, facts.sums);
  }

  template <class Index>
  static WeightFacts facts_of(const NodeView& node, const Sizes& sizes, const Index& index) {
    const Tensor weights = node.inputs[QuantizedOperand::weights].constant->resident();
    const auto* src = weights.values<std::int8_t>().data();
    std::vector<std::int8_t> run(static_cast<std::size_t>(sizes.numbers));
    WeightFacts facts;
    for (std::int64_t g = 0; g < sizes.groups; ++g) {
      for (std::int64_t column = 0; column < sizes.columns; ++column) {
        facts.sums.push_back(0);
        for (std::int64_t tap = 0; tap < sizes.taps; ++tap) {
          const std::int8_t* first = src + index(g, column, tap, 0);
          if (index.stride() == 1) {
            look_at(first, sizes.numbers, facts);
            continue;
          }
          for (std::int64_t k = 0; k < sizes.numbers; ++k) {
            run[static_cast<std::size_t>(k)] =
                index.stride() == 0 ? src[index(g, column, tap, k)] : first[k * index.stride()];
          }
          look_at(run.data(), sizes.numbers, facts);
        }
      }
    }
    return facts;
  }

  template <class Index>
  static const QuantizedGemmKernels& kernels_for(const NodeView& node, Isa isa, const Sizes& sizes,
                                                 const WeightFacts& facts, const Index& index) {
    if (maddubs_kernels(isa) == nullptr || !facts.pairs_fit) return quantized_gemm_kernels(isa);
    if (sizes.in_order) return *maddubs_kernels(isa);
    const QuantizedGemmKernels& groups = *maddubs_group_kernels(isa);
    const PanelLayout layout{sizes.columns, sizes.taps * steps_of(sizes.numbers, groups.kr), groups.nr};
    const std::int64_t depth = layout.inner / sizes.taps;
    if (depth > kMostGroupedSteps) return *maddubs_kernels(isa);
    const Tensor weights = node.inputs[QuantizedOperand::weights].constant->resident();
    const auto* src = weights.values<std::int8_t>().data();
    // A few runs of steps stand for all.
    GroupedShare share;
    std::vector<std::byte> steps(static_cast<std::size_t>(depth * groups.nr * kStepBytes));
    for (const auto& [panel, tap] : {std::pair{std::int64_t{0}, std::int64_t{0}},
                                     {layout.panels() / 2, sizes.taps / 2},
                                     {layout.panels() - 1, sizes.taps - 1}}) {
      const auto weight = [&](std::int64_t column, std::int64_t at, std::int64_t k) {
        return src[index(0, column, at, k)];
      };
      const Run run{panel * layout.nr,
                    std::min<std::int64_t>(layout.width(panel), sizes.columns - panel * layout.nr),
                    layout.width(panel), tap};
      pack_steps(sizes, groups.kr, weight, run, steps.data());
      share.add(steps.data(), depth, layout.width(panel));
    }
    return share.is_faster() ? groups : *maddubs_kernels(isa);
  }
  std::string packed_format(const std::string& format) const;
  // One group's panels and, for gemm_maddubs_groups, the order of their steps and how many of them go
  // together, as QuantizedTile has them.
  std::size_t order_steps() const { return static_cast<std::size_t>(layout_.panels() * layout_.inner); }
  std::size_t order_groups() const {
    return static_cast<std::size_t>(layout_.panels() * taps_ * kLargestGroup);
  }
  std::size_t group_bytes() const;
  void set_channels(const NodeView& node, const Sizes& sizes, const std::vector<std::int64_t>& weight_sums);

  // One panel's columns, `width` of them with those that fill it up, at one tap.
  struct Run {
    std::int64_t first, columns;
    int width;
    std::int64_t tap;
  };
  // Returns where its steps end.
  template <class Weight>
  static std::byte* pack_steps(const Sizes& sizes, int kr, const Weight& weight, const Run& run,
                               std::byte* to) {
    for (std::int64_t k = 0; k < sizes.numbers; k += kr) {
      const auto count = static_cast<int>(std::min<std::int64_t>(kr, sizes.numbers - k));
      for (int c = 0; c < run.width; ++c, to += kStepBytes) {
        std::int8_t narrow[4] = {};
        for (int j = 0; j < count && c < run.columns; ++j) narrow[j] = weight(run.first + c, run.tap, k + j);
        const std::int16_t wide[2] = {narrow[0], narrow[1]};
        std::memcpy(to, kr == 2 ? static_cast<const void*>(wide) : narrow, kStepBytes);
      }
    }
    return to;
  }

  // One group's weight(column, tap, number) as panels.
  template <class Weight>
  void pack(const Sizes& sizes, int threads, const Weight& weight, std::byte* dst) const {
    auto* steps = reinterpret_cast<std::uint16_t*>(dst + layout_.bytes());
    std::uint16_t* groups = steps + order_steps();
    const std::int64_t depth = layout_.inner / taps_;
    run_team(threads, [&](const Worker& worker) {
      const Worker::Range panels = worker.share(layout_.panels());
      for (std::int64_t p = panels.begin; p < panels.end; ++p) {
        const int width = layout_.width(p);
        std::byte* to = dst + layout_.offset(p) * kStepBytes;
        for (std::int64_t tap = 0; tap < sizes.taps; ++tap) {
          const Run run{p * layout_.nr, std::min<std::int64_t>(width, sizes.columns - p * layout_.nr), width,
                        tap};
          std::byte* begin = std::exchange(to, pack_steps(sizes, kernels_.kr, weight, run, to));
          if (!grouped_) continue;
          group_steps(begin, depth, width, steps + p * layout_.inner + tap * depth,
                      groups + (p * taps_ + tap) * kLargestGroup);
        }
      }
    });
  }

  const QuantizedGemmKernels& kernels_;
  bool grouped_;
  std::int64_t taps_;
  PanelLayout layout_;
  QuantizedFinish finish_;
  std::vector<std::int32_t> bias_;
  std::vector<float> scale_;
  std::shared_ptr<const std::byte> panels_;
};

}  // namespace godwit::ops
