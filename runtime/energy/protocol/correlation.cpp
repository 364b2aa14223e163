// Means, ranks and sums of squares.
#include "runtime/energy/protocol/correlation.h"

#include <Eigen/Core>
#include <algorithm>
#include <cmath>
#include <fmt/format.h>
#include <numeric>

#include "runtime/error.h"

namespace godwit::energy {
namespace {

void require(std::size_t count, std::size_t needed) {
  if (count < needed)
    throw Error(fmt::format("{} cannot give this figure, it needs {}",
                            fmt::format("{} value{}", count, count == 1 ? "" : "s"), needed));
}

void require_pairs(std::span<const double> x, std::span<const double> y) {
  if (x.size() != y.size())
    throw Error(fmt::format("two series of {} and {} values do not pair up", x.size(), y.size()));
  require(x.size(), 2);
}

Eigen::Map<const Eigen::ArrayXd> array_of(std::span<const double> values) {
  return {values.data(), static_cast<Eigen::Index>(values.size())};
}

// Sums of squares and products about the means.
struct Sums {
  double mean_x, mean_y, xx, xy, yy;
};
Sums sums_of(std::span<const double> x, std::span<const double> y) {
  const double mean_x = array_of(x).mean(), mean_y = array_of(y).mean();
  const Eigen::ArrayXd dx = array_of(x) - mean_x, dy = array_of(y) - mean_y;
  return {mean_x, mean_y, dx.square().sum(), (dx * dy).sum(), dy.square().sum()};
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
  if (!(array_of(values) > 0).all()) throw Error("a geometric mean is of values above 0 only");
  const Eigen::ArrayXd logs = array_of(values).log();
  const double squares = (logs - logs.mean()).square().sum();
  return {std::exp(logs.mean()), std::exp(std::sqrt(squares / static_cast<double>(values.size() - 1))),
          values.size()};
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
  const double squares = (array_of(y) - line.slope * array_of(x) - line.intercept).square().sum();
  if (x.size() > 2) line.residual_sd = std::sqrt(squares / static_cast<double>(x.size() - 2));
  return line;
}

}  // namespace godwit::energy
