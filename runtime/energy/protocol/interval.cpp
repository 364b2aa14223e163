// Means with autocorrelation, Student's distribution, slopes.
#include "runtime/energy/protocol/interval.h"

#include <Eigen/Core>
#include <algorithm>
#include <boost/math/distributions/students_t.hpp>
#include <cmath>
#include <limits>

namespace godwit::energy {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

// Outside of its domain a function gives NaN: nothing is thrown in the middle of a measurement.
namespace policies = boost::math::policies;
using Quiet =
    policies::policy<policies::domain_error<policies::ignore_error>,
                     policies::overflow_error<policies::ignore_error>,
                     policies::evaluation_error<policies::ignore_error>, policies::promote_double<false>>;
using StudentT = boost::math::students_t_distribution<double, Quiet>;

// Means of a process whose correlation falls as exp(-time) over parts of length x: the correlation of
// neighbours, and the variance of one of them over that of a mean of many, each times their number.
double neighbour_correlation(double x) { return std::pow(-std::expm1(-x), 2) / (2 * (x + std::expm1(-x))); }
double worth(double x) { return (x + std::expm1(-x)) / x; }

// The number of independent values that one value is worth when neighbours have the correlation `rho`.
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
  return 2 * cdf(complement(StudentT(std::max(1.0, degrees)), std::abs(t)));
}

double student_t95(double degrees) { return quantile(complement(StudentT(std::max(1.0, degrees)), 0.025)); }

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
  const auto count = static_cast<Eigen::Index>(values.size());
  const auto n = static_cast<double>(count);
  if (count < 4) return slope;
  const Eigen::Map<const Eigen::ArrayXd> y(values.data(), count);
  const double mean = y.mean();
  const Eigen::ArrayXd x = Eigen::ArrayXd::LinSpaced(count, -(n - 1) / 2, (n - 1) / 2);
  const double xx = x.square().sum();
  const double gradient = (x * (y - mean)).sum() / xx;
  slope.change = mean != 0 ? gradient * n / std::abs(mean) : 0;
  const Eigen::ArrayXd residual = y - mean - gradient * x;
  const double squares = residual.square().sum();
  if (squares <= 1e-24 * mean * mean) {
    slope.p = std::abs(slope.change) > 1e-9 ? 0 : 1;
    return slope;
  }
  const double products = (residual.head(count - 1) * residual.tail(count - 1)).sum();
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
