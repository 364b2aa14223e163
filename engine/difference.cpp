// Signal, noise and their products, channel by channel.
#include "engine/difference.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "engine/nonfinite.h"
#include "engine/observe.h"

namespace godwit::engine {
namespace {

double decibels(double signal, double noise) {
  if (noise == 0) return std::numeric_limits<double>::infinity();
  return 10 * std::log10(signal / noise);
}

}  // namespace

void Difference::add(const Tensor& reference, const Tensor& other) {
  const ChannelView view(reference.shape());
  const auto a = reference.values<float>(), b = other.values<float>();
  channels_.resize(std::max(channels_.size(), view.channels));
  for (std::size_t row = 0; row < view.outer * view.channels; ++row) {
    Sums sums;
    for (std::size_t i = row * view.inner; i < (row + 1) * view.inner; ++i) {
      const auto r = static_cast<double>(a[i]), o = static_cast<double>(b[i]), d = r - o;
      sums.reference += r * r;
      sums.other += o * o;
      sums.product += r * o;
      sums.difference += d * d;
      if (!(std::abs(d) <= largest_)) largest_ = std::isnan(largest_) ? largest_ : std::abs(d);
    }
    // A sum of squares is finite where all elements are, or where they are beyond 1e154.
    if (!std::isfinite(sums.reference) || !std::isfinite(sums.other)) {
      const auto first = row * view.inner;
      nonfinite_reference_ += count_nonfinite(a.subspan(first, view.inner)).count();
      nonfinite_other_ += count_nonfinite(b.subspan(first, view.inner)).count();
    }
    Sums& channel = channels_[row % view.channels];
    channel.reference += sums.reference;
    channel.other += sums.other;
    channel.product += sums.product;
    channel.difference += sums.difference;
  }
  count_ += a.size();
}

Difference::Sums Difference::total() const {
  Sums total;
  for (const Sums& sums : channels_) {
    total.reference += sums.reference;
    total.other += sums.other;
    total.product += sums.product;
    total.difference += sums.difference;
  }
  return total;
}

double Difference::sqnr_db() const {
  const Sums sums = total();
  return decibels(sums.reference, sums.difference);
}

double Difference::channel_sqnr_db() const {
  double ratio = 0;
  std::size_t channels = 0;
  for (const Sums& sums : channels_) {
    if (sums.reference == 0) continue;
    ratio += sums.difference / sums.reference;
    ++channels;
  }
  if (channels == 0) return sqnr_db();
  return decibels(1, ratio / static_cast<double>(channels));
}

double Difference::cosine() const {
  const Sums sums = total();
  if (sums.reference == 0 && sums.other == 0) return 1;
  const double product = std::sqrt(sums.reference) * std::sqrt(sums.other);
  return product == 0 ? 0 : sums.product / product;
}

}  // namespace godwit::engine
