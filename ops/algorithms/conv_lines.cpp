// Places of the lines under a line of the result, and how many channels and lines are computed in turn.
#include "ops/algorithms/conv_lines.h"

#include <algorithm>

#include "runtime/cpu.h"

namespace godwit::ops {
namespace {

constexpr std::int64_t kWidestVector = 16;  // f32 in those of any ISA

std::int64_t ceil_div(std::int64_t a, std::int64_t b) { return (a + b - 1) / b; }

}  // namespace

LineWalk::LineWalk(const ConvGeometry& g, std::int64_t number_bytes, std::int64_t most_channels)
    : geometry_(g), number_bytes_(number_bytes) {
  const std::int64_t chunks = std::max<std::int64_t>(ceil_div(g.ic, most_channels), 1);
  chunk_ = std::max<std::int64_t>(ceil_div(ceil_div(g.ic, chunks), kWidestVector), 1) * kWidestVector;
  // Lines whose other channels are still in the L2 when their turn comes.
  const std::int64_t line_bytes = (g.h.stride * g.w.input + g.w.output) * g.ic * number_bytes_;
  const auto l2 = static_cast<std::int64_t>(cache_sizes().l2);
  lines_ = std::max<std::int64_t>(l2 / 2 / std::max<std::int64_t>(line_bytes, 1), 1);
}

void LineWalk::place(const RowPart& part, std::int64_t line, ConvLine& call) const {
  const ConvGeometry& g = geometry_;
  const std::int64_t top = line % g.h.output * g.h.stride - g.h.pad_begin;
  // Rows of the kernel before the image and before its end.
  call.first_row = std::min(top < 0 ? ceil_div(-top, g.h.dilation) : 0, g.h.kernel);
  const std::int64_t inside = top < g.h.input ? ceil_div(g.h.input - top, g.h.dilation) : 0;
  call.last_row = std::max(std::min(inside, g.h.kernel), call.first_row);
  const std::int64_t reads = std::min(top + call.first_row * g.h.dilation, g.h.input - 1);
  const std::int64_t from = line / g.h.output * g.h.input + std::max<std::int64_t>(reads, 0) - part.src_line;
  const std::int64_t pixel_bytes = g.ic * number_bytes_;
  call.src = static_cast<const std::byte*>(part.src) + from * g.w.input * pixel_bytes;
  call.dst = static_cast<std::byte*>(part.dst) + (line - part.dst_line) * g.w.output * pixel_bytes;
}

void LineWalk::run(ConvLineKernel* kernel, const LineWeights& weights, const RowPart& part) const {
  const ConvGeometry& g = geometry_;
  ConvLine call{};
  call.weights = weights.weights;
  call.bias = weights.bias;
  call.minimum = weights.minimum;
  call.maximum = weights.maximum;
  call.line_stride = g.h.dilation * g.w.input * g.ic;
  call.channels = g.ic;
  call.width = g.w.input;
  call.pad = g.w.pad_begin;
  call.pixels = g.w.output;
  for (std::int64_t begin = part.lines.begin; begin < part.lines.end; begin += lines_) {
    const std::int64_t end = std::min(begin + lines_, part.lines.end);
    for (std::int64_t first = 0; first < g.ic; first += chunk_) {
      call.first = first;
      call.last = std::min(first + chunk_, g.ic);
      for (std::int64_t line = begin; line < end; ++line) {
        place(part, line, call);
        kernel(call);
      }
    }
  }
}

std::string reject_lines(const ConvGeometry& g) {
  if (g.h.kernel != g.w.kernel) return "is for square kernels";
  if (g.w.stride > 2) return "is for strides 1 and 2 along the width";
  if (g.w.dilation != 1) return "needs a kernel without dilation along the width";
  return {};
}

}  // namespace godwit::ops
