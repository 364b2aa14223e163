// BatchNormalization: values, shapes, refusals, clamp, and every implementation against the reference.
#include <cmath>
#include <gtest/gtest.h>
#include <vector>

#include "tests/support/compare.h"
#include "tests/support/errors.h"
#include "tests/support/op_runner.h"
#include "tests/support/random.h"

namespace godwit::support {
namespace {

Tensor list(std::initializer_list<float> values) {
  return Tensor::of<float>({static_cast<std::int64_t>(values.size())}, values);
}

OpRunner example() {
  OpRunner runner("BatchNormalization");
  runner.input(Tensor::of<float>({1, 2, 1, 3}, {-1, 0, 1, 2, 3, 4}));
  runner.constant(list({1, 1.5F}))
      .constant(list({0, 1}))
      .constant(list({0, 3}))
      .constant(list({0.25F, 2.25F}));
  return runner.attribute("epsilon", 0.0F);
}

TEST(BatchNormalizationOp, ScalesAndShiftsChannels) {
  OpRunner runner = example();
  // (x - 0) / 0.5 and (x - 3) / 1.5 * 1.5 + 1.
  EXPECT_EQ(values_of<float>(runner.reference()[0]), (std::vector<float>{-2, 0, 2, 0, 1, 2}));
  EXPECT_EQ(values_of<float>(runner.clamp(-1, 1).reference()[0]), (std::vector<float>{-1, 0, 1, 0, 1, 1}));
  EXPECT_EQ(runner.layout(), ops::LayoutRule::nhwc);
}

TEST(BatchNormalizationOp, EpsilonIsPartOfTheVariance) {
  OpRunner runner("BatchNormalization");
  runner.input(Tensor::of<float>({1, 1, 1}, {1})).constant(list({1})).constant(list({0}));
  runner.constant(list({0})).constant(list({0}));
  const double expected = 1 / std::sqrt(static_cast<double>(1e-5F));
  EXPECT_EQ(values_of<float>(runner.reference()[0])[0], static_cast<float>(expected));
  EXPECT_EQ(values_of<float>(runner.attribute("epsilon", 0.25F).reference()[0])[0], 2);
}

TEST(BatchNormalizationOp, InfersShapes) {
  const auto shape_of = [](const Shape& src, const Shape& channels) {
    OpRunner runner("BatchNormalization");
    runner.input(src);
    for (int i = 0; i < 4; ++i) runner.input(channels);
    return runner.shape();
  };
  const Shape symbolic{kAnyDim - 1, 4, kAnyDim, 7};
  EXPECT_EQ(shape_of(symbolic, {4}), symbolic);
  EXPECT_EQ(shape_of(Shape::unranked(), {4}), Shape::unranked());
  EXPECT_EQ(shape_of({2, kAnyDim}, {4}), Shape({2, kAnyDim}));
  EXPECT_EQ(shape_of({5}, {1}), Shape({5}));
  EXPECT_EQ(error_of([&] { shape_of({1, 3, 2}, {4}); }), "the length of 'scale' is 4, expected 3");
  EXPECT_EQ(error_of([&] { shape_of({1, 3, 2}, {3, 1}); }), "input 1 has 2 dimensions (3x1), expected 1");
}

TEST(BatchNormalizationOp, RefusesTrainingAndOtherTypes) {
  EXPECT_EQ(error_of([] { example().attribute("training_mode", 1).infer(); }),
            "attribute 'training_mode' is 1; only inference (0) is supported");
  EXPECT_EQ(error_of([] { example().attribute("training_mode", 0).attribute("momentum", 0.9F).infer(); }),
            "");
  EXPECT_EQ(error_of([] { example().outputs(5).infer(); }), "has 5 outputs, expected 1");
  OpRunner integers("BatchNormalization");
  for (int i = 0; i < 5; ++i) integers.input(TensorDesc{DType::s32, {1}, {}});
  EXPECT_EQ(error_of([&] { integers.infer(); }), "input 0 is s32, expected f32, f64, f16 or bf16");
}

TEST(BatchNormalizationOp, EveryImplementationAgrees) {
  for (const Shape& shape : {Shape{1, 1, 1, 1}, Shape{2, 19, 3, 5}, Shape{1, 64, 4, 4}, Shape{3, 7},
                             Shape{2, 17, 9}, Shape{0, 3, 5, 5}, Shape{2, 3, 2, 2, 2}}) {
    const Shape channels{shape[1]};
    OpRunner runner("BatchNormalization");
    runner.input(random_tensor(shape, 1))
        .constant(random_tensor(channels, 2))
        .constant(random_tensor(channels, 3));
    runner.constant(random_tensor(channels, 4)).constant(random_tensor(channels, 5, 0.25, 1));
    // The factor is at most 1 / sqrt(1/4) = 2 and made with four roundings; factor * x and factor * mean,
    // each at most 2, and the shift, at most 1, are summed in two more, however they are grouped; the
    // reference rounds once.
    const Bound bound = [](const Element&) { return gamma(4 + 1 + 2 + 1) * (2 + 2 + 1); };
    runner.run_implementations(bound);
    runner.clamp(0, 1).run_implementations(bound);
  }
}

}  // namespace
}  // namespace godwit::support
