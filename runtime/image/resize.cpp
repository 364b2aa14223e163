// Two separable passes, columns first, with 8-bit pixels between them and weights of 22 fractional bits.
#include "runtime/image/resize.h"

#include <algorithm>
#include <cmath>
#include <vector>

namespace godwit::image {
namespace {

// 32 bits hold 8 of the pixel, 22 of the weight and 2 to spare for sums that overshoot.
constexpr int kFractionBits = 32 - 8 - 2;
constexpr std::int32_t kHalf = 1 << (kFractionBits - 1);

// For each of the destination positions [begin, begin + count): which source positions it mixes and how.
struct Weights {
  struct Taps {
    std::int64_t first = 0;  // in the source
    int count = 0;
  };
  std::vector<Taps> taps;
  std::vector<std::int32_t> values;  // (taps.size(), stride)
  std::size_t stride = 0;

  const std::int32_t* of(std::size_t i) const { return values.data() + i * stride; }
  // The source positions that are used at all: [first, last).
  std::int64_t first = 0, last = 0;
};

// The triangle filter, widened to the scale when shrinking. The order of the double operations is Pillow's,
// because the last bit of a weight depends on it.
Weights triangle_weights(std::int64_t src_size, std::int64_t dst_size, std::int64_t begin, int count) {
  const double scale = static_cast<double>(src_size) / static_cast<double>(dst_size);
  const double support = std::max(scale, 1.0);
  const double inverse = 1.0 / support;

  Weights weights;
  weights.stride = static_cast<std::size_t>(std::ceil(support)) * 2 + 1;
  weights.taps.resize(static_cast<std::size_t>(count));
  weights.values.resize(weights.taps.size() * weights.stride);
  weights.first = src_size;
  std::vector<double> exact(weights.stride);
  for (std::size_t i = 0; i < weights.taps.size(); ++i) {
    const double center = (static_cast<double>(begin + static_cast<std::int64_t>(i)) + 0.5) * scale;
    const auto first = std::max<std::int64_t>(static_cast<std::int64_t>(center - support + 0.5), 0);
    const auto last = std::min(static_cast<std::int64_t>(center + support + 0.5), src_size);
    const auto taps = static_cast<std::size_t>(last - first);
    double sum = 0;
    for (std::size_t k = 0; k < taps; ++k) {
      const double distance =
          std::abs((static_cast<double>(first + static_cast<std::int64_t>(k)) - center + 0.5) * inverse);
      exact[k] = distance < 1.0 ? 1.0 - distance : 0.0;
      sum += exact[k];
    }
    for (std::size_t k = 0; k < taps; ++k) {
      const double share = sum != 0.0 ? exact[k] / sum : exact[k];
      weights.values[i * weights.stride + k] = static_cast<std::int32_t>(share * (1 << kFractionBits) + 0.5);
    }
    weights.taps[i] = {first, static_cast<int>(taps)};
    weights.first = std::min(weights.first, first);
    weights.last = std::max(weights.last, last);
  }
  return weights;
}

std::uint8_t to_byte(std::int32_t sum) {
  return static_cast<std::uint8_t>(std::clamp(sum >> kFractionBits, 0, 255));
}

// src: one row of RGB pixels; dst: (weights.taps.size(), 3).
void resize_row(const std::uint8_t* src, const Weights& weights, std::uint8_t* dst) {
  for (std::size_t i = 0; i < weights.taps.size(); ++i) {
    const std::uint8_t* pixel = src + weights.taps[i].first * 3;
    const std::int32_t* weight = weights.of(i);
    std::int32_t r = kHalf, g = kHalf, b = kHalf;
    for (int k = 0; k < weights.taps[i].count; ++k) {
      r += pixel[3 * k] * weight[k];
      g += pixel[3 * k + 1] * weight[k];
      b += pixel[3 * k + 2] * weight[k];
    }
    dst[3 * i] = to_byte(r);
    dst[3 * i + 1] = to_byte(g);
    dst[3 * i + 2] = to_byte(b);
  }
}

// src: rows of `bytes` bytes, mixed into one such row. sums: (bytes)
void mix_rows(const std::uint8_t* src, std::size_t bytes, const std::int32_t* weight, int count,
              std::int32_t* sums, std::uint8_t* dst) {
  std::fill_n(sums, bytes, kHalf);
  for (int k = 0; k < count; ++k) {
    const std::uint8_t* row = src + static_cast<std::size_t>(k) * bytes;
    for (std::size_t i = 0; i < bytes; ++i) sums[i] += row[i] * weight[k];
  }
  for (std::size_t i = 0; i < bytes; ++i) dst[i] = to_byte(sums[i]);
}

}  // namespace

Image resize_window(const Image& image, std::int64_t width, std::int64_t height, const Window& window) {
  Image result{window.width, window.height, {}};
  result.pixels.resize(static_cast<std::size_t>(window.width) * static_cast<std::size_t>(window.height) * 3);

  // The part of the window that lies inside the resized picture.
  const std::int64_t left = std::max<std::int64_t>(window.left, 0);
  const std::int64_t top = std::max<std::int64_t>(window.top, 0);
  const auto columns = static_cast<int>(std::min(window.left + window.width, width) - left);
  const auto rows = static_cast<int>(std::min(window.top + window.height, height) - top);
  if (columns <= 0 || rows <= 0) return result;

  const Weights across = triangle_weights(image.width, width, left, columns);
  const Weights down = triangle_weights(image.height, height, top, rows);

  // Columns of the needed rows: (down.last - down.first, columns, 3).
  const std::size_t row_bytes = static_cast<std::size_t>(columns) * 3;
  const std::size_t src_bytes = static_cast<std::size_t>(image.width) * 3;
  std::vector<std::uint8_t> narrow(static_cast<std::size_t>(down.last - down.first) * row_bytes);
  for (std::int64_t y = down.first; y < down.last; ++y) {
    resize_row(image.pixels.data() + static_cast<std::size_t>(y) * src_bytes, across,
               narrow.data() + static_cast<std::size_t>(y - down.first) * row_bytes);
  }

  std::vector<std::int32_t> sums(row_bytes);
  const auto dst_bytes = static_cast<std::size_t>(window.width) * 3;
  std::uint8_t* dst = result.pixels.data() + static_cast<std::size_t>(top - window.top) * dst_bytes +
                      static_cast<std::size_t>(left - window.left) * 3;
  for (std::size_t i = 0; i < down.taps.size(); ++i) {
    const Weights::Taps& taps = down.taps[i];
    mix_rows(narrow.data() + static_cast<std::size_t>(taps.first - down.first) * row_bytes, row_bytes,
             down.of(i), taps.count, sums.data(), dst + i * dst_bytes);
  }
  return result;
}

}  // namespace godwit::image
