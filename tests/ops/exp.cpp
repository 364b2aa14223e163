// Exp: values, shapes, refusals, and the reference as it runs.
#include <cmath>
#include <gtest/gtest.h>
#include <limits>
#include <vector>

#include "tests/support/compare.h"
#include "tests/support/counting.h"
#include "tests/support/errors.h"
#include "tests/support/op_runner.h"

namespace godwit::support {
namespace {

TEST(ExpOp, IsTheExponential) {
  constexpr float kInf = std::numeric_limits<float>::infinity();
  OpRunner runner("Exp");
  runner.input(Tensor::of<float>({6}, {0, 1, -1, 100, -kInf, std::numeric_limits<float>::quiet_NaN()}));
  const auto values = values_of<float>(runner.reference()[0]);
  // e = 2.71828182845904523536…, 1 / e = 0.36787944117144232160…
  EXPECT_EQ(std::vector<float>(values.begin(), values.begin() + 5),
            (std::vector<float>{1, 2.71828182845904523F, 0.367879441171442321F, kInf, 0}));
  EXPECT_TRUE(std::isnan(values[5]));
  runner.run_implementations(exact());
}

TEST(ExpOp, PassesOnShapesAndTypes) {
  EXPECT_EQ(OpRunner("Exp").input({kBatch, 3}).shape(), Shape({kBatch, 3}));
  EXPECT_EQ(OpRunner("Exp").input(counting({2}, DType::f64)).reference()[0].dtype(), DType::f64);
  EXPECT_EQ(OpRunner("Exp").input(counting({0, 3})).reference()[0].shape(), Shape({0, 3}));
  EXPECT_EQ(error_of([] { OpRunner("Exp").input(counting({2}, DType::s32)).infer(); }),
            "input 0 is s32, expected f32, f64, f16 or bf16");
}

}  // namespace
}  // namespace godwit::support
