// Histograms of activations and the choice of a clipping range from them.
#include "engine/histogram.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <fmt/format.h>
#include <limits>

#include "ops/quantization.h"
#include "runtime/error.h"

namespace godwit::engine {
namespace {

constexpr int kCuts = 7 * 16;            // down to 2^-7 of the full range …
constexpr double kCutsPerOctave = 16;    // … in sixteenths of an octave
constexpr float kSmallestSpan = 1e-30F;  // below it a scale would no longer be a normal number

struct Method {
  ClipMethod method;
  const char* name;
};
constexpr std::array kMethods{Method{ClipMethod::mse, "mse"}, Method{ClipMethod::minmax, "minmax"},
                              Method{ClipMethod::percentile, "percentile"}};

// Sums over the values from one end of the range up to a cut.
struct Tail {
  double count = 0, sum = 0, squares = 0;
  // Σ (x − edge)² of the values in it.
  double error(double edge) const { return squares - 2 * edge * sum + edge * edge * count; }
};

}  // namespace

const char* name_of(ClipMethod method) { return std::ranges::find(kMethods, method, &Method::method)->name; }

ClipMethod clip_method(std::string_view name) {
  const auto found =
      std::ranges::find(kMethods, name, [](const Method& m) { return std::string_view(m.name); });
  if (found != kMethods.end()) return found->method;
  throw Error(fmt::format("there is no calibration method '{}'; there are mse, minmax, percentile", name));
}

Extremes::Extremes()
    : low(std::numeric_limits<float>::infinity()), high(-std::numeric_limits<float>::infinity()) {}

void Extremes::add(std::span<const float> values) {
  float least = low, largest = high;
  // x − x is 0 for finite numbers alone; the sum stays free of branches.
  float wrong = 0;
  for (const float value : values) {
    least = value < least ? value : least;
    largest = value > largest ? value : largest;
    wrong += value - value;
  }
  low = least;
  high = largest;
  finite = finite && wrong == 0;
}

Histogram::Histogram(float low, float high)
    : low_(low),
      high_(high),
      width_((static_cast<double>(high) - static_cast<double>(low)) / static_cast<double>(kBins)),
      bins_(kBins, 0) {}

void Histogram::add(std::span<const float> values) {
  const auto low = low_;
  const auto factor = width_ > 0 ? static_cast<float>(1.0 / width_) : 0.0F;
  constexpr auto kLast = static_cast<std::int32_t>(kBins) - 1;
  std::uint64_t zeros = 0;
  for (const float value : values) {
    if (value == 0) {
      ++zeros;
      continue;
    }
    const float place = std::clamp((value - low) * factor, 0.0F, static_cast<float>(kLast));
    ++bins_[static_cast<std::size_t>(static_cast<std::int32_t>(place))];
  }
  zeros_ += zeros;
}

double Histogram::centre(std::size_t bin) const {
  return static_cast<double>(low_) + (static_cast<double>(bin) + 0.5) * width_;
}

ValueRange Histogram::range(ClipMethod method, double percentile) const {
  ValueRange found{low_, high_};
  if (method == ClipMethod::mse) found = mse_range();
  if (method == ClipMethod::percentile) found = percentile_range(percentile);
  return {std::min(found.low, 0.0F), std::max(found.high, 0.0F)};
}

ValueRange Histogram::percentile_range(double percentile) const {
  double total = static_cast<double>(zeros_);
  for (const std::uint64_t count : bins_) total += static_cast<double>(count);
  const double allowed = total * (100.0 - percentile) / 100.0;
  // The first edge, coming from one end, beyond which more than `allowed` values lie. Zeros never lie beyond:
  // the range is made to hold 0 in any case.
  ValueRange found{low_, high_};
  double above = 0;
  for (std::size_t i = kBins; i-- > 0;) {
    above += static_cast<double>(bins_[i]);
    if (above > allowed || centre(i) <= 0) break;
    found.high = static_cast<float>(centre(i) - 0.5 * width_);
  }
  double below = 0;
  for (std::size_t i = 0; i < kBins; ++i) {
    below += static_cast<double>(bins_[i]);
    if (below > allowed || centre(i) >= 0) break;
    found.low = static_cast<float>(centre(i) + 0.5 * width_);
  }
  return found;
}

ValueRange Histogram::mse_range() const {
  const double low = std::min(static_cast<double>(low_), 0.0),
               high = std::max(static_cast<double>(high_), 0.0);
  // above[k]: the values beyond high·2^(−k/16); below[k] likewise.
  std::array<Tail, kCuts + 1> above{}, below{};
  std::array<double, kCuts + 1> cut{};
  for (int k = 0; k <= kCuts; ++k) cut[static_cast<std::size_t>(k)] = std::exp2(-k / kCutsPerOctave);
  double total = 0;
  for (std::size_t i = 0; i < kBins; ++i) {
    if (bins_[i] == 0) continue;
    const double x = centre(i), count = static_cast<double>(bins_[i]);
    total += count;
    auto& tails = x > 0 ? above : below;
    const double end = x > 0 ? high : low;
    for (std::size_t k = 1; k < cut.size(); ++k) {
      if (std::abs(x) <= std::abs(end) * cut[k]) continue;
      tails[k].count += count;
      tails[k].sum += count * x;
      tails[k].squares += count * x * x;
    }
  }
  ValueRange best{static_cast<float>(low), static_cast<float>(high)};
  double least = std::numeric_limits<double>::infinity();
  for (std::size_t i = 0; i < (low < 0 ? cut.size() : 1); ++i) {
    for (std::size_t k = 0; k < (high > 0 ? cut.size() : 1); ++k) {
      const double l = low * cut[i], h = high * cut[k], step = (h - l) / 255;
      const double inside = total - below[i].count - above[k].count;
      const double error = inside * step * step / 12 + below[i].error(l) + above[k].error(h);
      if (error >= least) continue;
      least = error;
      best = {static_cast<float>(l), static_cast<float>(h)};
    }
  }
  return best;
}

ActivationScale scale_of(ValueRange range) {
  const double low = std::min(range.low, 0.0F), high = std::max(range.high, 0.0F);
  if (high - low < static_cast<double>(kSmallestSpan)) return {};
  auto scale = static_cast<float>((high - low) / 255.0);
  if (255.0 * static_cast<double>(scale) > high - low) scale = std::nextafter(scale, 0.0F);
  const double zero = std::nearbyint(-low / static_cast<double>(scale));
  return {scale, static_cast<std::uint8_t>(std::clamp(zero, 0.0, 255.0))};
}

float rounded_to(ActivationScale scale, float value) {
  const std::uint8_t number = ops::to_quantized<std::uint8_t>(value / scale.scale, scale.zero_point);
  return static_cast<float>(int{number} - int{scale.zero_point}) * scale.scale;
}

}  // namespace godwit::engine
