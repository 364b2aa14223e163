// Dropout: at inference the operand itself with a mask of true; training is refused.
#include <gtest/gtest.h>

#include "tests/support/compare.h"
#include "tests/support/counting.h"
#include "tests/support/errors.h"
#include "tests/support/op_runner.h"

namespace godwit::support {
namespace {

TEST(DropoutOp, CopiesEveryType) {
  for (const DType dtype : kAllTypes) {
    const Tensor src = counting({2, 3, 4}, dtype);
    OpRunner runner("Dropout");
    runner.input(src).constant(Tensor::of<float>({}, {0.5F})).attribute("seed", 0);
    EXPECT_TRUE(runner.is_view());
    EXPECT_EQ(runner.layout(), ops::LayoutRule::follows);
    expect_close(runner.reference()[0], src, exact());
    runner.run_implementations(exact());
  }
}

TEST(DropoutOp, MasksNothing) {
  OpRunner runner("Dropout");
  runner.input(counting({2, 3, 4})).omitted().constant(Tensor::of<bool>({}, {false})).outputs(2);
  EXPECT_FALSE(runner.is_view());
  EXPECT_EQ(runner.layout(), ops::LayoutRule::nchw_only);
  const auto results = runner.reference();
  EXPECT_EQ(results[1].desc(), (TensorDesc{DType::boolean, {2, 3, 4}}));
  for (const bool keeps : results[1].values<bool>()) EXPECT_TRUE(keeps);
  runner.run_implementations(exact());
}

TEST(DropoutOp, KeepsSymbols) {
  const auto descs = OpRunner("Dropout").input({kBatch, 3}).outputs(2).infer();
  EXPECT_EQ(descs[0].shape, Shape({kBatch, 3}));
  EXPECT_EQ(descs[1].shape, Shape({kBatch, 3}));
  EXPECT_EQ(OpRunner("Dropout").input(counting({0})).outputs(2).reference()[1].shape(), Shape({0}));
}

TEST(DropoutOp, RefusesTraining) {
  const std::string refusal =
      "input 2 (training_mode) is not the constant false; dropout is supported for inference only";
  const auto error = [](bool constant, bool value) {
    OpRunner runner("Dropout");
    runner.input({2, 3}).omitted();
    const Tensor training = Tensor::of<bool>({}, {value});
    return error_of([&] { (constant ? runner.constant(training) : runner.input(training)).infer(); });
  };
  EXPECT_EQ(error(true, true), refusal);
  EXPECT_EQ(error(false, false), refusal);
  EXPECT_EQ(error(true, false), "");
}

}  // namespace
}  // namespace godwit::support
