// DFT, STFT, windows, MelWeightMatrix, and operators that draw numbers.
#include <cmath>
#include <gtest/gtest.h>
#include <numbers>
#include <vector>

#include "tests/support/compare.h"
#include "tests/support/counting.h"
#include "tests/support/errors.h"
#include "tests/support/op_runner.h"
#include "tests/support/random.h"

namespace godwit::support {
namespace {

using Floats = std::vector<float>;
Floats first(const OpRunner& runner) { return values_of<float>(runner.reference()[0]); }

Tensor whole(std::int64_t value) { return Tensor::of<std::int64_t>({}, {value}); }

// Sums of up to 16 elements of size 1 in double precision, rounded once.
void expect_near(const OpRunner& runner, const Floats& expected) {
  const Floats actual = first(runner);
  ASSERT_EQ(actual.size(), expected.size());
  for (std::size_t i = 0; i < actual.size(); ++i)
    EXPECT_NEAR(actual[i], expected[i], 16 * unit_roundoff<float>) << i;
}

OpRunner dft(const Tensor& src) { return OpRunner("DFT").input(src); }

TEST(DftOp, TransformsRealAndComplexElements) {
  expect_near(dft(Tensor::of<float>({1, 4, 1}, {1, 0, 0, 0})), {1, 0, 1, 0, 1, 0, 1, 0});
  expect_near(dft(Tensor::of<float>({1, 4, 1}, {0, 1, 0, 0})), {1, 0, 0, -1, -1, 0, 0, 1});
  expect_near(dft(Tensor::of<float>({1, 4, 1}, {0, 1, 0, 0})).attribute("onesided", 1), {1, 0, 0, -1, -1, 0});
  expect_near(dft(Tensor::of<float>({1, 2, 2}, {0, 1, 0, 0})), {0, 1, 0, 1});
  // Along the first axis, and with another length.
  OpRunner other = dft(Tensor::of<float>({2, 1, 1}, {1, 1}));
  other.omitted().constant(whole(0));
  expect_near(other, {2, 0, 0, 0});
  expect_near(dft(Tensor::of<float>({1, 2, 1}, {1, 1})).constant(whole(4)), {2, 0, 1, -1, 0, 0, 1, 1});
  expect_near(dft(Tensor::of<float>({1, 3, 1}, {1, 1, 7})).constant(whole(2)), {2, 0, 0, 0});
}

TEST(DftOp, UndoesItself) {
  const Tensor src = random_tensor({2, 7, 1}, 1);
  for (const bool onesided : {false, true}) {
    OpRunner there = dft(src);
    there.attribute("onesided", onesided ? 1 : 0);
    const Tensor spectrum = there.reference()[0];
    OpRunner back = dft(spectrum);
    back.constant(whole(7)).attribute("inverse", 1).attribute("onesided", onesided ? 1 : 0);
    const Tensor again = back.reference()[0];
    EXPECT_EQ(again.shape(), Shape({2, 7, onesided ? 1 : 2}));
    // Every element passes through 7 sums of f32 elements below 7.
    for (std::size_t i = 0; i < 14; ++i)
      EXPECT_NEAR(value_at(again, onesided ? i : 2 * i), value_at(src, i), 14 * unit_roundoff<float>);
    there.run_implementations(exact());
  }
}

TEST(DftOp, Refuses) {
  const auto error = [](OpRunner runner) { return error_of([&] { runner.infer(); }); };
  EXPECT_EQ(error(OpRunner("DFT").input({1, 4, 3})),
            "the last dimension of input 0 is 3, expected 1 (real) or 2 (complex)");
  EXPECT_EQ(error(OpRunner("DFT").input({1, 4, 2}).attribute("onesided", 1)),
            "a one-sided transform needs a real operand");
  EXPECT_EQ(error(OpRunner("DFT").input({1, 4, 1}).omitted().constant(whole(-1))),
            "axis -1 holds real and imaginary parts");
  EXPECT_EQ(error(OpRunner("DFT").input({1, 4, 1}).constant(whole(0))),
            "input 1 (dft_length) is 0, expected at least 1");
}

TEST(StftOp, SlidesAWindow) {
  OpRunner runner("STFT");
  runner.input(Tensor::of<float>({1, 5, 1}, {1, 2, 3, 4, 5})).constant(whole(2)).omitted().constant(whole(2));
  EXPECT_EQ(runner.shape(), Shape({1, 2, 2, 2}));
  expect_near(runner, {3, 0, -1, 0, 7, 0, -1, 0});
  OpRunner windowed("STFT");
  windowed.input(Tensor::of<float>({1, 4}, {1, 2, 3, 4}))
      .constant(whole(1))
      .constant(Tensor::of<float>({2}, {1, 0}));
  windowed.attribute("onesided", 0);
  expect_near(windowed, {1, 0, 1, 0, 2, 0, 2, 0, 3, 0, 3, 0});
  EXPECT_EQ(error_of([] {
              OpRunner("STFT").input({1, 4, 1}).constant(whole(1)).infer();
            }),
            "neither input 2 (window) nor input 3 (frame_length) is given");
  EXPECT_EQ(error_of([] {
              OpRunner("STFT").input({1, 4, 1}).constant(whole(1)).omitted().constant(whole(5)).infer();
            }),
            "a frame of 5 does not fit into a signal of 4");
}

TEST(CosineWindows, HaveTheirShapes) {
  const auto window = [](const char* op, std::int64_t size, bool periodic) {
    return OpRunner(op).constant(whole(size)).attribute("periodic", periodic ? 1 : 0);
  };
  expect_near(window("HannWindow", 4, true), {0, 0.5F, 1, 0.5F});
  expect_near(window("HannWindow", 5, false), {0, 0.5F, 1, 0.5F, 0});
  expect_near(window("HammingWindow", 3, false), {4.0F / 46, 1, 4.0F / 46});
  expect_near(window("BlackmanWindow", 3, false), {0, 1, 0});
  EXPECT_EQ(window("HannWindow", 1, false).reference()[0].shape(), Shape({1}));
  EXPECT_EQ(OpRunner("HannWindow").constant(whole(2)).attribute("output_datatype", 11).infer()[0].dtype,
            DType::f64);
  EXPECT_EQ(OpRunner("HannWindow").input(TensorDesc{DType::s64, {}}).shape(), Shape({kAnyDim}));
  EXPECT_EQ(error_of([&] { window("HannWindow", -1, true).infer(); }),
            "input 0 (size) is -1, expected at least 0");
}

TEST(MelWeightMatrixOp, LaysTrianglesOverBins) {
  OpRunner runner("MelWeightMatrix");
  runner.constant(whole(8)).constant(whole(16)).constant(whole(8192));
  runner.constant(Tensor::of<float>({}, {0})).constant(Tensor::of<float>({}, {4096}));
  EXPECT_EQ(runner.shape(), Shape({9, 8}));
  const Floats weights = first(runner);
  EXPECT_EQ(weights[0], 1);
  EXPECT_EQ(weights[8 + 2], 1);
  EXPECT_EQ(weights[8 * 8], 0);
  EXPECT_EQ(error_of([] {
              OpRunner("MelWeightMatrix")
                  .constant(whole(0))
                  .constant(whole(1))
                  .constant(whole(1))
                  .input({1})
                  .input({1})
                  .infer();
            }),
            "input 0 (num_mel_bins) is 0, expected at least 1");
}

TEST(DrawnNumbers, AreTheSameInEveryRun) {
  OpRunner uniform("RandomUniform");
  uniform.attribute("shape", {1000}).attribute("low", 2.0F).attribute("high", 4.0F);
  const Floats numbers = first(uniform);
  EXPECT_EQ(numbers, first(uniform));
  uniform.attribute("seed", 1.0F);
  EXPECT_NE(numbers, first(uniform));
  double sum = 0;
  for (const float number : numbers) {
    EXPECT_TRUE(number >= 2 && number <= 4);
    sum += number;
  }
  // Five deviations of a mean of 1000 numbers.
  EXPECT_NEAR(sum / 1000, 3, 5 * 2 / std::sqrt(12.0 * 1000));
  OpRunner normal("RandomNormal");
  normal.attribute("shape", {1000}).attribute("mean", 1.0F).attribute("scale", 2.0F);
  double mean = 0, square = 0;
  for (const float number : first(normal)) {
    mean += number / 1000.0;
    square += (number - 1.0) * (number - 1.0) / 1000.0;
  }
  EXPECT_NEAR(mean, 1, 5 * 2 / std::sqrt(1000.0));
  EXPECT_NEAR(square, 4, 5 * 4 * std::sqrt(2.0 / 1000));
}

TEST(DrawnNumbers, HaveTheOperandsShape) {
  EXPECT_EQ(OpRunner("RandomUniformLike").input({kBatch, 3}).shape(), Shape({kBatch, 3}));
  EXPECT_EQ(OpRunner("RandomNormalLike").input(counting({2}, DType::s64)).infer()[0].dtype, DType::f32);
  EXPECT_EQ(
      OpRunner("RandomNormalLike").input(counting({2}, DType::f64)).attribute("dtype", 10).infer()[0].dtype,
      DType::f16);
  OpRunner like("RandomNormalLike");
  like.bounded(counting({2, 3}), {at_most(4), 3});
  EXPECT_EQ(like.reference()[0].shape(), Shape({2, 3}));
  like.run_implementations(exact());
}

TEST(DrawnNumbers, FollowProbabilities) {
  OpRunner coins("Bernoulli");
  coins.input(Tensor::of<float>({4}, {0, 1, 0, 1}));
  EXPECT_EQ(first(coins), (Floats{0, 1, 0, 1}));
  OpRunner classes("Multinomial");
  const float never = -std::numeric_limits<float>::infinity();
  classes.input(Tensor::of<float>({2, 3}, {never, 0, never, never, never, 7})).attribute("sample_size", 2);
  EXPECT_EQ(values_of<std::int32_t>(classes.reference()[0]), (std::vector<std::int32_t>{1, 1, 2, 2}));
  classes.attribute("dtype", 7).run_implementations(exact());
  EXPECT_EQ(error_of([] {
              OpRunner("Multinomial").input({2, 3}).attribute("dtype", 1).infer();
            }),
            "attribute 'dtype' is f32, expected s32 or s64");
  EXPECT_EQ(error_of([] { OpRunner("RandomUniform").attribute("shape", {-1}).infer(); }),
            "attribute 'shape' has -1, expected at least 0");
}

}  // namespace
}  // namespace godwit::support
