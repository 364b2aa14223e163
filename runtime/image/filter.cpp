// The order of the double operations is Pillow's throughout, because the last bit of a weight depends on it.
#include "runtime/image/filter.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "runtime/image/row_kernels.h"

namespace godwit::image {
namespace {

constexpr std::array<std::string_view, 3> kNames = {"bilinear", "bicubic", "nearest"};

double triangle(double distance) {
  distance = std::abs(distance);
  return distance < 1.0 ? 1.0 - distance : 0.0;
}

// Keys' cubic with a = -1/2.
double cubic(double distance) {
  constexpr double kA = -0.5;
  distance = std::abs(distance);
  if (distance < 1.0) return ((kA + 2.0) * distance - (kA + 3.0)) * distance * distance + 1;
  if (distance < 2.0) return (((distance - 5) * distance + 8) * distance - 4) * kA;
  return 0.0;
}

std::int32_t to_fixed(double weight) {
  return static_cast<std::int32_t>(weight * (1 << kFractionBits) + (weight < 0 ? -0.5 : 0.5));
}

// Taps and weights of one filter function that is 0 beyond `reach`.
template <class Function>
void mix(const Function& function, double reach, std::int64_t src_size, std::int64_t dst_size,
         std::int64_t begin, Weights& weights) {
  const double scale = static_cast<double>(src_size) / static_cast<double>(dst_size);
  const double stretch = std::max(scale, 1.0);
  const double support = reach * stretch;
  const double inverse = 1.0 / stretch;
  weights.stride = static_cast<std::size_t>(std::ceil(support)) * 2 + 1;
  weights.values.assign(weights.taps.size() * weights.stride, 0);
  std::vector<double> exact(weights.stride);
  for (std::size_t i = 0; i < weights.taps.size(); ++i) {
    const double center = (static_cast<double>(begin + static_cast<std::int64_t>(i)) + 0.5) * scale;
    const auto first = std::max<std::int64_t>(static_cast<std::int64_t>(center - support + 0.5), 0);
    const auto last = std::min(static_cast<std::int64_t>(center + support + 0.5), src_size);
    const auto taps = static_cast<std::size_t>(last - first);
    double sum = 0;
    for (std::size_t k = 0; k < taps; ++k) {
      exact[k] =
          function((static_cast<double>(first + static_cast<std::int64_t>(k)) - center + 0.5) * inverse);
      sum += exact[k];
    }
    for (std::size_t k = 0; k < taps; ++k) {
      weights.values[i * weights.stride + k] = to_fixed(sum != 0.0 ? exact[k] / sum : exact[k]);
    }
    weights.taps[i] = {static_cast<std::int32_t>(first), static_cast<std::int32_t>(taps)};
  }
}

// Positions are summed up from the first pixel on, whose rounding errors are part of the result.
void pick(std::int64_t src_size, std::int64_t dst_size, std::int64_t begin, Weights& weights) {
  const double scale = static_cast<double>(src_size) / static_cast<double>(dst_size);
  weights.stride = 1;
  weights.values.assign(weights.taps.size(), 1 << kFractionBits);
  double at = scale * 0.5;
  for (std::int64_t i = 0; i < begin; ++i) at += scale;
  for (Weights::Taps& taps : weights.taps) {
    const auto position = static_cast<std::int64_t>(at);
    const bool inside = position < src_size;
    taps = {static_cast<std::int32_t>(inside ? position : src_size - 1), inside ? 1 : 0};
    at += scale;
  }
}

}  // namespace

std::string_view name_of(Filter filter) { return kNames[static_cast<std::size_t>(filter)]; }

void make_weights(Filter filter, std::int64_t src_size, std::int64_t dst_size, std::int64_t begin, int count,
                  Weights& weights) {
  weights.taps.resize(static_cast<std::size_t>(count));
  if (filter == Filter::nearest) {
    pick(src_size, dst_size, begin, weights);
  } else if (filter == Filter::bicubic) {
    mix(cubic, 2.0, src_size, dst_size, begin, weights);
  } else {
    mix(triangle, 1.0, src_size, dst_size, begin, weights);
  }
  weights.first = static_cast<std::int32_t>(src_size);
  weights.last = 0;
  for (const Weights::Taps& taps : weights.taps) {
    if (taps.count == 0) continue;
    weights.first = std::min(weights.first, taps.first);
    weights.last = std::max(weights.last, taps.first + taps.count);
  }
  if (weights.first >= weights.last) {  // nothing is taken: any pixel will do
    weights.first = 0;
    weights.last = 1;
  }
}

}  // namespace godwit::image
