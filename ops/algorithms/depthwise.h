// Depthwise convolution without its arithmetic: which kernel serves a size, and the walk over blocks of
// pixels.
#pragma once

#include <cstdint>
#include <string>

#include "ops/algorithms/conv_geometry.h"
#include "ops/kernel_info.h"
#include "runtime/threads.h"

namespace godwit::ops {

// The kernels made for this size and stride, or those for all of them.
inline KernelFamily depthwise_family(const ConvGeometry& g) {
  const bool square = g.h.kernel == g.w.kernel && g.h.dilation == 1 && g.w.dilation == 1;
  const bool one = g.w.stride == 1;
  if (!square || g.w.stride > 2) return KernelFamily::depthwise;
  if (g.w.kernel == 3) return one ? KernelFamily::depthwise3_stride1 : KernelFamily::depthwise3_stride2;
  if (g.w.kernel == 5) return one ? KernelFamily::depthwise5_stride1 : KernelFamily::depthwise5_stride2;
  return KernelFamily::depthwise;
}

inline std::string reject_depthwise(const NodeView& node, const ConvGeometry& g) {
  if (g.group != g.ic || g.group != g.oc || g.group == 1) return "needs one filter for each input channel";
  if (node.epilogue.residual) return "adds no residual";
  return {};
}

// block(line, ow, pixels) for this worker's lines of output pixels, `pixels` or 1 at a time.
template <class Block>
void over_depthwise_blocks(const ConvGeometry& g, std::int64_t pixels, const Worker& worker,
                           const Block& block) {
  const Worker::Range lines = worker.share(g.batch * g.h.output);
  for (std::int64_t line = lines.begin; line < lines.end; ++line) {
    std::int64_t ow = 0;
    while (ow < g.w.output) {
      // The last block reaches back over pixels that are done: the same values once more.
      if (ow + pixels > g.w.output && g.w.output >= pixels) ow = g.w.output - pixels;
      const bool whole = ow + pixels <= g.w.output;
      block(line, ow, whole ? pixels : 1);
      ow += whole ? pixels : 1;
    }
  }
}

}  // namespace godwit::ops
