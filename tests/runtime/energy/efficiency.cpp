// The report's formulas against figures that publications state; a handful of them stands here as facts.
#include "runtime/energy/protocol/efficiency.h"

#include <cmath>
#include <gtest/gtest.h>
#include <vector>

namespace godwit::energy {
namespace {

// Region Halland and Aixia, "Sustainable image inference in practice" (2025), section 7.1.4: watts, img/s and
// million images per SEK at 0.386 SEK/kWh, before and after a power cap.
TEST(Efficiency, CostOfTheStatedPoints) {
  const PricePreset* price = find_price("sweden-2024");
  ASSERT_NE(price, nullptr);
  EXPECT_EQ(price->per_kwh, 0.386);
  EXPECT_EQ(price->currency, "SEK");
  EXPECT_NE(price->source, "");
  const auto million = [&](double watts, double img_s) {
    return million_images_per_unit(joules_per_image(watts, img_s), price->per_kwh);
  };
  EXPECT_NEAR(million(579, 26170), 421.5, 0.05);  // H100, printed 422
  EXPECT_NEAR(million(298, 20394), 638.3, 0.05);  // capped, printed 638
  EXPECT_NEAR(million(88, 1888), 200.1, 0.05);    // A10, printed 201
  EXPECT_NEAR(million(76, 1537), 188.6, 0.05);    // capped, printed 189
  EXPECT_EQ(find_price("norway-1905"), nullptr);
}

// The same source: what the caps changed, in printed percent. Percentages are cut or rounded there.
TEST(Efficiency, EffectOfTheStatedCaps) {
  const CapEffect h100 = effect_of_cap({579, 26170}, {298, 20394});
  EXPECT_NEAR(h100.images_per_unit, 0.514, 0.0005);  // +51
  EXPECT_NEAR(h100.watts, -0.485, 0.0005);           // -48
  EXPECT_NEAR(h100.img_s, -0.221, 0.0005);           // -22
  const CapEffect a10 = effect_of_cap({88, 1888}, {76, 1537});
  EXPECT_NEAR(a10.images_per_unit, -0.057, 0.0005);  // -6
  EXPECT_NEAR(a10.watts, -0.136, 0.0005);            // -14
  EXPECT_NEAR(a10.img_s, -0.186, 0.0005);            // -18
}

TEST(Efficiency, UnitsOfEnergy) {
  EXPECT_DOUBLE_EQ(images_per_kwh(36), 1e5);
  EXPECT_DOUBLE_EQ(wh_per_thousand(3.6), 1);
  EXPECT_DOUBLE_EQ(accuracy_per_joule(80, 0.5), 160);
}

// Yang et al. 2024, section 4.4, in the form in which the authors' page computes it.
TEST(Efficiency, ScoreIsThatOfTheAuthorsPage) {
  for (const double weight : {0.0, 0.25, 0.5, 1.0}) {
    for (const double joules : {0.01, 0.4, 1.0}) {
      for (const double accuracy : {40.83, 76.16, 89.25}) {
        const double percent = 100 * weight;
        const double theirs = percent * (1 - joules / 1.0) + accuracy * (1 - percent / 100);
        EXPECT_NEAR(score(joules, 1.0, accuracy, weight), theirs, 1e-9);
      }
    }
  }
  EXPECT_DOUBLE_EQ(score(1, 1, 76, 1), 0);     // the largest energy, and nothing else counts
  EXPECT_DOUBLE_EQ(score(0.3, 1, 76, 0), 76);  // accuracy only
}

TEST(Efficiency, FloorsAdmitWhatIsWithinThem) {
  const Floors floors{46, 1.0};
  EXPECT_TRUE(floors.admit(46, 1.0));
  EXPECT_FALSE(floors.admit(0.1, 1e-6));  // the model that always says goldfish
  EXPECT_FALSE(floors.admit(90, 1.1));
}

TEST(Efficiency, TheFrontHoldsOnlyWhatNothingBeats) {
  const std::vector<Point> points = {{2, 80},   // 0: on the front
                                     {1, 70},   // 1: on the front
                                     {2, 75},   // 2: as much energy as 0, less accuracy
                                     {3, 80},   // 3: as accurate as 0, more energy
                                     {1, 70},   // 4: equal to 1
                                     {5, 81}};  // 5: on the front
  EXPECT_EQ(pareto_front(points), (std::vector<std::size_t>{1, 0, 5}));
  EXPECT_TRUE(pareto_front({}).empty());
}

// Yang et al. 2024, ResNet-50 at 224: medians over the published weights, img/s and mJ, at 250 and 310 W.
TEST(Efficiency, PublishedModelsLieOnThePowerLine) {
  const std::vector<double> a100 = {0.08603 * 2885, 0.01644 * 15127},
                            h100 = {0.07992 * 3807, 0.01227 * 24596};
  EXPECT_EQ(power_line(a100, 250).share_within, 1);
  EXPECT_EQ(power_line(h100, 310).share_within, 1);
  EXPECT_NEAR(power_line(a100, 250).median_w, 248.4, 0.1);
  // resnet50.ram_in1k at 224 on the H100 states 130 W where its siblings have 304.
  const std::vector<double> with_suspect = {304, 130, 304};
  const PowerLine line = power_line(with_suspect, 310);
  EXPECT_EQ(line.suspects, std::vector<std::size_t>{1});
  EXPECT_NEAR(line.share_within, 2.0 / 3, 1e-12);
  EXPECT_TRUE(power_line({}, 310).suspects.empty());
}

// The same source, ResNet-50 on the A100 by TensorRT: side, mJ and the lowest top-1.
TEST(Efficiency, GrowthWithInputSize) {
  const Growth growth =
      growth_with_size({{7, 288, 0.02729, 79.65}, {7, 224, 0.01644, 76.16}, {9, 300, 1, 80}});
  ASSERT_EQ(growth.pixels.size(), 1U);
  EXPECT_NEAR(growth.pixels[0], 65.31, 0.005);  // (288/224)^2 - 1
  EXPECT_NEAR(growth.joules[0], 66.00, 0.005);  // near 0.96 x 65.31 + 1.44 = 64.1, as the paper fits it
  EXPECT_NEAR(growth.accuracy[0], 4.58, 0.005);
}

// ResNet-50 has 4.089 GMACs; the A100's peak is 19.5 TFLOPS in FP32 and its limit 250 W.
TEST(Efficiency, NaiveEnergyIsTooLow) {
  constexpr double kMeasured = 0.08603, kMacs = 4.089e9;
  const double as_published = kMeasured / naive_joules(kMacs, 19.5e12, 250);
  EXPECT_NEAR(as_published, 1.64, 0.005);
  // Counted alike, operations to operations, the factor is half of it.
  EXPECT_NEAR(kMeasured / naive_joules(2 * kMacs, 19.5e12, 250), as_published / 2, 1e-12);
}

}  // namespace
}  // namespace godwit::energy
