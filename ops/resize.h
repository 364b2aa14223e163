// Resampling along axes: which elements of the operand each place of the result is made of, and with which
// weights.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <optional>
#include <span>

#include "ops/attributes.h"
#include "ops/op.h"
#include "runtime/tensor.h"

namespace godwit::ops {

enum class ResizeMode : std::uint8_t { nearest, linear, cubic };
enum class NearestMode : std::uint8_t { round_prefer_floor, round_prefer_ceil, floor, ceil };
enum class CoordinateMode : std::uint8_t {
  half_pixel,
  half_pixel_symmetric,
  pytorch_half_pixel,
  align_corners,
  asymmetric,
  tf_half_pixel_for_nn,
  tf_crop_and_resize,
};
enum class AspectPolicy : std::uint8_t { stretch, not_larger, not_smaller };

// The attributes of Resize that say how one axis is sampled.
struct ResizeRule {
  ResizeMode mode = ResizeMode::nearest;
  NearestMode nearest = NearestMode::round_prefer_floor;
  CoordinateMode coordinates = CoordinateMode::half_pixel;
  AspectPolicy policy = AspectPolicy::stretch;
  double cubic_a = -0.75;
  bool exclude_outside = false;
  bool antialias = false;
  double extrapolation_value = 0;  // of places outside of the region, under tf_crop_and_resize
};
// Throws Error for words and combinations that ONNX does not have.
ResizeRule resize_rule_of(const Attributes& attributes);

// One axis of operand and result.
struct ResizeAxis {
  std::int64_t input = 1, output = 1;
  double scale = 1;                         // output per input, as the node gives it or as both sizes do
  double region_begin = 0, region_end = 1;  // of the operand, under tf_crop_and_resize

  bool untouched(const ResizeRule& rule) const {
    return scale == 1 && input == output && rule.coordinates != CoordinateMode::tf_crop_and_resize;
  }
};
using ResizeAxes = std::array<ResizeAxis, kMaxRank>;

// The node's axes from its operands (data, roi, scales, sizes), of which those left out or empty do not
// count. Dimensions of `src` are known; nullopt where scales or sizes are not.
std::optional<ResizeAxes> resize_axes_of(const Attributes& attributes, const Shape& src,
                                         std::span<const TensorView> operands);

// The position in the operand that a place of the result shows.
double source_position(const ResizeRule& rule, const ResizeAxis& axis, std::int64_t place);

// The kernel of `rule` at a distance from its middle.
double resize_kernel(const ResizeRule& rule, double distance);

// Calls visit(i, weight) for each element of the operand that a place of the result is made of, in ascending
// order, those behind an edge as that edge's. False, and nothing visited, where it shows the extrapolation
// value.
template <class Visit>
bool for_each_resize_tap(const ResizeRule& rule, const ResizeAxis& axis, std::int64_t place,
                         const Visit& visit) {
  const double x = source_position(rule, axis, place);
  const std::int64_t last = axis.input - 1;
  if (rule.coordinates == CoordinateMode::tf_crop_and_resize && (x < 0 || x > static_cast<double>(last)))
    return false;
  const auto inside = [last](double i) {
    return i <= 0 ? 0 : i >= static_cast<double>(last) ? last : static_cast<std::int64_t>(i);
  };
  if (rule.mode == ResizeMode::nearest) {
    switch (rule.nearest) {
      case NearestMode::floor:
        visit(inside(std::floor(x)), 1.0);
        break;
      case NearestMode::ceil:
        visit(inside(std::ceil(x)), 1.0);
        break;
      case NearestMode::round_prefer_ceil:
        visit(inside(std::floor(x + 0.5)), 1.0);
        break;
      case NearestMode::round_prefer_floor:
        visit(inside(std::ceil(x - 0.5)), 1.0);
        break;
    }
    return true;
  }
  // Shrinking with antialias widens the kernel.
  const double shrink = rule.antialias && axis.scale < 1 ? axis.scale : 1;
  const double reach = (rule.mode == ResizeMode::linear ? 1 : 2) / shrink;
  const double begin = std::floor(x - reach) + 1, end = std::ceil(x + reach);
  // No operand has more elements; positions that are no numbers have no taps.
  const std::int64_t taps = end > begin ? static_cast<std::int64_t>(std::min(end - begin, 0x1p40)) : 0;
  double sum = 0;
  const auto counts = [&](double i) {
    return !rule.exclude_outside || (i >= 0 && i <= static_cast<double>(last));
  };
  for (std::int64_t tap = 0; tap < taps; ++tap) {
    const double i = begin + static_cast<double>(tap);
    sum += counts(i) ? resize_kernel(rule, (i - x) * shrink) : 0;
  }
  for (std::int64_t tap = 0; tap < taps; ++tap) {
    const double i = begin + static_cast<double>(tap);
    const double weight = counts(i) ? resize_kernel(rule, (i - x) * shrink) / sum : 0;
    if (weight != 0) visit(inside(i), weight);
  }
  return true;
}

}  // namespace godwit::ops
