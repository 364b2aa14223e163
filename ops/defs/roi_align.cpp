// RoiAlign: regions of images sampled between elements into results of one size, each place the mean or the
// largest of its samples. As ONNX's data has it, the largest is taken of the weighted elements themselves. A
// computed image index that is out of range gives zeros.
#include <algorithm>
#include <cmath>
#include <fmt/format.h>

#include "ops/arithmetic.h"
#include "ops/axes.h"
#include "ops/movement.h"
#include "ops/operands.h"
#include "runtime/error.h"

namespace godwit::ops {
namespace {

struct Rules {
  bool average = true, half_pixel = true;
  std::int64_t height = 1, width = 1, samples = 0;
  double scale = 1;
};

Rules rules_of(const Attributes& attributes) {
  Rules rules;
  const std::string mode = attributes.string("mode", "avg");
  if (mode != "avg" && mode != "max")
    throw Error(fmt::format("attribute 'mode' is '{}', expected avg or max", mode));
  const std::string coordinates = attributes.string("coordinate_transformation_mode", "half_pixel");
  if (coordinates != "half_pixel" && coordinates != "output_half_pixel") {
    throw Error(
        fmt::format("attribute 'coordinate_transformation_mode' is '{}', expected half_pixel or "
                    "output_half_pixel",
                    coordinates));
  }
  rules.average = mode == "avg";
  rules.half_pixel = coordinates == "half_pixel";
  rules.height = attributes.integer("output_height", 1);
  rules.width = attributes.integer("output_width", 1);
  rules.samples = attributes.integer("sampling_ratio", 0);
  rules.scale = static_cast<double>(attributes.real("spatial_scale", 1));
  if (rules.height < 1 || rules.width < 1) {
    throw Error(
        fmt::format("attributes 'output_height' and 'output_width' are {} and {}, expected at least 1",
                    rules.height, rules.width));
  }
  constexpr std::int64_t kMostSamples = 1024;
  if (rules.samples < 0 || rules.samples > kMostSamples)
    throw Error(
        fmt::format("attribute 'sampling_ratio' is {}, expected 0 to {}", rules.samples, kMostSamples));
  return rules;
}

std::vector<TensorDesc> infer_roi_align(const NodeView& node) {
  require_dtype(node, 0, "X", kFloatTypes);
  require_same_dtype(node, 1, 0, "rois");
  require_indices(node, 2, "batch_indices");
  require_rank(node, 0, 4, 4);
  require_rank(node, 1, 2, 2);
  require_rank(node, 2, 1, 1);
  const Rules rules = rules_of(node.attributes);
  const Shape &src = node.shape(0), &rois = node.shape(1), &images = node.shape(2);
  if (rois.ranked()) require_dim("dimension 1 of input 1 (rois)", rois[1], 4);
  if (rois.ranked() && images.ranked()) require_equal_dims(node, 2, 0, 1, 0);
  if (src.ranked()) require_indices_within(node, 2, "batch_indices", src[0]);
  return {{node.input(0).dtype,
           {rois.ranked() ? rois[0] : kAnyDim, src.ranked() ? src[1] : kAnyDim, rules.height, rules.width},
           Layout::nchw}};
}

void extents(const NodeView&, std::span<const TensorView> src, std::span<TensorView> dst) {
  dst[0].desc.shape[0] = src[1].desc.shape[0];
  dst[0].desc.shape[1] = src[0].desc.shape[1];
}

// The two elements on each side of a position, and the weight of the second.
struct Between {
  std::int64_t low = 0, high = 0;
  double weight = 0;
  bool outside = true;
};
Between between(double x, std::int64_t size) {
  if (!(x >= -1 && x <= static_cast<double>(size))) return {};
  x = std::max(x, 0.0);
  const auto low = static_cast<std::int64_t>(x);
  if (low >= size - 1) return {size - 1, size - 1, 0, false};
  return {low, low + 1, x - static_cast<double>(low), false};
}

// One region along one axis: places of the result, and samples in each.
struct Span {
  double begin = 0, bin = 0;
  std::int64_t samples = 1;

