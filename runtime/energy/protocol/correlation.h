// Relations of two series of figures: geometric means, Pearson and Spearman, straight lines.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

namespace godwit::energy {

// All throw Error where there are fewer values than the figure needs, or two series differ in length.

double median(std::vector<double> values);

// exp of mean and standard deviation (n - 1) of the logarithms. Values must be above 0; needs 2.
struct GeometricMean {
  double mean = 0, sd = 0;
  std::size_t count = 0;
};
GeometricMean geometric_mean(std::span<const double> values);

// 1 for the smallest; equal values share the mean of their ranks.
std::vector<double> ranks(std::span<const double> values);
// Pearson's r, and Spearman's: Pearson's of the ranks. NaN where a series does not vary; needs 2.
double pearson(std::span<const double> x, std::span<const double> y);
double spearman(std::span<const double> x, std::span<const double> y);

// Least squares: y = slope * x + intercept. `residual_sd` has n - 2 degrees of freedom, 0 for 2 points.
// Needs 2 different x.
struct Line {
  double slope = 0, intercept = 0, residual_sd = 0;
  std::size_t count = 0;
  double at(double x) const { return slope * x + intercept; }
};
Line fit_line(std::span<const double> x, std::span<const double> y);

}  // namespace godwit::energy
