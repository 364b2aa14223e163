// A tensor seen as channels of rows, then as bytes or as the places of maxima.
#include "tools/vision/output_image.h"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>
#include <optional>
#include <vector>

#include "runtime/error.h"

namespace godwit::vision {
namespace {

constexpr std::int64_t kMostClasses = 256;

// One image's tensor: element (c, y, x) lies at c·c_step + (y·width + x)·step.
struct Planes {
  std::int64_t channels = 1, height = 0, width = 0;
  bool channels_first = true;

  std::size_t at(std::int64_t c, std::int64_t pixel) const {
    return static_cast<std::size_t>(channels_first ? c * height * width + pixel : pixel * channels + c);
  }
};

std::vector<double> reals(const Tensor& tensor) {
  std::vector<double> values;
  values.reserve(static_cast<std::size_t>(tensor.shape().elements()));
  visit_dtype(tensor.dtype(), [&]<class T>() {
    for (const T& value : tensor.values<T>())
      values.push_back(static_cast<double>(static_cast<float>(value)));
  });
  return values;
}

Error no_image(const Tensor& tensor, std::string_view why) {
  return Error(
      fmt::format("{} {} is no image: {}", name_of(tensor.dtype()), tensor.shape().to_string(), why));
}

// Sides behind a batch of one.
std::vector<std::int64_t> sides_of(const Tensor& tensor) {
  const Shape& shape = tensor.shape();
  std::vector<std::int64_t> sides;
  for (int axis = 0; axis < shape.rank(); ++axis) sides.push_back(shape[axis]);
  if (sides.size() == 4) {
    if (sides.front() != 1)
      throw no_image(tensor, fmt::format("it holds {}, expected one; run one at a time", sides.front()));
    sides.erase(sides.begin());
  }
  if (sides.size() < 2 || sides.size() > 3 || shape.elements() == 0)
    throw no_image(tensor, "expected (C, H, W), (H, W, C) or (H, W), with at most a 1 in front");
  return sides;
}

// Channels first or last; nullopt where an image has neither 1 nor 3 of them.
std::optional<Planes> planes_of(const std::vector<std::int64_t>& sides, bool image, OutputChannels asked) {
  if (sides.size() == 2) return Planes{1, sides[0], sides[1], true};
  const Planes first{sides[0], sides[1], sides[2], true}, last{sides[2], sides[0], sides[1], false};
  const auto fits = [&](const Planes& planes) {
    return !image || planes.channels == 1 || planes.channels == 3;
  };
  if (asked != OutputChannels::automatic) {
    const Planes& planes = asked == OutputChannels::first ? first : last;
    return fits(planes) ? std::optional(planes) : std::nullopt;
  }
  if (image) return fits(first) ? std::optional(first) : fits(last) ? std::optional(last) : std::nullopt;
  if (first.channels == 1 || last.channels == 1) return first.channels == 1 ? first : last;
  const bool square_first = sides[1] == sides[2], square_last = sides[0] == sides[1];
  if (square_first != square_last) return square_first ? first : last;
  return last.channels < first.channels ? last : first;
}

bool is_whole(DType dtype) { return !is_float(dtype); }

void put_classes(const Tensor& tensor, const std::vector<double>& values, const Planes& planes,
                 OutputImage& result) {
  const std::int64_t pixels = planes.height * planes.width;
  result.kind = OutputKind::classes;
  result.pixels.channels = 1;
  result.pixels.values.resize(static_cast<std::size_t>(pixels));
  const bool by_number = planes.channels == 1;
  if (!by_number && planes.channels > kMostClasses) {
    throw no_image(tensor, fmt::format("a palette has {} colours, not {}", kMostClasses, planes.channels));
  }
  std::int64_t largest = planes.channels - 1;
  for (std::int64_t i = 0; i < pixels; ++i) {
    std::int64_t best = 0;
    if (by_number) {
      const double value = values[planes.at(0, i)];
      if (!(value >= 0 && value < kMostClasses) || value != std::floor(value))
        throw no_image(tensor, fmt::format("{:g} is not a class from 0 to 255", value));
      best = static_cast<std::int64_t>(value);
      largest = std::max(largest, best);
    } else {
      for (std::int64_t c = 1; c < planes.channels; ++c) {
        if (values[planes.at(c, i)] > values[planes.at(best, i)]) best = c;
      }
    }
    result.pixels.values[static_cast<std::size_t>(i)] = static_cast<std::uint8_t>(best);
  }
  result.classes = static_cast<int>(largest) + 1;
  result.pixels.palette = image::class_palette(result.classes);
  result.told = by_number ? fmt::format("classes 0 to {}", largest)
                          : fmt::format("the likeliest of {} classes, which lie {}", result.classes,
                                        planes.channels_first ? "first" : "last");
}

struct Bounds {
  double low, high;
};

Bounds bounds_of(OutputRange range) {
  if (range == OutputRange::unit) return {0, 1};
  return range == OutputRange::symmetric ? Bounds{-1, 1} : Bounds{0, 255};
}

OutputRange detected(const Tensor& tensor, Bounds seen) {
  if (is_whole(tensor.dtype())) return OutputRange::bytes;
  // Networks overshoot black and white by a little.
  constexpr double kMostOfUnit = 2, kUndershoot = 0.25;
  const OutputRange range = seen.high <= kMostOfUnit ? OutputRange::unit : OutputRange::bytes;
  const double width = bounds_of(range).high;
  if (seen.low >= -kUndershoot * width) return range;
  throw no_image(tensor, fmt::format("its values are from {:g} to {:g}; pass --picture-range with what is "
                                     "black and white, such as -1..1",
                                     seen.low, seen.high));
}

void put_image(const Tensor& tensor, const std::vector<double>& values, const Planes& planes,
               OutputRange range, OutputImage& result) {
  const auto [low, high] = std::ranges::minmax_element(values);
  const Bounds seen{*low, *high};
  result.range = range == OutputRange::automatic ? detected(tensor, seen) : range;
  const Bounds bounds = bounds_of(result.range);
  const std::int64_t pixels = planes.height * planes.width;
  result.pixels.channels = static_cast<int>(planes.channels);
  for (std::int64_t i = 0; i < pixels; ++i) {
    for (std::int64_t c = 0; c < planes.channels; ++c) {
      const double scaled = (values[planes.at(c, i)] - bounds.low) / (bounds.high - bounds.low) * 255;
      result.pixels.values.push_back(
          static_cast<std::uint8_t>(std::nearbyint(std::clamp(scaled, 0.0, 255.0))));
    }
  }
  result.told = fmt::format("values from {:g} to {:g} as an image, {:g} to {:g} from black to white",
                            seen.low, seen.high, bounds.low, bounds.high);
}

}  // namespace

OutputImage output_image(const Tensor& tensor, const OutputReading& reading) {
  const std::vector<std::int64_t> sides = sides_of(tensor);
  const std::vector<double> values = reals(tensor);
  if (const auto nans = std::ranges::count_if(values, [](double value) { return std::isnan(value); });
      nans > 0)
    throw Error(fmt::format("{} of its {} elements are NaN, which no pixel is", nans, values.size()),
                ErrorKind::failed);
  const std::optional<Planes> image = planes_of(sides, true, reading.channels);
  const bool is_image = tensor.dtype() == DType::u8 || is_float(tensor.dtype());
  OutputKind kind = reading.kind;
  if (kind == OutputKind::automatic)
    kind = is_image && image.has_value() ? OutputKind::image : OutputKind::classes;
  if (kind == OutputKind::image && !image)
    throw no_image(tensor, "neither its first nor its last axis has 1 or 3 channels");
  const Planes planes = kind == OutputKind::image ? *image : *planes_of(sides, false, reading.channels);
  OutputImage result;
  result.pixels.width = static_cast<int>(planes.width);
  result.pixels.height = static_cast<int>(planes.height);
  if (kind == OutputKind::image) {
    put_image(tensor, values, planes, reading.range, result);
  } else {
    put_classes(tensor, values, planes, result);
  }
  result.told = fmt::format("{} {}, {}", name_of(tensor.dtype()), tensor.shape().to_string(), result.told);
  return result;
}

}  // namespace godwit::vision
