// MelWeightMatrix: triangles over the bins of a spectrum, equally far apart on the mel scale, one column
// each.
#include <array>
#include <cmath>
#include <fmt/format.h>

#include "ops/movement.h"
#include "ops/numbers.h"
#include "ops/operands.h"
#include "runtime/error.h"

namespace godwit::ops {
namespace {

enum Input : std::size_t { kBins, kLength, kRate, kLowest, kHighest };

double mel_of(double hertz) { return 2595 * std::log10(1 + hertz / 700); }
double hertz_of(double mel) { return 700 * (std::pow(10, mel / 2595) - 1); }

std::vector<TensorDesc> infer_mel_weight_matrix(const NodeView& node) {
  constexpr std::array kNames{"num_mel_bins", "dft_length", "sample_rate"};
  std::array<std::optional<std::int64_t>, 3> values;
  for (std::size_t i = 0; i < kNames.size(); ++i) {
    require_indices(node, i, kNames[i]);
    values[i] = known_integer(node, i, kNames[i], 0);
    if (values[i] && *values[i] < 1)
      throw Error(fmt::format("input {} ({}) is {}, expected at least 1", i, kNames[i], *values[i]));
  }
  require_dtype(node, kLowest, "lower_edge_hertz", kFloatTypes);
  require_dtype(node, kHighest, "upper_edge_hertz", kFloatTypes);
  require_one_element(node, kLowest, "lower_edge_hertz");
  require_one_element(node, kHighest, "upper_edge_hertz");
  return {{dtype_attribute(node.attributes, "output_datatype", DType::f32),
           {values[kLength] ? *values[kLength] / 2 + 1 : kAnyDim, values[kBins] ? *values[kBins] : kAnyDim},
           Layout::nchw}};
}

// The spectrum's bin at edge `i` of the triangles.
std::int64_t bin_of(std::span<const TensorView> src, std::int64_t i, std::int64_t edges) {
  const double lowest = mel_of(any_number_at(src[kLowest], 0)),
               highest = mel_of(any_number_at(src[kHighest], 0));
  const double step = (highest - lowest) / static_cast<double>(edges);
  const double hertz = hertz_of(lowest + static_cast<double>(i) * step);
  return number_cast<std::int64_t>(
      std::floor((any_number_at(src[kLength], 0) + 1) * hertz / any_number_at(src[kRate], 0)));
}

void reference(const NodeView&, std::span<const TensorView> src, std::span<const TensorView> dst) {
  const Shape& shape = dst[0].desc.shape;
  for (std::int64_t column = 0; column < shape[1]; ++column) {
    const std::int64_t low = bin_of(src, column, shape[1] + 2),
                       middle = bin_of(src, column + 1, shape[1] + 2),
                       high = bin_of(src, column + 2, shape[1] + 2);
    for (std::int64_t row = 0; row < shape[0]; ++row) {
      double weight = 0;
      if (row >= low && row <= middle) {
        weight = low == middle ? 1 : static_cast<double>(row - low) / static_cast<double>(middle - low);
      }
      if (row >= middle && row < high)
        weight = static_cast<double>(high - row) / static_cast<double>(high - middle);
      set_number(dst[0], row * shape[1] + column, weight);
    }
  }
}

}  // namespace

const OpDef& op_mel_weight_matrix() {
  static const OpDef def{
      .name = "MelWeightMatrix",
      .sentence = "weights that take a spectrum to the mel scale",
      .since_opset = 17,
      .min_inputs = 5,
      .max_inputs = 5,
      .attributes = {{"output_datatype", AttributeType::integer}},
      .kind = OpKind::shape,
      .infer = infer_mel_weight_matrix,
      .reference = reference,
      .cost = no_arithmetic,
  };
  return def;
}

}  // namespace godwit::ops
