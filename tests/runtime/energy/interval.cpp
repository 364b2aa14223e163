// Student's distribution, means with autocorrelation, slopes.
#include "runtime/energy/protocol/interval.h"

#include <cmath>
#include <gtest/gtest.h>
#include <limits>

#include "tests/support/random.h"

namespace godwit::energy {
namespace {

TEST(Student, QuantilesAreThoseOfTheTables) {
  // Any table of Student's t, two-sided 95 %.
  EXPECT_NEAR(student_t95(1), 12.706, 1e-3);
  EXPECT_NEAR(student_t95(2), 4.303, 1e-3);
  EXPECT_NEAR(student_t95(10), 2.228, 1e-3);
  EXPECT_NEAR(student_t95(30), 2.042, 1e-3);
  EXPECT_NEAR(student_t95(std::numeric_limits<double>::infinity()), 1.960, 1e-3);
  EXPECT_NEAR(student_p(2.228, 10), 0.05, 1e-4);
  EXPECT_NEAR(student_p(0, 5), 1, 1e-12);
}

// With one and two degrees the distribution has a closed form, far into its tails too.
TEST(Student, EqualsTheClosedForms) {
  for (const double t : {0.1, 1.0, 3.0, 40.0, 1e4}) {
    const double one = 2 / std::acos(-1.0) * std::atan(1 / t);
    EXPECT_NEAR(student_p(t, 1), one, 1e-13 * one) << t;
    EXPECT_EQ(student_p(-t, 1), student_p(t, 1)) << t;
    const double root = std::sqrt(2 + t * t), two = 2 / (root * (root + t));
    EXPECT_NEAR(student_p(t, 2), two, 1e-13 * two) << t;
  }
  EXPECT_NEAR(student_t95(1), std::tan(0.475 * std::acos(-1.0)), 1e-11);
  EXPECT_NEAR(student_p(1, std::numeric_limits<double>::infinity()), std::erfc(std::sqrt(0.5)), 1e-15);
}

TEST(Student, TakesWhatIsNoNumberAndFewerDegreesThanOne) {
  EXPECT_TRUE(std::isnan(student_p(std::numeric_limits<double>::quiet_NaN(), 5)));
  EXPECT_EQ(student_p(std::numeric_limits<double>::infinity(), 5), 0);
  EXPECT_EQ(student_p(2, 0.5), student_p(2, 1));
}

TEST(MeanOfRounds, OfIndependentValuesIsTheUsualOne) {
  support::Random random(3);
  std::vector<std::vector<double>> rounds(3);
  for (auto& round : rounds) {
    for (int i = 0; i < 2000; ++i) round.push_back(random.uniform());
  }
  const MeanEstimate mean = mean_of_rounds(rounds, IntervalMethod::student);
  EXPECT_NEAR(mean.standard_error, std::sqrt(1.0 / 12 / 6000), 3e-4);
  EXPECT_GT(mean.effective, 5000);
  const MeanEstimate sem = mean_of_rounds(rounds, IntervalMethod::sem);
  EXPECT_NEAR(sem.standard_error, std::sqrt(1.0 / 12 / 6000), 1e-4);
  EXPECT_TRUE(std::isinf(sem.degrees));
}

TEST(MeanOfRounds, CorrelatedValuesAreWorthFewer) {
  support::Random random(4);
  std::vector<std::vector<double>> rounds(1);
  // Means of 20 values each of a process whose correlation falls to 1/e over 20 of them.
  const double keep = std::exp(-1.0 / 20);
  double value = 0;
  for (int i = 0; i < 20000; ++i) {
    double mean = 0;
    for (int k = 0; k < 20; ++k) mean += (value = keep * value + random.uniform(-1, 1)) / 20;
    rounds[0].push_back(mean);
  }
  const MeanEstimate mean = mean_of_rounds(rounds, IntervalMethod::student);
  // x = 1: x / (x - 1 + exp(-x)) = e
  EXPECT_NEAR(mean.effective, 20000 / std::exp(1.0), 400);
}

TEST(MeanOfRounds, RoundsThatDifferAreWorthNoMoreThanTheirNumber) {
  const std::vector<std::vector<double>> rounds{std::vector<double>(10, 1.0), std::vector<double>(10, 2.0),
                                                std::vector<double>(10, 3.0)};
  const MeanEstimate mean = mean_of_rounds(rounds, IntervalMethod::student);
  EXPECT_DOUBLE_EQ(mean.mean, 2);
  EXPECT_DOUBLE_EQ(mean.effective, 3);
  EXPECT_NEAR(mean.standard_error, std::sqrt(1.0 / 3), 1e-6);
}

TEST(MeanOfRounds, OneValueHasNoError) {
  const std::vector<std::vector<double>> rounds{{5.0}};
  EXPECT_TRUE(std::isinf(mean_of_rounds(rounds, IntervalMethod::student).standard_error));
  EXPECT_TRUE(std::isinf(mean_of_rounds({}, IntervalMethod::student).standard_error));
}

TEST(Slope, TellsARampFromNoise) {
  support::Random random(5);
  std::vector<double> flat, ramp;
  for (int i = 0; i < 10; ++i) {
    flat.push_back(40 + random.uniform(-0.1, 0.1));
    ramp.push_back(40 + 0.4 * i + random.uniform(-0.1, 0.1));
  }
  EXPECT_GT(slope_of(flat).p, 0.01);
  EXPECT_LT(slope_of(ramp).p, 0.001);
  EXPECT_NEAR(slope_of(ramp).change, 4.0 / 41.8, 0.01);
}

TEST(Degrees, FollowWelchAndSatterthwaite) {
  const Component parts[] = {{1, 2}, {1, 2}};
  EXPECT_DOUBLE_EQ(combined_degrees(parts), 4);
  const Component known[] = {{1, std::numeric_limits<double>::infinity()}};
  EXPECT_TRUE(std::isinf(combined_degrees(known)));
}

}  // namespace
}  // namespace godwit::energy
