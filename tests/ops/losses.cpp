// NegativeLogLikelihoodLoss and SoftmaxCrossEntropyLoss: weights, classes to be ignored, the three
// reductions.
#include <cmath>
#include <gtest/gtest.h>
#include <limits>
#include <string>
#include <vector>

#include "tests/support/compare.h"
#include "tests/support/counting.h"
#include "tests/support/errors.h"
#include "tests/support/op_runner.h"

namespace godwit::support {
namespace {

using Floats = std::vector<float>;

// Two images of two classes at two places; classes 1 and 0, 0 and 1.
OpRunner loss(const char* op, const char* reduction) {
  OpRunner runner(op);
  runner.input(Tensor::of<float>({2, 2, 2}, {-1, -2, -3, -4, -5, -6, -7, -8}));
  runner.input(Tensor::of<std::int64_t>({2, 2}, {1, 0, 0, 1})).attribute("reduction", reduction);
  return runner;
}
constexpr const char* kPlain = "NegativeLogLikelihoodLoss";

TEST(NegativeLogLikelihoodLossOp, TakesTheRightClass) {
  EXPECT_EQ(values_of<float>(loss(kPlain, "none").reference()[0]), (Floats{3, 2, 5, 8}));
  EXPECT_EQ(values_of<float>(loss(kPlain, "sum").reference()[0]), Floats{18});
  EXPECT_EQ(values_of<float>(loss(kPlain, "mean").reference()[0]), Floats{4.5F});
}

TEST(NegativeLogLikelihoodLossOp, WeighsAndIgnores) {
  OpRunner runner = loss(kPlain, "mean");
  runner.constant(Tensor::of<float>({2}, {1, 3}));
  EXPECT_EQ(values_of<float>(runner.reference()[0]), Floats{(9 + 2 + 5 + 24) / 8.0F});
  EXPECT_EQ(values_of<float>(runner.attribute("ignore_index", 0).reference()[0]), Floats{5.5F});
  EXPECT_EQ(values_of<float>(loss(kPlain, "none").attribute("ignore_index", 1).reference()[0]),
            (Floats{0, 2, 5, 0}));
}

TEST(NegativeLogLikelihoodLossOp, IgnoresClassesThatAreNone) {
  OpRunner runner(kPlain);
  runner.input(Tensor::of<float>({2, 2}, {-1, -2, -3, -4})).input(Tensor::of<std::int64_t>({2}, {7, 1}));
  EXPECT_EQ(values_of<float>(runner.reference()[0]), Floats{4});
}

TEST(SoftmaxCrossEntropyLossOp, TakesTheLogarithmOfASoftmax) {
  // Classes differ by 2 at every place: log(1 + e^2) and log(1 + e^-2).
  OpRunner runner = loss("SoftmaxCrossEntropyLoss", "none");
  const std::vector<Tensor> results = runner.outputs(2).reference();
  EXPECT_EQ(values_of<float>(results[0]),
            (Floats{2.1269280110429727F, 0.1269280110429725F, 0.1269280110429725F, 2.1269280110429727F}));
  EXPECT_EQ(results[1].shape(), Shape({2, 2, 2}));
  EXPECT_EQ(value_at(results[1], 0), static_cast<double>(-0.1269280110429725F));
  EXPECT_EQ(value_at(results[1], 2), static_cast<double>(-2.1269280110429727F));
}

TEST(LossOps, InferAndRefuse) {
  EXPECT_EQ(loss(kPlain, "none").shape(), Shape({2, 2}));
  EXPECT_EQ(loss(kPlain, "sum").shape(), Shape{});
  EXPECT_EQ(error_of([] { loss(kPlain, "max").infer(); }),
            "attribute 'reduction' is 'max', expected 'none', 'sum' or 'mean'");
  EXPECT_EQ(error_of([] {
              OpRunner(kPlain).input({2, 3}).input(TensorDesc{DType::s64, {3}}).infer();
            }),
            "dimension 0 of input 1 is 3, expected 2");
}

}  // namespace
}  // namespace godwit::support
