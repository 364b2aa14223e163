// Sizes, scales and positions as ONNX defines them (Resize-19). Where its text and its test data differ, the
// data counts: align_corners measures the result by its size before rounding.
#include "ops/resize.h"

#include <algorithm>
#include <fmt/format.h>
#include <string>
#include <utility>

#include "ops/axes.h"
#include "ops/numbers.h"
#include "runtime/counted.h"
#include "runtime/error.h"

namespace godwit::ops {
namespace {

template <class Value, std::size_t Count>
Value word_of(const Attributes& attributes, std::string_view attribute, std::string_view fallback,
              const std::array<std::pair<std::string_view, Value>, Count>& words) {
  const std::string text = attributes.string(attribute, fallback);
  std::string expected;
  for (std::size_t i = 0; i < Count; ++i) {
    if (words[i].first == text) return words[i].second;
    expected += (i == 0 ? "" : i + 1 == Count ? " or " : ", ") + std::string(words[i].first);
  }
  throw Error(fmt::format("attribute '{}' is '{}', expected {}", attribute, text, expected));
}

constexpr std::array kModes{std::pair{std::string_view("nearest"), ResizeMode::nearest},
                            std::pair{std::string_view("linear"), ResizeMode::linear},
                            std::pair{std::string_view("cubic"), ResizeMode::cubic}};
constexpr std::array kNearestModes{
    std::pair{std::string_view("round_prefer_floor"), NearestMode::round_prefer_floor},
    std::pair{std::string_view("round_prefer_ceil"), NearestMode::round_prefer_ceil},
    std::pair{std::string_view("floor"), NearestMode::floor},
    std::pair{std::string_view("ceil"), NearestMode::ceil}};
constexpr std::array kCoordinates{
    std::pair{std::string_view("half_pixel"), CoordinateMode::half_pixel},
    std::pair{std::string_view("half_pixel_symmetric"), CoordinateMode::half_pixel_symmetric},
    std::pair{std::string_view("pytorch_half_pixel"), CoordinateMode::pytorch_half_pixel},
    std::pair{std::string_view("align_corners"), CoordinateMode::align_corners},
    std::pair{std::string_view("asymmetric"), CoordinateMode::asymmetric},
    std::pair{std::string_view("tf_half_pixel_for_nn"), CoordinateMode::tf_half_pixel_for_nn},
    std::pair{std::string_view("tf_crop_and_resize"), CoordinateMode::tf_crop_and_resize}};
constexpr std::array kPolicies{std::pair{std::string_view("stretch"), AspectPolicy::stretch},
                               std::pair{std::string_view("not_larger"), AspectPolicy::not_larger},
                               std::pair{std::string_view("not_smaller"), AspectPolicy::not_smaller}};

// The axis that value k of roi, scales or sizes belongs to.
int axis_at(std::span<const std::int64_t> axes, std::int64_t k, int rank) {
  return axes.empty() ? static_cast<int>(k) : normalize_axis(axes[static_cast<std::size_t>(k)], rank);
}

void check_length(const TensorView& list, std::int64_t expected, std::string_view what) {
  if (list.desc.shape.elements() == expected) return;
  throw Error(
      fmt::format("{} has {}, expected {}", what, counted(list.desc.shape.elements(), "value"), expected));
}

bool counts(std::span<const TensorView> operands, std::size_t i) {
  return i < operands.size() && operands[i].present() && operands[i].desc.shape.known() &&
         operands[i].desc.shape.elements() > 0;
}

constexpr std::int64_t kLargestSize = std::int64_t{1} << 40;

void check_size(double size) {
  if (!(size >= 0 && size <= static_cast<double>(kLargestSize)))
    throw Error(fmt::format("a resized dimension of {} is out of range", size));
}

// Sizes, and the scales that follow from them.
void set_sizes(const AspectPolicy policy, std::span<const std::int64_t> named, int rank,
               const TensorView& sizes, ResizeAxes& axes) {
  const std::int64_t count = sizes.desc.shape.elements();
  double common = 0;
  for (std::int64_t k = 0; k < count; ++k) {
    ResizeAxis& axis = axes[static_cast<std::size_t>(axis_at(named, k, rank))];
    const std::int64_t size = integer_at(sizes, k);
    check_size(static_cast<double>(size));
    if (axis.input == 0 && size > 0) throw Error("a dimension of 0 has no element to sample");
    axis.output = size;
    axis.scale = axis.input == 0 ? 1 : static_cast<double>(size) / static_cast<double>(axis.input);
    const bool better = policy == AspectPolicy::not_larger ? axis.scale < common : axis.scale > common;
    if (k == 0 || better) common = axis.scale;
  }
  if (policy == AspectPolicy::stretch) return;
  for (std::int64_t k = 0; k < count; ++k) {
    ResizeAxis& axis = axes[static_cast<std::size_t>(axis_at(named, k, rank))];
    axis.scale = common;
    axis.output = static_cast<std::int64_t>(std::floor(common * static_cast<double>(axis.input) + 0.5));
  }
}

}  // namespace

ResizeRule resize_rule_of(const Attributes& attributes) {
  ResizeRule rule;
  rule.mode = word_of(attributes, "mode", "nearest", kModes);
  rule.nearest = word_of(attributes, "nearest_mode", "round_prefer_floor", kNearestModes);
  rule.coordinates = word_of(attributes, "coordinate_transformation_mode", "half_pixel", kCoordinates);
  rule.policy = word_of(attributes, "keep_aspect_ratio_policy", "stretch", kPolicies);
  rule.cubic_a = static_cast<double>(attributes.real("cubic_coeff_a", -0.75F));
  rule.exclude_outside = attributes.flag("exclude_outside", false);
  rule.antialias = attributes.flag("antialias", false);
  rule.extrapolation_value = static_cast<double>(attributes.real("extrapolation_value", 0));
  return rule;
}

std::optional<ResizeAxes> resize_axes_of(const Attributes& attributes, const Shape& src,
                                         std::span<const TensorView> operands) {
  const std::span<const std::int64_t> named = attributes.integers("axes");
  const std::int64_t expected = attributes.has("axes") ? static_cast<std::int64_t>(named.size()) : src.rank();
  ResizeAxes axes;
  for (int i = 0; i < src.rank(); ++i)
    axes[static_cast<std::size_t>(i)] = {.input = src[i], .output = src[i]};
  if (counts(operands, 2)) {
    check_length(operands[2], expected, "input 2 (scales)");
    for (std::int64_t k = 0; k < expected; ++k) {
      ResizeAxis& axis = axes[static_cast<std::size_t>(axis_at(named, k, src.rank()))];
      const auto scale = static_cast<float>(any_number_at(operands[2], k));
      if (!(scale > 0)) throw Error(fmt::format("input 2 (scales) has {}, expected more than 0", scale));
      // One operation in f32, as those who wrote the scale expect: 3 · (5/3) is 5.
      const auto size = static_cast<double>(std::floor(scale * static_cast<float>(axis.input)));
      check_size(size);
      axis.scale = static_cast<double>(scale);
      axis.output = static_cast<std::int64_t>(size);
    }
  } else if (counts(operands, 3)) {
    check_length(operands[3], expected, "input 3 (sizes)");
    set_sizes(word_of(attributes, "keep_aspect_ratio_policy", "stretch", kPolicies), named, src.rank(),
              operands[3], axes);
  } else {
    return std::nullopt;
  }
  if (counts(operands, 1)) {
    const bool crops = attributes.string("coordinate_transformation_mode", "") == "tf_crop_and_resize";
    if (!crops) return axes;  // it has no meaning otherwise
    check_length(operands[1], 2 * expected, "input 1 (roi)");
    for (std::int64_t k = 0; k < expected; ++k) {
      ResizeAxis& axis = axes[static_cast<std::size_t>(axis_at(named, k, src.rank()))];
      axis.region_begin = any_number_at(operands[1], k);
      axis.region_end = any_number_at(operands[1], expected + k);
    }
  }
  return axes;
}

double source_position(const ResizeRule& rule, const ResizeAxis& axis, std::int64_t place) {
  const auto at = static_cast<double>(place);
  const double steps = static_cast<double>(axis.input) - 1;
  const double output = axis.scale * static_cast<double>(axis.input);  // before it was rounded
  // The nearest element is decided in f32, as others do it.
  const auto divided = [&](double x) {
    return rule.mode == ResizeMode::nearest
               ? static_cast<double>(static_cast<float>(x) / static_cast<float>(axis.scale))
               : x / axis.scale;
  };
  switch (rule.coordinates) {
    case CoordinateMode::half_pixel:
      return divided(at + 0.5) - 0.5;
    case CoordinateMode::half_pixel_symmetric: {
      const double adjustment = output == 0 ? 1 : static_cast<double>(axis.output) / output;
      return static_cast<double>(axis.input) / 2 * (1 - adjustment) + divided(at + 0.5) - 0.5;
    }
    case CoordinateMode::pytorch_half_pixel:
      return axis.output > 1 ? divided(at + 0.5) - 0.5 : 0;
    case CoordinateMode::align_corners:
      return axis.output <= 1 ? 0 : at * steps / (output - 1);
    case CoordinateMode::asymmetric:
      return divided(at);
    case CoordinateMode::tf_half_pixel_for_nn:
      return divided(at + 0.5);
    case CoordinateMode::tf_crop_and_resize:
      if (axis.output <= 1) return (axis.region_begin + axis.region_end) / 2 * steps;
      return axis.region_begin * steps +
             at * (axis.region_end - axis.region_begin) * steps / (static_cast<double>(axis.output) - 1);
  }
  return 0;
}

double resize_kernel(const ResizeRule& rule, double distance) {
  const double x = std::abs(distance), a = rule.cubic_a;
  if (rule.mode == ResizeMode::linear) return std::max(1 - x, 0.0);
  if (x <= 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
  return x < 2 ? ((x - 5) * x + 8) * x * a - 4 * a : 0;
}

}  // namespace godwit::ops
