// Statistics of windows: batch means with autocorrelation, Student's t, and the slope of a drift.
#pragma once

#include <span>
#include <vector>

namespace godwit::energy {

// Ways to make a 95 % interval.
enum class IntervalMethod {
  student,  // Student t over batch means, their number corrected for autocorrelation
  sem,      // mean ± 1.96 standard errors, values taken as independent (Yang et al. 2024)
};

// A mean and how well it is known.
struct MeanEstimate {
  double mean = 0;
  double standard_error = 0;
  double degrees = 0;    // of freedom; infinite for IntervalMethod::sem
  double effective = 0;  // number of independent values that these are worth
};

// The mean of all values of all rounds. Values of one round follow each other in time; nothing is assumed of
// how rounds follow each other. The number of values is corrected by their lag-one autocorrelation, never
// below the number of rounds. Needs at least two values for an error; without them the error is infinite.
MeanEstimate mean_of_rounds(std::span<const std::vector<double>> rounds, IntervalMethod method);

// The value that |t| stays below with probability 0.95; 1.96 for infinite degrees. Degrees below 1 count
// as 1.
double student_t95(double degrees);
// Two-sided probability of |t| or more under Student's distribution.
double student_p(double t, double degrees);

struct Slope {
  double change = 0;  // of the fitted line over the window, relative to the mean
  double p = 1;       // probability of such a slope without one
};
// A straight line through values at equal distances, its test corrected for autocorrelation of the residuals.
Slope slope_of(std::span<const double> values);

// Degrees of freedom of a sum of variances (Welch and Satterthwaite); pairs of variance and degrees.
struct Component {
  double variance = 0;
  double degrees = 0;
};
double combined_degrees(std::span<const Component> components);

}  // namespace godwit::energy
