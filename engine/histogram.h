// A tensor's values over many images as counts, and the range that is worth having 256 numbers for.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace godwit::engine {

enum class ClipMethod : std::uint8_t { mse, minmax, percentile };
const char* name_of(ClipMethod method);
// Throws Error for any other name.
ClipMethod clip_method(std::string_view name);

struct ValueRange {
  float low = 0, high = 0;
};

// Least and largest value seen; finite until one was not. Nothing seen: low > high.
struct Extremes {
  float low, high;
  bool finite = true;
  Extremes();
  void add(std::span<const float> values);
};

// Counts of values in bins of equal width over [low, high], exact zeros apart: u8 tensors hold those exactly,
// and behind a Relu they are half of everything.
class Histogram {
 public:
  static constexpr std::size_t kBins = 4096;

  // low <= high, both finite.
  Histogram(float low, float high);
  // Values outside the range count in the outermost bins.
  void add(std::span<const float> values);
  float low() const { return low_; }
  float high() const { return high_; }

  // The range to map to 0…255; it always holds 0, so that 0 is one of the numbers. `percentile` is for that
  // method alone, above 50 and at most 100. So many percent of the values lie below the range's upper end,
  // and as many above its lower end.
  //
  // mse takes the range [l, h] that minimises the mean squared error of rounding to 256 steps Δ = (h −
  // l)/255:
  //     Σ_{l ≤ x ≤ h, x ≠ 0} Δ²/12  +  Σ_{x < l} (l − x)²  +  Σ_{x > h} (x − h)².
  // Either end of the full range is cut by 2^(−k/16), down to 1/128 of it. Errors within a step are taken as
  // uniform, which the bins need not resolve.
  ValueRange range(ClipMethod method, double percentile) const;

 private:
  ValueRange mse_range() const;
  ValueRange percentile_range(double percentile) const;
  double centre(std::size_t bin) const;

  float low_, high_;
  double width_;
  std::vector<std::uint64_t> bins_;
  std::uint64_t zeros_ = 0;
};

// Real numbers as u8: real = (number − zero_point) · scale.
struct ActivationScale {
  float scale = 1;
  std::uint8_t zero_point = 0;
  bool operator==(const ActivationScale&) const = default;
};

// The scale at which 255 steps span the range, made to hold 0, and the zero point that is exactly 0. Steps
// never reach beyond an upper end that counts (a Clip's bound). A range of nothing but 0 has scale 1.
ActivationScale scale_of(ValueRange range);

// `value` after QuantizeLinear and DequantizeLinear, on ONNX's definition.
float rounded_to(ActivationScale scale, float value);

}  // namespace godwit::engine
