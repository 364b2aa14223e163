// Depthwise convolution without its arithmetic: which kernel serves a size, and the walk over blocks of
// pixels and chunks of channels.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>

#include "ops/algorithms/conv_geometry.h"
#include "ops/algorithms/conv_rows.h"
#include "ops/kernel_table.h"
#include "runtime/threads.h"

namespace godwit::ops {

// Kernels made for one size and stride: 3×3, 5×5 and so on, stride 1 and 2.
template <class Function, int kSizes>
struct FixedDepthwise {
  Family<Function> by_size_and_stride[kSizes][2];

  // Those for a convolution; null where there are none.
  const Family<Function>* find(const ConvGeometry& g) const {
    const bool square = g.h.kernel == g.w.kernel && g.h.dilation == 1 && g.w.dilation == 1;
    if (!square || g.w.stride > 2 || g.w.kernel % 2 == 0) return nullptr;
    const std::int64_t size = (g.w.kernel - 3) / 2;
    return g.w.kernel >= 3 && size < kSizes ? &by_size_and_stride[size][g.w.stride - 1] : nullptr;
  }
};
inline constexpr FixedDepthwise<ConvLineKernel, 3> kDepthwiseLines{
    {{families::depthwise3_stride1, families::depthwise3_stride2},
     {families::depthwise5_stride1, families::depthwise5_stride2},
     {families::depthwise7_stride1, families::depthwise7_stride2}}};
inline constexpr FixedDepthwise<QuantizedDepthwiseKernel, 2> kFixedQuantizedDepthwise{
    {{families::quantized_depthwise3_stride1, families::quantized_depthwise3_stride2},
     {families::quantized_depthwise5_stride1, families::quantized_depthwise5_stride2}}};

inline std::string reject_depthwise(const NodeView& node, const ConvGeometry& g) {
  if (g.group != g.ic || g.group != g.oc || g.group == 1) return "needs one filter for each input channel";
  if (node.epilogue.residual) return "adds no residual";
  return {};
}

// The output in blocks of neighbouring pixels of a line, walked so that what blocks share stays in the L1: a
// few lines and a few blocks of each, a chunk of their channels after the other.
class DepthwiseWalk {
 public:
  // pixels: of a block where a line has as many; chunks: whether kernels take a part of the channels.
  // number_bytes: of src.
  DepthwiseWalk(const ConvGeometry& geometry, std::int64_t pixels, bool chunks, std::int64_t number_bytes);

  // `pixels` outputs from column ow on of output line `line`, channels [first, last); taps: as fill_block()
  // makes them.
  struct Block {
    std::int64_t line, ow, pixels;
    std::int64_t first, last;
    const void* const* taps;
  };

  std::size_t scratch_bytes() const;
  // This worker's lines of the result where all of them are computed.
  Worker::Range share(const Worker& worker) const {
    return worker.share(geometry_.batch * geometry_.h.output);
  }
  // block(Block) for all of these lines; `scratch`: of scratch_bytes().
  template <class Call>
  void run(const Pixels& src, std::byte* scratch, Worker::Range all, const Call& block) const {
    auto** taps = reinterpret_cast<const void**>(scratch);
    for (std::int64_t line = all.begin; line < all.end; line += lines_) {
      const std::int64_t end = std::min(line + lines_, all.end);
      for (std::int64_t begin = 0; begin < blocks_; begin += span_) {
        const std::int64_t count = std::min(span_, blocks_ - begin);
        for (std::int64_t i = 0; i < (end - line) * count; ++i) {
          fill_block(geometry_, src, line + i / count, column_of(begin + i % count), columns_,
                     taps + i * taps_);
        }
        for (std::int64_t first = 0; first < geometry_.ic; first += chunk_) {
          const std::int64_t last = std::min(first + chunk_, geometry_.ic);
          for (std::int64_t i = 0; i < (end - line) * count; ++i) {
            block(Block{line + i / count, column_of(begin + i % count), pixels_, first, last,
                        taps + i * taps_});
          }
        }
      }
    }
  }

 private:
  // The last block reaches back over pixels that are done: the same values once more.
  std::int64_t column_of(std::int64_t block) const {
    return std::min(block * pixels_, geometry_.w.output - pixels_);
  }

  ConvGeometry geometry_;
  std::int64_t pixels_;   // of every block
  std::int64_t blocks_;   // in a line
  std::int64_t columns_;  // of src under a block
  std::int64_t taps_;     // pointers for a block
  std::int64_t chunk_;    // channels
  std::int64_t span_;     // blocks next to each other
  std::int64_t lines_;
};

}  // namespace godwit::ops
