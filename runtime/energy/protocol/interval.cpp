// Means with autocorrelation, Student's distribution, slopes.
#include "runtime/energy/protocol/interval.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace godwit::energy {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

// The continued fraction of the incomplete beta function (Lentz's evaluation).
double beta_fraction(double a, double b, double x) {
  constexpr double kTiny = 1e-300;
  const auto away = [](double value) { return std::abs(value) < kTiny ? kTiny : value; };
  double c = 1, d = 1 / away(1 - (a + b) * x / (a + 1)), result = d;
  for (int m = 1; m <= 500; ++m) {
    const double even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m));
    d = 1 / away(1 + even * d);
    c = away(1 + even / c);
    result *= d * c;
    const double odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1));
    d = 1 / away(1 + odd * d);
    c = away(1 + odd / c);
    result *= d * c;
    if (std::abs(d * c - 1) < 1e-14) break;
  }
  return result;
}

// The regularised incomplete beta function.
double incomplete_beta(double a, double b, double x) {
  if (x <= 0) return 0;
  if (x >= 1) return 1;
  const double front =
      std::exp(std::lgamma(a + b) - std::lgamma(a) - std::lgamma(b) + a * std::log(x) + b * std::log1p(-x));
  return x < (a + 1) / (a + b + 2) ? front * beta_fraction(a, b, x) / a
                                   : 1 - front * beta_fraction(b, a, 1 - x) / b;
}

// Means of a process whose correlation falls as exp(-time) over parts of length x: the correlation of
// neighbours, and the variance of one of them over that of a mean of many, each times their number.
double neighbour_correlation(double x) { return std::pow(-std::expm1(-x), 2) / (2 * (x + std::expm1(-x))); }
double worth(double x) { return (x + std::expm1(-x)) / x; }

// How many independent values one of a series is worth whose neighbours have the correlation `rho`.
double independent_share(double rho) {
  if (rho <= 0) return 1;
  double low = 1e-3, high = 1e3;  // neighbour_correlation() falls from 1 to 0
  for (int i = 0; i < 60; ++i) {
    const double middle = std::sqrt(low * high);
    (neighbour_correlation(middle) > rho ? low : high) = middle;
  }
  return worth(low);
}

}  // namespace

double student_p(double t, double degrees) {
  if (std::isinf(degrees)) return std::erfc(std::abs(t) / std::sqrt(2.0));
  degrees = std::max(1.0, degrees);
  return incomplete_beta(degrees / 2, 0.5, degrees / (degrees + t * t));
}

double student_t95(double degrees) {
  double low = 1.9, high = 13;  // t95 of infinite degrees is 1.96, of one 12.71
  for (int i = 0; i < 60; ++i) {
    const double middle = (low + high) / 2;
    (student_p(middle, degrees) > 0.05 ? low : high) = middle;
  }
  return (low + high) / 2;
}

MeanEstimate mean_of_rounds(std::span<const std::vector<double>> rounds, IntervalMethod method) {
  MeanEstimate result;
  double n = 0, sum = 0;
  int filled = 0;
  for (const std::vector<double>& round : rounds) {
    for (const double value : round) sum += value;
    n += static_cast<double>(round.size());
    filled += round.empty() ? 0 : 1;
  }
  result.mean = n > 0 ? sum / n : 0;
  result.standard_error = kInfinity;
  result.effective = n;
  result.degrees = std::max(1.0, n - 1);
  if (n < 2) return result;

  double squares = 0, products = 0, pairs = 0;
  for (const std::vector<double>& round : rounds) {
    for (std::size_t i = 0; i < round.size(); ++i) {
      const double here = round[i] - result.mean;
      squares += here * here;
      if (i == 0) continue;
      products += here * (round[i - 1] - result.mean);
      ++pairs;
    }
  }
  const double variance = squares / (n - 1);
  if (method == IntervalMethod::sem) {
    result.standard_error = std::sqrt(variance / n);
    result.degrees = kInfinity;
    return result;
  }
  double rho = 0;
  if (pairs >= 3 && squares > 0) {
    // Taken about a mean that shares the noise the estimate falls short by about 1 / n.
    rho = std::clamp((products / pairs) / (squares / n) + 1 / n, 0.0, 0.98);
  }
  result.effective = std::clamp(n * independent_share(rho), std::min(n, std::max(2.0, 1.0 * filled)), n);
  // Variance about a mean that shares the noise is too small by the same correction.
  const double corrected = squares / n * result.effective / (result.effective - 1);
  result.standard_error = std::sqrt(std::max(variance, corrected) / result.effective);
  result.degrees = result.effective - 1;
  return result;
}

Slope slope_of(std::span<const double> values) {
  Slope slope;
  const auto n = static_cast<double>(values.size());
  if (values.size() < 4) return slope;
  double mean = 0;
  for (const double value : values) mean += value / n;
  const double middle = (n - 1) / 2;
  double xx = 0, xy = 0;
  for (std::size_t i = 0; i < values.size(); ++i) {
    const double x = static_cast<double>(i) - middle;
    xx += x * x;
    xy += x * (values[i] - mean);
  }
  const double gradient = xy / xx;
  slope.change = mean != 0 ? gradient * n / std::abs(mean) : 0;
  double squares = 0, products = 0, last = 0;
  for (std::size_t i = 0; i < values.size(); ++i) {
    const double residual = values[i] - mean - gradient * (static_cast<double>(i) - middle);
    squares += residual * residual;
    if (i > 0) products += residual * last;
    last = residual;
  }
  if (squares <= 1e-24 * mean * mean) {
    slope.p = std::abs(slope.change) > 1e-9 ? 0 : 1;
    return slope;
  }
  const double rho = std::clamp(products / squares + 2 / n, 0.0, 0.9);
  const double effective = std::max(3.0, n * (1 - rho) / (1 + rho));
  const double error = std::sqrt(squares / (n - 2) / xx * n / effective);
  slope.p = student_p(gradient / error, std::max(1.0, effective - 2));
  return slope;
}

double combined_degrees(std::span<const Component> components) {
  double sum = 0, weighted = 0;
  for (const Component& part : components) {
    sum += part.variance;
    if (!std::isinf(part.degrees)) weighted += part.variance * part.variance / std::max(1.0, part.degrees);
  }
  return weighted > 0 ? std::max(1.0, sum * sum / weighted) : kInfinity;
}

}  // namespace godwit::energy
