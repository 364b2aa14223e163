// A cost model for convolutions: vector operations of the kernels as they are written, and weights from
// memory.
#include "ops/algorithms/conv_cost.h"

#include <algorithm>

namespace godwit::ops {
namespace {

std::int64_t ceil_div(std::int64_t a, std::int64_t b) { return (a + b - 1) / b; }

// Reading one byte of weights that no cache holds from one image to the next, in multiply-adds of `width`
// floats. Measured on a Zen 4 server core with 16 floats: of 0.2 multiply-adds' time per byte about half
// hides behind the arithmetic. Memory is as fast for narrower vectors, which are done sooner.
double weight_cost(double bytes, int width) {
  constexpr double kPerByte = 0.1, kMeasuredWidth = 16;
  const double cached = static_cast<double>(cache_sizes().l2) / 2;
  return bytes > cached ? bytes * kPerByte * kMeasuredWidth / width : 0.0;
}

}  // namespace

double direct_cost(const ConvGeometry& g, const GemmTileSizes& kernels) {
  const int width = kernels.nr / 2;
  const std::int64_t rows = g.h.output * g.w.output;
  const std::int64_t inner = g.taps() * ceil_div(g.group_ic(), kernels.kr);
  const std::int64_t vectors = ceil_div(g.group_oc(), width);
  const double arithmetic = static_cast<double>(rows * inner * vectors * g.group);
  return arithmetic +
         weight_cost(static_cast<double>(inner * vectors * width * g.group) * kernels.step_bytes, width);
}

double winograd_cost(const ConvGeometry& g, std::int64_t m, const GemmTileSizes& kernels) {
  const int width = kernels.nr / 2;
  const std::int64_t edge = m + 2;
  const std::int64_t planes = edge * edge;
  const std::int64_t tiles = ceil_div(g.h.output, m) * ceil_div(g.w.output, m);
  const std::int64_t in = ceil_div(g.ic, width);
  const std::int64_t out = ceil_div(g.oc, width);
  // A kernel of few rows loads a vector of weights for few multiplications.
  const auto height = static_cast<double>(std::min<std::int64_t>(tiles, kernels.mr));
  const double loads = std::max(1.0, (height + 2.0) / (height * 2.0));
  const double arithmetic = static_cast<double>(planes * tiles * g.ic * out) * loads;
  // Loads, stores and additions of one vector of a tile: the transforms' own operations and the traffic of
  // the planes.
  const double per_input = static_cast<double>(planes) * 5;
  const double per_output = static_cast<double>(planes) * 4;
  const double transforms = static_cast<double>(tiles) *
                            (static_cast<double>(in) * per_input + static_cast<double>(out) * per_output);
  return arithmetic + transforms +
         weight_cost(static_cast<double>(planes * g.ic * out * width) * kernels.step_bytes, width);
}

}  // namespace godwit::ops
