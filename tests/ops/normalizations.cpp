// Operators that normalise by what they find in the data, and determinants: values, axes, shapes, refusals,
// and every implementation against the reference.
#include <algorithm>
#include <cmath>
#include <gtest/gtest.h>
#include <limits>
#include <string>
#include <vector>

#include "tests/support/compare.h"
#include "tests/support/errors.h"
#include "tests/support/op_runner.h"
#include "tests/support/random.h"

namespace godwit::support {
namespace {

constexpr float kInf = std::numeric_limits<float>::infinity();
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
using Floats = std::vector<float>;

Floats first(const OpRunner& runner) { return values_of<float>(runner.reference()[0]); }

// (1, 2, 3, 6) has mean 3 and variance 3.5; epsilon is 1e-5.
const Tensor& sample() {
  static const Tensor tensor = Tensor::of<float>({1, 4}, {1, 2, 3, 6});
  return tensor;
}
const Floats kNormal{-1.0690434404458735F, -0.5345217202229368F, 0, 1.6035651606688102F};

TEST(LogSoftmaxOp, IsTheLogarithmOfASoftmax) {
  // Two equal ones: minus the logarithm of 2.
  EXPECT_EQ(first(OpRunner("LogSoftmax").input(Tensor::of<float>({2}, {10000, 10000}))),
            (Floats{-0.6931471805599453F, -0.6931471805599453F}));
  EXPECT_EQ(first(OpRunner("LogSoftmax").input(Tensor::of<float>({2}, {0, -kInf}))), (Floats{0, -kInf}));
  EXPECT_TRUE(std::isnan(first(OpRunner("LogSoftmax").input(Tensor::of<float>({2}, {0, kNan})))[0]));
  const Tensor columns = Tensor::of<float>({2, 2}, {0, -kInf, 0, 0});
  EXPECT_EQ(first(OpRunner("LogSoftmax").input(columns).attribute("axis", 0)),
            (Floats{-0.6931471805599453F, -kInf, -0.6931471805599453F, 0}));
  EXPECT_EQ(error_of([] {
              OpRunner("LogSoftmax").input({2, 3}).attribute("axis", 2).infer();
            }),
            "axis 2 is out of range, expected -2 to 1");
}

TEST(HardmaxOp, MarksTheFirstLargest) {
  const Tensor src = Tensor::of<float>({2, 3}, {1, 4, 4, kNan, 9, -1});
  EXPECT_EQ(first(OpRunner("Hardmax").input(src)), (Floats{0, 1, 0, 1, 0, 0}));
  EXPECT_EQ(first(OpRunner("Hardmax").input(src).attribute("axis", 0)), (Floats{0, 0, 1, 1, 1, 0}));
  EXPECT_EQ(OpRunner("Hardmax").input(random_tensor({2, 0}, 1)).reference()[0].shape(), Shape({2, 0}));
}

TEST(LpNormalizationOp, DividesByTheNorm) {
  const Tensor src = Tensor::of<float>({2, 2}, {3, -4, 0, 0});
  EXPECT_EQ(first(OpRunner("LpNormalization").input(src)), (Floats{0.6F, -0.8F, 0, 0}));
  EXPECT_EQ(first(OpRunner("LpNormalization").input(src).attribute("p", 1)),
            (Floats{3 / 7.0F, -4 / 7.0F, 0, 0}));
  EXPECT_EQ(first(OpRunner("LpNormalization").input(src).attribute("axis", 0)), (Floats{1, -1, 0, 0}));
  EXPECT_EQ(error_of([&] { OpRunner("LpNormalization").input(src).attribute("p", 3).infer(); }),
            "attribute 'p' is 3, expected 1 or 2");
}

TEST(LRNOp, SumsTheChannelsAround) {
  // Divisors are 1 plus sums of squares, with bias 1, alpha 3 and beta 1 over 3 channels.
  OpRunner runner("LRN");
  runner.input(Tensor::of<float>({1, 4, 1}, {1, 2, 3, 4})).attribute("size", 3);
  runner.attribute("alpha", 3.0F).attribute("beta", 1.0F);
  EXPECT_EQ(first(runner), (Floats{1 / 6.0F, 2 / 15.0F, 3 / 30.0F, 4 / 26.0F}));
  // An even size looks one channel further ahead.
  runner.attribute("size", 2).attribute("alpha", 2.0F);
  EXPECT_EQ(first(runner), (Floats{1 / 6.0F, 2 / 14.0F, 3 / 26.0F, 4 / 17.0F}));
  EXPECT_EQ(error_of([&] { runner.attribute("size", 0).infer(); }),
            "attribute 'size' is 0, expected at least 1");
  EXPECT_EQ(error_of([] { OpRunner("LRN").input({2}).attribute("size", 1).infer(); }),
            "input 0 has 1 dimension (2), expected at least 2");
}

TEST(InstanceNormalizationOp, NormalisesEachChannel) {
  OpRunner runner("InstanceNormalization");
  runner.input(Tensor::of<float>({1, 2, 4}, {1, 2, 3, 6, 10, 20, 30, 60}));
  runner.constant(Tensor::of<float>({2}, {1, 2})).constant(Tensor::of<float>({2}, {0, 1}));
  const Floats values = first(runner);
  for (std::size_t i = 0; i < 4; ++i) EXPECT_EQ(values[i], kNormal[i]);
  EXPECT_EQ(values[6], 1);
  EXPECT_EQ(error_of([] {
              OpRunner("InstanceNormalization").input({1, 2, 3}).input({3}).input({2}).infer();
            }),
            "the length of input 1 is 3, expected 2");
}

TEST(GroupNormalizationOp, NormalisesGroups) {
  const auto groups = [](std::int64_t scales) {
    OpRunner runner("GroupNormalization");
    runner.input(Tensor::of<float>({1, 4, 2}, {1, 2, 3, 6, 1, 2, 3, 6})).attribute("num_groups", 2);
    Tensor scale(TensorDesc{DType::f32, {scales}}), shift(TensorDesc{DType::f32, {scales}});
    for (std::size_t i = 0; i < static_cast<std::size_t>(scales); ++i) {
      scale.mutable_values<float>()[i] = static_cast<float>(i + 1);
      shift.mutable_values<float>()[i] = 0;
    }
    return first(runner.constant(scale).constant(shift));
  };
  const Floats by_channel = groups(4), by_group = groups(2);
  for (std::size_t i = 0; i < 8; ++i) {
    const double normal = static_cast<double>(kNormal[i % 4]);
    EXPECT_NEAR(by_channel[i], normal * static_cast<double>(i / 2 + 1), 8 * unit_roundoff<float>);
    EXPECT_NEAR(by_group[i], normal * static_cast<double>(i / 4 + 1), 4 * unit_roundoff<float>);
  }
  const auto refused = [](int count) {
    return error_of([&] {
      OpRunner("GroupNormalization")
          .input({1, 4, 2})
          .input({4})
          .input({4})
          .attribute("num_groups", count)
          .infer();
    });
  };
  EXPECT_EQ(refused(3), "4 channels cannot be divided into 3 groups");
  EXPECT_EQ(refused(0), "attribute 'num_groups' is 0, expected at least 1");
}

TEST(LayerNormalizationOp, NormalisesTheLastAxes) {
  OpRunner runner("LayerNormalization");
  runner.input(sample()).constant(Tensor::of<float>({4}, {1, 1, 1, 1})).outputs(3);
  const std::vector<Tensor> results = runner.reference();
  EXPECT_EQ(values_of<float>(results[0]), kNormal);
  EXPECT_EQ(values_of<float>(results[1]), Floats{3});
  EXPECT_EQ(values_of<float>(results[2]), Floats{0.5345217202229368F});
  EXPECT_EQ(results[1].shape(), Shape({1, 1}));
  OpRunner all("LayerNormalization");
  all.input(Tensor::of<float>({2, 2}, {1, 2, 3, 6})).constant(Tensor::of<float>({}, {2}));
  all.constant(Tensor::of<float>({2}, {0, 1})).attribute("axis", 0);
  const Floats values = first(all);
  EXPECT_EQ(values[0], 2 * kNormal[0]);
  EXPECT_EQ(values[2], 0);
  EXPECT_EQ(error_of([] {
              OpRunner("LayerNormalization").input({2, 3}).input({2}).infer();
            }),
            "the scale of shape 2 does not broadcast to 2x3");
}

TEST(RMSNormalizationOp, DividesByTheRootOfTheMeanSquare) {
  OpRunner runner("RMSNormalization");
  runner.input(sample()).constant(Tensor::of<float>({4}, {1, 1, 1, 1}));
  EXPECT_EQ(first(runner),
            (Floats{0.2828425993376019F, 0.5656851986752038F, 0.8485277980128058F, 1.6970555960256115F}));
}

TEST(MeanVarianceNormalizationOp, NormalisesOverAxes) {
  OpRunner runner("MeanVarianceNormalization");
  runner.input(Tensor::of<float>({2, 2}, {1, 5, 3, 5})).attribute("axes", {0});
  const Floats values = first(runner);
  EXPECT_EQ(values[0], static_cast<float>(-1 / (1 + 1e-9)));
  EXPECT_EQ(values[1], 0);
  EXPECT_EQ(error_of([] {
              OpRunner("MeanVarianceNormalization").input({2, 3}).infer();
            }),
            "axis 2 is out of range, expected -2 to 1");
}

// The largest 1 / deviation of groups of `size` elements side by side.
double largest_factor(const Tensor& src, std::int64_t size) {
  double largest = 0;
  const auto values = src.values<float>();
  for (std::size_t first = 0; first < values.size(); first += static_cast<std::size_t>(size)) {
    double sum = 0, squares = 0;
    for (const float x : values.subspan(first, static_cast<std::size_t>(size))) sum += static_cast<double>(x);
    const double mean = sum / static_cast<double>(size);
    for (const float x : values.subspan(first, static_cast<std::size_t>(size)))
      squares += (static_cast<double>(x) - mean) * (static_cast<double>(x) - mean);
    largest = std::max(largest, 1 / std::sqrt(squares / static_cast<double>(size) + 1e-5));
  }
  return largest;
}

// Bounds for |x| <= 3, scales up to 2 and shifts up to 1: the sums of a group round once for each element,
// what they give is a mean and a factor, and both multiply differences up to 6 by the factor and the scale.
Bound normalized(const Tensor& src, std::int64_t size) {
  const double bound = gamma(2 * size + 12) * (6 * largest_factor(src, size) * 2 + 1);
  return [bound](const Element&) { return bound; };
}

TEST(NormalizationOps, EveryImplementationAgrees) {
  for (const Shape& shape :
       {Shape{2, 4, 3, 5}, Shape{1, 64, 4, 5}, Shape{3, 20, 7}, Shape{2, 8, 1, 1}, Shape{1, 4, 20, 30}}) {
    const Tensor src = random_tensor(shape, 3, -2, 3);
    const Tensor scale = random_tensor({shape[1]}, 4, 0.5, 2), shift = random_tensor({shape[1]}, 5);
    const std::int64_t plane = shape.product(2, shape.rank());
    OpRunner instance("InstanceNormalization"), group("GroupNormalization"), by_group("GroupNormalization");
    instance.input(src).constant(scale).constant(shift).run_implementations(normalized(src, plane));
    const Bound bound = normalized(src, shape[1] / 4 * plane);
    group.input(src).constant(scale).constant(shift).attribute("num_groups", 4).run_implementations(bound);
    by_group.input(src).constant(random_tensor({4}, 6, 0.5, 2)).constant(random_tensor({4}, 7));
    by_group.attribute("num_groups", 4).run_implementations(bound);
  }
  for (const std::int64_t size : {1, 7, 64, 100}) {
    const Tensor src = random_tensor({3, 5, size}, 3, -2, 3);
    const Tensor scale = random_tensor({size}, 4, 0.5, 2), shift = random_tensor({size}, 5);
    OpRunner layer("LayerNormalization"), plain("LayerNormalization"), square("RMSNormalization");
    layer.input(src).constant(scale).constant(shift).run_implementations(normalized(src, size));
    plain.input(src).constant(scale).run_implementations(normalized(src, size));
    // About 0 what is divided by is no smaller.
    square.input(src).constant(scale).run_implementations(normalized(src, size));
  }
}

TEST(NormalizationOps, HandNaNOn) {
  Tensor src = random_tensor({1, 2, 4, 4}, 1);
  src.mutable_values<float>()[5] = kNan;
  OpRunner runner("InstanceNormalization");
  runner.input(src).constant(random_tensor({2}, 2)).constant(random_tensor({2}, 3));
  const Floats values = first(runner);
  EXPECT_TRUE(std::isnan(values[0]));
  EXPECT_FALSE(std::isnan(values[16]));
  runner.run_implementations(normalized(random_tensor({1, 2, 4, 4}, 1), 16));
}

TEST(DetOp, EliminatesWithPivots) {
  EXPECT_EQ(first(OpRunner("Det").input(Tensor::of<float>({2, 2}, {0, 2, 3, 4}))), Floats{-6});
  EXPECT_EQ(first(OpRunner("Det").input(Tensor::of<float>({2, 2, 2}, {1, 2, 2, 4, 2, 0, 0, 3}))),
            (Floats{0, 6}));
  EXPECT_EQ(first(OpRunner("Det").input(Tensor::of<float>({1, 1, 1}, {5}))), Floats{5});
  EXPECT_EQ(error_of([] {
              OpRunner("Det").input({2, 3}).infer();
            }),
            "matrices have 2 rows and 3 columns, expected the same number");
  EXPECT_EQ(error_of([] {
              OpRunner("Det").input({129, 129}).infer();
            }),
            "matrices have 129 rows, at most 128 are supported");
}

}  // namespace
}  // namespace godwit::support
