// Flatten: where the matrix is split, with symbols and with axes out of range.
#include <gtest/gtest.h>

#include "tests/support/compare.h"
#include "tests/support/counting.h"
#include "tests/support/errors.h"
#include "tests/support/op_runner.h"

namespace godwit::support {
namespace {

Shape flattened(const Shape& src, int axis) {
  return OpRunner("Flatten").input(src).attribute("axis", axis).shape();
}

TEST(FlattenOp, SplitsAtEveryAxis) {
  EXPECT_EQ(OpRunner("Flatten").input({2, 3, 4, 5}).shape(), Shape({2, 60}));
  EXPECT_EQ(flattened({2, 3, 4, 5}, 0), Shape({1, 120}));
  EXPECT_EQ(flattened({2, 3, 4, 5}, 2), Shape({6, 20}));
  EXPECT_EQ(flattened({2, 3, 4, 5}, 4), Shape({120, 1}));
  EXPECT_EQ(flattened({2, 3, 4, 5}, -1), Shape({24, 5}));
  EXPECT_EQ(flattened({2, 3, 4, 5}, -4), Shape({1, 120}));
  EXPECT_EQ(flattened({}, 0), Shape({1, 1}));
  EXPECT_EQ(flattened({0, 3, 4}, 1), Shape({0, 12}));
}

TEST(FlattenOp, KeepsSymbols) {
  EXPECT_EQ(flattened({kBatch, 3, 4}, 1), Shape({kBatch, 12}));
  EXPECT_EQ(flattened({kBatch, 1, 1}, 3), Shape({kBatch, 1}));
  EXPECT_EQ(flattened({kBatch, kOther, 4}, 2), Shape({kAnyDim, 4}));
  EXPECT_EQ(flattened({kBatch, 0, 4}, 2), Shape({0, 4}));
  EXPECT_EQ(flattened(Shape::unranked(), 7), Shape({kAnyDim, kAnyDim}));
}

TEST(FlattenOp, CopiesEveryType) {
  for (const DType dtype : kAllTypes) {
    const Tensor src = counting({2, 3, 4}, dtype);
    OpRunner runner("Flatten");
    runner.input(src);
    EXPECT_TRUE(runner.is_view());
    expect_close(runner.reference()[0], src.reshaped({2, 12}), exact());
    runner.run_implementations(exact());
  }
}

TEST(FlattenOp, RefusesAnAxisOutOfRange) {
  EXPECT_EQ(error_of([] { flattened({2, 3}, 3); }), "attribute 'axis' is 3, expected -2 to 2");
  EXPECT_EQ(error_of([] { flattened({2, 3}, -3); }), "attribute 'axis' is -3, expected -2 to 2");
}

TEST(FlattenOp, RefusesAProductThatOverflows) {
  const std::int64_t large = std::int64_t{1} << 40;
  EXPECT_EQ(error_of([=] {
              flattened({large, large, kBatch}, 2);
            }),
            "the product of dimensions 1099511627776x1099511627776 does not fit in 63 bits");
}

}  // namespace
}  // namespace godwit::support
