// Means, correlations and lines against values worked out by hand.
#include "runtime/energy/protocol/correlation.h"

#include <cmath>
#include <gtest/gtest.h>
#include <vector>

#include "tests/support/errors.h"

namespace godwit::energy {
namespace {

using Values = std::vector<double>;

TEST(Correlation, MedianOfOddAndEvenCounts) {
  EXPECT_EQ(median({3, 1, 2}), 2);
  EXPECT_EQ(median({4, 1, 3, 2}), 2.5);
}

// Logarithms 0, ln 4, ln 16: mean ln 4, deviation ln 4.
TEST(Correlation, GeometricMeanAndDeviation) {
  const GeometricMean mean = geometric_mean(Values{1, 4, 16});
  EXPECT_DOUBLE_EQ(mean.mean, 4);
  EXPECT_DOUBLE_EQ(mean.sd, 4);
  EXPECT_EQ(mean.count, 3U);
}

// Deviations -2 -1 0 1 2 and -2 0 -1 2 1: sum of products 8, of squares 10 each.
TEST(Correlation, PearsonByHand) {
  EXPECT_DOUBLE_EQ(pearson(Values{1, 2, 3, 4, 5}, Values{1, 3, 2, 5, 4}), 0.8);
  EXPECT_DOUBLE_EQ(pearson(Values{1, 2, 3}, Values{5, 3, 1}), -1);
  EXPECT_TRUE(std::isnan(pearson(Values{1, 2}, Values{7, 7})));
}

// Ties share the mean of their ranks. Ranks 1 2.5 2.5 4 and 1 2 3 4: products 4.5, squares 4.5 and 5.
TEST(Correlation, SpearmanWithTiesByHand) {
  EXPECT_EQ(ranks(Values{10, 20, 20, 5, 20}), (Values{2, 4, 4, 1, 4}));
  EXPECT_DOUBLE_EQ(spearman(Values{1, 7, 7, 9}, Values{2, 30, 400, 5000}), 4.5 / std::sqrt(4.5 * 5));
  // Only the order counts.
  EXPECT_DOUBLE_EQ(spearman(Values{1, 2, 3}, Values{1, 100, 1e9}), 1);
}

TEST(Correlation, LineThroughPoints) {
  const Line exact = fit_line(Values{1, 2, 4}, Values{5, 7, 11});
  EXPECT_DOUBLE_EQ(exact.slope, 2);
  EXPECT_DOUBLE_EQ(exact.intercept, 3);
  EXPECT_NEAR(exact.residual_sd, 0, 1e-12);
  // Slope 0, residuals -1 2 -1 about the mean 1: sum of squares 6, one degree of freedom.
  EXPECT_DOUBLE_EQ(fit_line(Values{-1, 0, 1}, Values{0, 3, 0}).residual_sd, std::sqrt(6.0));
}

TEST(Correlation, TooFewValuesAreErrors) {
  using support::error_of;
  EXPECT_NE(error_of([] { (void)median({}); }), "");
  EXPECT_NE(error_of([] { (void)geometric_mean(Values{1}); }), "");
  EXPECT_NE(error_of([] { (void)geometric_mean(Values{1, 0}); }), "");
  EXPECT_NE(error_of([] {
              (void)pearson(Values{1, 2}, Values{1});
            }).find("2 and 1 values"),
            std::string::npos);
  EXPECT_NE(error_of([] { (void)fit_line(Values{3, 3}, Values{1, 2}); }), "");
}

}  // namespace
}  // namespace godwit::energy
