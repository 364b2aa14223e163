// Means, ranks and sums of squares.
#include "runtime/energy/protocol/correlation.h"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>
#include <numeric>

#include "runtime/error.h"

namespace godwit::energy {
namespace {

void require(std::size_t count, std::size_t needed) {
  if (count < needed)
    throw Error(fmt::format("{} values are too few for this figure, it needs {}", count, needed));
}

void require_pairs(std::span<const double> x, std::span<const double> y) {
  if (x.size() != y.size())
    throw Error(fmt::format("two series of {} and {} values do not pair up", x.size(), y.size()));
  require(x.size(), 2);
}

double mean_of(std::span<const double> values) {
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

// Sums about the means.
struct Sums {
  double mean_x, mean_y, xx = 0, xy = 0, yy = 0;
};
Sums sums_of(std::span<const double> x, std::span<const double> y) {
  Sums sums{mean_of(x), mean_of(y)};
  for (std::size_t i = 0; i < x.size(); ++i) {
    const double dx = x[i] - sums.mean_x, dy = y[i] - sums.mean_y;
    sums.xx += dx * dx;
    sums.xy += dx * dy;
    sums.yy += dy * dy;
  }
  return sums;
}

}  // namespace

double median(std::vector<double> values) {
  require(values.size(), 1);
  std::ranges::sort(values);
  const std::size_t half = values.size() / 2;
  return values.size() % 2 == 1 ? values[half] : (values[half - 1] + values[half]) / 2;
}

GeometricMean geometric_mean(std::span<const double> values) {
  require(values.size(), 2);
  std::vector<double> logs;
  for (const double value : values) {
    if (!(value > 0)) throw Error("a geometric mean is of values above 0 only");
    logs.push_back(std::log(value));
  }
  const double mean = mean_of(logs);
  double squares = 0;
  for (const double log : logs) squares += (log - mean) * (log - mean);
  return {std::exp(mean), std::exp(std::sqrt(squares / static_cast<double>(logs.size() - 1))), logs.size()};
}

std::vector<double> ranks(std::span<const double> values) {
  std::vector<std::size_t> order(values.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::sort(order, {}, [&](std::size_t i) { return values[i]; });
  std::vector<double> result(values.size());
  for (std::size_t begin = 0; begin < order.size();) {
    std::size_t end = begin + 1;
    while (end < order.size() && values[order[end]] == values[order[begin]]) ++end;
    // Ranks begin + 1 … end, shared.
    const double shared = static_cast<double>(begin + 1 + end) / 2;
    for (; begin < end; ++begin) result[order[begin]] = shared;
  }
  return result;
}

double pearson(std::span<const double> x, std::span<const double> y) {
  require_pairs(x, y);
  const Sums sums = sums_of(x, y);
  return sums.xy / std::sqrt(sums.xx * sums.yy);
}

double spearman(std::span<const double> x, std::span<const double> y) { return pearson(ranks(x), ranks(y)); }

Line fit_line(std::span<const double> x, std::span<const double> y) {
  require_pairs(x, y);
  const Sums sums = sums_of(x, y);
  if (!(sums.xx > 0)) throw Error("a line needs two different places to go through");
  Line line;
  line.slope = sums.xy / sums.xx;
  line.intercept = sums.mean_y - line.slope * sums.mean_x;
  line.count = x.size();
  double squares = 0;
  for (std::size_t i = 0; i < x.size(); ++i) squares += (y[i] - line.at(x[i])) * (y[i] - line.at(x[i]));
  if (x.size() > 2) line.residual_sd = std::sqrt(squares / static_cast<double>(x.size() - 2));
  return line;
}

}  // namespace godwit::energy
