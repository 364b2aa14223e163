// Equal: every type, broadcasting, NaN, refusals.
#include <gtest/gtest.h>
#include <limits>
#include <vector>

#include "tests/support/compare.h"
#include "tests/support/counting.h"
#include "tests/support/errors.h"
#include "tests/support/op_runner.h"

namespace godwit::support {
namespace {

TEST(EqualOp, ComparesNumbers) {
  constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
  OpRunner runner("Equal");
  runner.input(Tensor::of<float>({4}, {1, 2, kNan, 0})).input(Tensor::of<float>({4}, {1, 3, kNan, -0.F}));
  EXPECT_EQ(values_of<bool>(runner.reference()[0]), (std::vector<bool>{true, false, false, true}));
  runner.run_implementations(exact());
}

TEST(EqualOp, ComparesEveryTypeWithBroadcasting) {
  for (const DType dtype : kAllTypes) {
    OpRunner runner("Equal");
    runner.input(counting({2, 3}, dtype)).input(counting({1}, dtype));
    // Element 0 of either is the same; of bools and types of two bits so is element 3.
    const bool repeats = dtype == DType::boolean || packed_bits_of(dtype) == 2;
    EXPECT_EQ(values_of<bool>(runner.reference()[0]),
              (std::vector<bool>{true, false, false, repeats, false, false}));
    runner.run_implementations(exact());
  }
}

TEST(EqualOp, InfersShapes) {
  EXPECT_EQ(OpRunner("Equal").input({kBatch, 1}).input({3}).infer()[0],
            (TensorDesc{DType::boolean, {kBatch, 3}}));
  EXPECT_EQ(OpRunner("Equal").input(counting({0, 2})).input(counting({2})).reference()[0].shape(),
            Shape({0, 2}));
}

TEST(EqualOp, RefusesOperandsThatDoNotFit) {
  EXPECT_EQ(error_of([] { OpRunner("Equal").input({2}).input(integers({1})).infer(); }),
            "input 1 is s64, expected f32 as input 0");
  EXPECT_EQ(error_of([] { OpRunner("Equal").input({2}).input({3}).infer(); }),
            "shapes 2 and 3: dimensions 2 and 3 do not broadcast");
}

}  // namespace
}  // namespace godwit::support
