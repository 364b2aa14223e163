// Identity: the operand's bytes whatever its type and layout.
#include <gtest/gtest.h>

#include "tests/support/compare.h"
#include "tests/support/counting.h"
#include "tests/support/op_runner.h"

namespace godwit::support {
namespace {

TEST(IdentityOp, CopiesEveryType) {
  for (const DType dtype : kAllTypes) {
    const Tensor src = counting({2, 3, 4}, dtype);
    OpRunner runner("Identity");
    runner.input(src);
    expect_close(runner.reference()[0], src, exact());
    runner.run_implementations(exact());
  }
}

TEST(IdentityOp, CopiesNothing) {
  OpRunner runner("Identity");
  runner.input(counting({0, 3}));
  EXPECT_EQ(runner.reference()[0].shape(), Shape({0, 3}));
}

TEST(IdentityOp, KeepsSymbolsAndLayouts) {
  OpRunner runner("Identity");
  runner.input({kBatch, 3, kAnyDim, 5});
  EXPECT_EQ(runner.shape(), Shape({kBatch, 3, kAnyDim, 5}));
  EXPECT_EQ(runner.layout(), ops::LayoutRule::follows);
  EXPECT_TRUE(runner.is_view());
  EXPECT_EQ(OpRunner("Identity").input(Shape::unranked()).shape(), Shape::unranked());
  EXPECT_EQ(runner.cost().flops, 0);
}

}  // namespace
}  // namespace godwit::support
