// A cost model for convolutions: vector operations of the kernels as they are written, and weights from
// memory.
#include "ops/algorithms/conv_cost.h"

#include <algorithm>

#include "runtime/cpu.h"

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

// The same in vector instructions on 8-bit numbers. Measured on a Zen 3 server core, whose vectors have 8
// lanes: transformed weights of 8 to 19 MB cost 0.3 to 0.55 per byte beyond the instructions.
double quantized_weight_cost(double bytes, int width) {
  constexpr double kPerByte = 0.5, kMeasuredWidth = 8;
  const double cached = static_cast<double>(cache_sizes().l2) / 2;
  return bytes > cached ? bytes * kPerByte * kMeasuredWidth / width : 0.0;
}

// Instructions for one vector of sums at one step: a product and an addition where 16-bit pairs are
// multiplied, one where an instruction does both; sums of pairs take a product, and widening and additions
// that several steps share in part. Beside them the loads of a tile's rows and weights.
double step_cost(const QuantizedGemmKernels& kernels, std::int64_t rows) {
  const auto height = static_cast<double>(std::min<std::int64_t>(rows, kernels.mr));
  if (kernels.full->family == KernelFamily::gemm_maddubs) return 3.0 + 1.0 / 2;
  if (kernels.full->family == KernelFamily::gemm_maddubs_groups) return 2.5 + 1.0 / 2;
  return (kernels.kr == 2 ? 2.0 : 1.0) + (height + 2) / (height * 2);
}

}  // namespace

double direct_cost(const ConvGeometry& g, const GemmTileSizes& kernels, double share) {
  const int width = kernels.nr / 2;
  const std::int64_t rows = g.d.output * g.h.output * g.w.output;
  const std::int64_t inner = g.taps() * ceil_div(g.group_ic(), kernels.kr);
  const std::int64_t vectors = ceil_div(g.group_oc(), width);
  const double arithmetic = static_cast<double>(rows * inner * vectors * g.group);
  return arithmetic * share +
         weight_cost(static_cast<double>(inner * vectors * width * g.group) * kernels.step_bytes, width);
}

double taps_cost(const ConvGeometry& g, std::int64_t pixels, std::int64_t taps,
                 const GemmTileSizes& kernels) {
  // Tiles that end with a line are low, and each tap reads and writes its results: a third more.
  constexpr double kShortTiles = 4.0 / 3;
  const int width = kernels.nr / 2;
  const std::int64_t vectors = ceil_div(g.oc, width);
  const auto products = static_cast<double>(pixels * g.ic * vectors);
  return products * kShortTiles +
         weight_cost(static_cast<double>(taps * g.ic * vectors * width) * kernels.step_bytes, width);
}

double grouped_cost(const ConvGeometry& g, std::int64_t width) {
  const std::int64_t rows = g.rows() / std::max<std::int64_t>(g.batch, 1);  // of one image
  const auto vectors = static_cast<double>(rows * ceil_div(g.oc, width));
  const auto multiplications = static_cast<double>(g.taps() * g.group_ic());
  // A permutation for each input element where a vector holds several groups; it takes the place of a
  // product.
  const auto columns = static_cast<double>(g.w.stride * g.h.kernel * g.group_ic());
  return vectors * (multiplications + (g.group_ic() < width ? columns : 0.0));
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

double quantized_direct_cost(const ConvGeometry& g, const QuantizedGemmKernels& kernels) {
  const int width = kernels.nr / 2;
  const std::int64_t rows = g.h.output * g.w.output;
  const std::int64_t steps = g.taps() * ceil_div(g.group_ic(), kernels.kr);
  const std::int64_t vectors = ceil_div(g.group_oc(), width);
  return static_cast<double>(rows * steps * vectors * g.group) * step_cost(kernels, rows) +
         quantized_weight_cost(static_cast<double>(steps * vectors * width * g.group) * kernels.step_bytes,
                               width);
}

double quantized_winograd_cost(const ConvGeometry& g, std::int64_t m, const QuantizedGemmKernels& kernels) {
  const int width = kernels.nr / 2;
  const std::int64_t planes = (m + 2) * (m + 2);
  const std::int64_t tiles = ceil_div(g.h.output, m) * ceil_div(g.w.output, m);
  const std::int64_t steps = ceil_div(g.ic, kernels.kr);
  const std::int64_t in = ceil_div(steps, width);
  const std::int64_t out = ceil_div(g.oc, width);
  const double arithmetic = static_cast<double>(planes * tiles * steps * out) * step_cost(kernels, tiles);
  // Instructions from a vector of 16-bit elements to its planes, and from one of sums to its results.
  const auto per_input = static_cast<double>(planes * 7);
  const auto per_output = static_cast<double>(planes * 6 + m * m * 11);
  const double transforms = static_cast<double>(tiles) *
                            (static_cast<double>(in) * per_input + static_cast<double>(out) * per_output);
  return arithmetic + transforms +
         quantized_weight_cost(static_cast<double>(planes * steps * out * width) * kernels.step_bytes, width);
}

}  // namespace godwit::ops