  Span(double from, double to, std::int64_t places, const Rules& rules) {
    const double offset = rules.half_pixel ? 0.5 : 0;
    begin = from * rules.scale - offset;
    double size = to * rules.scale - offset - begin;
    if (!rules.half_pixel) size = std::max(size, 1.0);
    bin = size / static_cast<double>(places);
    constexpr double kMost = 1 << 12;
    samples =
        rules.samples > 0 ? rules.samples : static_cast<std::int64_t>(std::clamp(std::ceil(bin), 0.0, kMost));
    if (std::isnan(bin)) samples = 0;
  }
  double sample(std::int64_t place, std::int64_t k) const {
    return begin + static_cast<double>(place) * bin +
           (static_cast<double>(k) + 0.5) * bin / static_cast<double>(samples);
  }
};

template <class T>
double pooled(const T* image, std::int64_t height, std::int64_t width, const Span& rows, const Span& columns,
              std::int64_t y, std::int64_t x, bool average) {
  double sum = 0, largest = -std::numeric_limits<double>::infinity();
  for (std::int64_t i = 0; i < rows.samples; ++i) {
    const Between row = between(rows.sample(y, i), height);
    for (std::int64_t j = 0; j < columns.samples; ++j) {
      const Between column = between(columns.sample(x, j), width);
      if (row.outside || column.outside) {
        largest = std::max(largest, 0.0);
        continue;
      }
      const auto part = [&](std::int64_t r, double of_row, std::int64_t c, double of_column) {
        const double value = of_row * of_column * static_cast<double>(image[r * width + c]);
        sum += value;
        largest = std::max(largest, value);
      };
      part(row.low, 1 - row.weight, column.low, 1 - column.weight);
      part(row.low, 1 - row.weight, column.high, column.weight);
      part(row.high, row.weight, column.low, 1 - column.weight);
      part(row.high, row.weight, column.high, column.weight);
    }
  }
  const std::int64_t count = rows.samples * columns.samples;
  if (!average) return count > 0 ? largest : 0;
  return sum / static_cast<double>(std::max<std::int64_t>(count, 1));
}

void reference(const NodeView& node, std::span<const TensorView> src, std::span<const TensorView> dst) {
  const Rules rules = rules_of(node.attributes);
  const Shape &shape = src[0].desc.shape, &to = dst[0].desc.shape;
  visit_float(dst[0].desc.dtype, [&]<class T>() {
    T* next = dst[0].as<T>();
    for (std::int64_t roi = 0; roi < to[0]; ++roi) {
      const std::int64_t image =
          roi < src[2].desc.shape.elements() ? position_of_index(integer_at(src[2], roi), shape[0]) : -1;
      const auto corner = [&](std::int64_t k) {
        return static_cast<double>(src[1].as<const T>()[roi * 4 + k]);
      };
      const Span columns(corner(0), corner(2), rules.width, rules),
          rows(corner(1), corner(3), rules.height, rules);
      for (std::int64_t c = 0; c < to[1]; ++c) {
        const T* channel =
            src[0].as<const T>() + (std::max<std::int64_t>(image, 0) * shape[1] + c) * shape[2] * shape[3];
        for (std::int64_t y = 0; y < rules.height; ++y) {
          for (std::int64_t x = 0; x < rules.width; ++x) {
            *next++ = static_cast<T>(
                image < 0 ? 0.0 : pooled(channel, shape[2], shape[3], rows, columns, y, x, rules.average));
          }
        }
      }
    }
  });
}

// Four products for each of a few samples.
Cost cost_roi_align(const NodeView& node) {
  const std::int64_t samples = std::max<std::int64_t>(node.attributes.integer("sampling_ratio", 0), 1);
  return {.macs = 0, .flops = work_product({8, samples, samples, output_elements(node)})};
}

}  // namespace

const OpDef& op_roi_align() {
  static const OpDef def{
      .name = "RoiAlign",
      .sentence = "regions of images sampled into results of one size",
      .since_opset = 16,
      .min_inputs = 3,
      .max_inputs = 3,
      .attributes = {{"coordinate_transformation_mode", AttributeType::string},
                     {"mode", AttributeType::string},
                     {"output_height", AttributeType::integer},
                     {"output_width", AttributeType::integer},
                     {"sampling_ratio", AttributeType::integer},
                     {"spatial_scale", AttributeType::real}},
      .infer = infer_roi_align,
      .reference = reference,
      .extents = extents,
      .cost = cost_roi_align,
  };
  return def;
}

}  // namespace godwit::ops
