// Squeeze: named and unnamed axes, symbols, and dimensions that are not 1.
#include <gtest/gtest.h>

#include "tests/support/compare.h"
#include "tests/support/counting.h"
#include "tests/support/errors.h"
#include "tests/support/op_runner.h"

namespace godwit::support {
namespace {

Shape squeezed(const Shape& src, std::initializer_list<std::int64_t> axes) {
  return OpRunner("Squeeze").input(src).constant(integers(axes)).shape();
}

TEST(SqueezeOp, RemovesNamedAxes) {
  EXPECT_EQ(squeezed({1, 3, 1, 5}, {0}), Shape({3, 1, 5}));
  EXPECT_EQ(squeezed({1, 3, 1, 5}, {-2, 0}), Shape({3, 5}));
  EXPECT_EQ(squeezed({1, 1}, {0, 1}), Shape{});
  EXPECT_EQ(squeezed({1, 3}, {}), Shape({1, 3}));
  EXPECT_EQ(squeezed({kBatch, kAnyDim, 1}, {1, 2}), Shape({kBatch}));
  EXPECT_EQ(squeezed(Shape::unranked(), {0}), Shape::unranked());
}

TEST(SqueezeOp, RemovesAllOnesWithoutAxes) {
  EXPECT_EQ(OpRunner("Squeeze").input({1, 3, 1, 5}).shape(), Shape({3, 5}));
  EXPECT_EQ(OpRunner("Squeeze").input({kBatch, 1}).shape(), Shape::unranked());
}

TEST(SqueezeOp, KnowsTheRankBesideComputedAxes) {
  const TensorDesc one{DType::s64, {1}}, two{DType::s64, {2}}, any{DType::s64, {kAnyDim}};
  EXPECT_EQ(OpRunner("Squeeze").input({1, 3}).input(one).shape(), Shape({kAnyDim}));
  EXPECT_EQ(OpRunner("Squeeze").input({1, 1}).input(two).shape(), Shape{});
  EXPECT_EQ(OpRunner("Squeeze").input({1, 3}).input(any).shape(), Shape::unranked());
  EXPECT_EQ(error_of([&] {
              OpRunner("Squeeze").input({1, 3}).input(two).infer();
            }),
            "dimension 1 of 1x3 is not 1 and cannot be squeezed");
}

TEST(SqueezeOp, CopiesEveryType) {
  for (const DType dtype : kAllTypes) {
    const Tensor src = counting({2, 1, 4}, dtype);
    OpRunner runner("Squeeze");
    runner.input(src).constant(integers({1}));
    EXPECT_TRUE(runner.is_view());
    expect_close(runner.reference()[0], src.reshaped({2, 4}), exact());
    runner.run_implementations(exact());
  }
}

TEST(SqueezeOp, RefusesWrongAxes) {
  EXPECT_EQ(error_of([] { squeezed({1, 3}, {1}); }), "dimension 1 of 1x3 is not 1 and cannot be squeezed");
  EXPECT_EQ(error_of([] { squeezed({1, 3}, {2}); }), "axis 2 is out of range, expected -2 to 1");
  EXPECT_EQ(error_of([] { squeezed({1, 3}, {0, -2}); }), "axis 0 is named twice");
  EXPECT_EQ(error_of([] { squeezed({}, {0}); }), "1 axis of 0 dimensions");
}

}  // namespace
}  // namespace godwit::support
