// Extremes, histograms, the choice of ranges, and calibration of a whole graph.
#include "engine/calibrate.h"

#include <array>
#include <cmath>
#include <gtest/gtest.h>
#include <limits>

#include "tests/engine/quantize_helpers.h"

namespace godwit::engine {
namespace {

std::vector<float> uniform(std::size_t count, double low, double high) {
  support::Random random(3);
  std::vector<float> values(count);
  for (float& value : values) value = static_cast<float>(random.uniform(low, high));
  return values;
}

Histogram histogram_of(const std::vector<float>& values) {
  Extremes extremes;
  extremes.add(values);
  Histogram histogram(extremes.low, extremes.high);
  histogram.add(values);
  return histogram;
}

// The mean squared error of rounding these values to the numbers of a scale.
double squared_error(const std::vector<float>& values, ActivationScale scale) {
  double sum = 0;
  for (const float value : values) {
    const auto difference = static_cast<double>(value) - static_cast<double>(rounded_to(scale, value));
    sum += difference * difference;
  }
  return sum / static_cast<double>(values.size());
}

TEST(Extremes, SeeEveryValueAndWhatIsNotFinite) {
  Extremes extremes;
  EXPECT_GT(extremes.low, extremes.high);
  extremes.add(std::array{1.0F, -2.0F, 3.0F});
  EXPECT_EQ(extremes.low, -2.0F);
  EXPECT_EQ(extremes.high, 3.0F);
  EXPECT_TRUE(extremes.finite);
  Extremes nan = extremes, infinite = extremes;
  nan.add(std::array{std::numeric_limits<float>::quiet_NaN()});
  infinite.add(std::array{-std::numeric_limits<float>::infinity()});
  EXPECT_FALSE(nan.finite);
  EXPECT_FALSE(infinite.finite);
}

TEST(Histogram, MinmaxIsTheRangeSeenWith0InIt) {
  const ValueRange both = histogram_of({-1, 0.5F, 3}).range(ClipMethod::minmax, 0);
  EXPECT_EQ(both.low, -1.0F);
  EXPECT_EQ(both.high, 3.0F);
  const ValueRange positive = histogram_of({2, 3}).range(ClipMethod::minmax, 0);
  EXPECT_EQ(positive.low, 0.0F);
  EXPECT_EQ(positive.high, 3.0F);
}

TEST(Histogram, PercentileCutsOutliersOnBothSides) {
  std::vector<float> values = uniform(100'000, -1, 1);
  values.push_back(1000);
  values.push_back(-500);
  const ValueRange range = histogram_of(values).range(ClipMethod::percentile, 99.99);
  // A bin is 1500/4096 wide, and no cut is finer.
  constexpr float kBin = 1500.0F / 4096;
  EXPECT_LE(range.high, 1 + kBin);
  EXPECT_GE(range.high, 1 - kBin);
  EXPECT_GE(range.low, -1 - kBin);
  EXPECT_LE(range.low, -1 + kBin);
  const ValueRange all = histogram_of(values).range(ClipMethod::percentile, 100);
  EXPECT_EQ(all.high, 1000.0F);
  EXPECT_EQ(all.low, -500.0F);
}

TEST(Histogram, MseIsNoWorseThanMinmaxAndBetterWithAnOutlier) {
  for (const float outlier : {1.0F, 4.0F, 60.0F}) {
    std::vector<float> values = uniform(200'000, 0, 1);
    values.push_back(outlier);
    const Histogram histogram = histogram_of(values);
    const double mse = squared_error(values, scale_of(histogram.range(ClipMethod::mse, 0)));
    const double minmax = squared_error(values, scale_of(histogram.range(ClipMethod::minmax, 0)));
    EXPECT_LE(mse, minmax * 1.001) << outlier;  // the model takes errors within a step as uniform
    if (outlier > 50) {
      EXPECT_LT(mse, 0.9 * minmax);
    }
  }
}

TEST(Histogram, ZerosCostNothingWhateverTheScale) {
  // Half of all values 0, as behind a Relu: the range is the one that the others alone would get.
  std::vector<float> values = uniform(50'000, 0.01, 1), with_zeros = values;
  with_zeros.resize(values.size() * 2, 0.0F);
  Histogram a(0, 1), b(0, 1);
  a.add(values);
  b.add(with_zeros);
  EXPECT_EQ(a.range(ClipMethod::mse, 0).high, b.range(ClipMethod::mse, 0).high);
}

TEST(Histogram, OneValueAloneIsExact) {
  for (const float value : {3.7F, -0.2F, 1e-20F}) {
    for (const ClipMethod method : {ClipMethod::mse, ClipMethod::minmax, ClipMethod::percentile}) {
      const ActivationScale scale = scale_of(histogram_of({value, value}).range(method, 99.99));
      EXPECT_GT(scale.scale, 0.0F);
      EXPECT_FLOAT_EQ(rounded_to(scale, value), value) << name_of(method);
      EXPECT_EQ(rounded_to(scale, 0), 0.0F);
    }
  }
}

TEST(ActivationScale, HoldsZeroAndStaysBelowTheUpperEnd) {
  EXPECT_EQ(scale_of({0, 0}), (ActivationScale{1, 0}));
  EXPECT_EQ(scale_of({0, 1e-38F}), (ActivationScale{1, 0})) << "no subnormal scale";
  EXPECT_EQ(scale_of({1, 6}).zero_point, 0);
  EXPECT_EQ(scale_of({-6, -1}).zero_point, 255);
  const ActivationScale six = scale_of({0, 6});
  EXPECT_LE(255.0 * static_cast<double>(six.scale), 6.0);
  EXPECT_EQ(scale_of({-1, 1}).zero_point, 128);
}

TEST(ClipMethod, Names) {
  EXPECT_EQ(clip_method("percentile"), ClipMethod::percentile);
  EXPECT_STREQ(name_of(ClipMethod::mse), "mse");
  EXPECT_NE(error_of([] { (void)clip_method("entropy"); }).find("there are mse, minmax, percentile"),
            std::string::npos);
}

Graph two_values() {
  GraphBuilder builder;
  const ValueId x = builder.input("x", {1, 2, 3, 3});
  const ValueId doubled = builder.node("Mul", "doubled", {x, builder.number("two", 2)});
  const ValueId none = builder.node("Mul", "none", {x, builder.number("zero", 0)});
  builder.output(builder.node("Add", "sum", {doubled, none}));
  return builder.build();
}

TEST(Calibrate, FindsRangesOfInputsAndOfValuesInside) {
  const Graph graph = two_values();
  const std::vector<ValueId> values{graph.inputs[0], graph.find_value("doubled"), graph.find_value("none")};
  for (const ClipMethod method : {ClipMethod::minmax, ClipMethod::mse, ClipMethod::percentile}) {
    const auto scales =
        calibrate(graph, values, random_images(graph, 3), {.clip = method, .percentile = 100});
    ASSERT_EQ(scales.size(), 3U);
    EXPECT_FLOAT_EQ(scales.at(values[1]).scale, 2 * scales.at(values[0]).scale) << name_of(method);
    EXPECT_EQ(scales.at(values[2]), (ActivationScale{1, 0})) << "0 throughout";
  }
}

TEST(Calibrate, SaysWhatIsWrongWithTheImages) {
  const Graph graph = two_values();
  const std::vector<ValueId> values{graph.inputs[0], graph.find_value("doubled")};
  EXPECT_EQ(error_of([&] { (void)calibrate(graph, values, random_images(graph, 0), {}); }),
            "there are no calibration images");
  const double huge = 3e38;
  EXPECT_NE(error_of([&] {
              (void)calibrate(graph, values, random_images(graph, 1, huge, huge), {});
            }).find("'doubled' is NaN or infinite on a calibration image"),
            std::string::npos);
}

}  // namespace
}  // namespace godwit::engine
