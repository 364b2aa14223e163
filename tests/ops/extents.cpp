// Sizes that only the data decides, handed on from op to op: bounds where shapes are inferred, true sizes
// where results are computed.
#include <gtest/gtest.h>
#include <limits>
#include <vector>

#include "ops/axes.h"
#include "ops/broadcast.h"
#include "tests/support/compare.h"
#include "tests/support/counting.h"
#include "tests/support/errors.h"
#include "tests/support/op_runner.h"

namespace godwit::support {
namespace {

using Floats = std::vector<float>;
constexpr std::int64_t kLast = std::numeric_limits<std::int64_t>::max();

// 3 rows of 2 where there could be 5.
OpRunner with_rows(const char* op) { return OpRunner(op).bounded(counting({3, 2}), {at_most(5), 2}); }

void check(const OpRunner& runner, const Shape& bound, const Shape& size) {
  runner.run_implementations(exact());
  EXPECT_EQ(runner.shape(), bound) << runner.op().name;
  EXPECT_EQ(runner.reference()[0].shape(), size) << runner.op().name;
}

TEST(Extents, OfMovements) {
  const std::int64_t most = at_most(5);
  check(with_rows("Identity"), {most, 2}, {3, 2});
  check(with_rows("Transpose"), {2, most}, {2, 3});
  check(with_rows("Dropout"), {most, 2}, {3, 2});
  check(with_rows("Unsqueeze").constant(integers({0, -1})), {1, most, 2, 1}, {1, 3, 2, 1});
  check(OpRunner("Squeeze").bounded(counting({1, 3}), {1, most}).constant(integers({0})), {most}, {3});
  check(with_rows("Flatten"), {most, 2}, {3, 2});
  check(with_rows("Flatten").attribute("axis", 0), {1, at_most(10)}, {1, 6});
  check(with_rows("Reshape").constant(integers({-1})), {at_most(10)}, {6});
  check(with_rows("Reshape").constant(integers({-1, 2, 1})), {most, 2, 1}, {3, 2, 1});
  check(with_rows("Reshape").constant(integers({1, 0, -1})), {1, 2, most}, {1, 2, 3});
  check(with_rows("Reshape").constant(integers({0, -1})), {most, 2}, {3, 2});
  check(with_rows("Reshape").input(integers({6})), {at_most(10)}, {6});
  check(with_rows("Gather").constant(integers({1, 0, 1})).attribute("axis", 1), {most, 3}, {3, 3});
  check(OpRunner("Gather").input(counting({4, 2})).bounded(integers({3, 0}), {most}), {most, 2}, {2, 2});
  check(with_rows("Concat").input(counting({4, 2})).attribute("axis", 0), {at_most(9), 2}, {7, 2});
  check(with_rows("Concat").bounded(counting({3, 1}), {most, 1}).attribute("axis", 1), {most, 3}, {3, 3});
  check(with_rows("Expand").constant(integers({2, 1, 2})), {2, most, 2}, {2, 3, 2});
  check(with_rows("Pad").constant(integers({1, 0, 2, 0})), {at_most(8), 2}, {6, 2});
  const auto slice = [](std::int64_t start, std::int64_t end, std::int64_t step) {
    return with_rows("Slice")
        .constant(integers({start}))
        .constant(integers({end}))
        .constant(integers({0}))
        .constant(integers({step}));
  };
  check(slice(1, kLast, 1), {at_most(4), 2}, {2, 2});
  check(slice(0, 4, 2), {at_most(2), 2}, {2, 2});
  check(slice(0, kLast, 1), {most, 2}, {3, 2});
  check(slice(-2, kLast, 1), {at_most(2), 2}, {2, 2});
  check(slice(-4, 2, 1), {most, 2}, {2, 2});
  check(slice(-1, -9, -1), {most, 2}, {3, 2});
}

TEST(Extents, OfElementwiseOpsAreThoseOfBroadcasting) {
  const std::int64_t most = at_most(5);
  for (const char* op : {"Relu", "Sigmoid", "Neg"}) check(with_rows(op), {most, 2}, {3, 2});
  check(with_rows("Cast").attribute("to", 6), {most, 2}, {3, 2});
  for (const char* op : {"Add", "Sub", "Mul"}) {
    check(with_rows(op).input(counting({2})), {most, 2}, {3, 2});
    check(with_rows(op).bounded(counting({3, 1}), {most, 1}), {most, 2}, {3, 2});
    check(with_rows(op).bounded(counting({1, 2}), {at_most(7), 2}), {at_most(7), 2}, {3, 2});
    check(with_rows(op).input(counting({3, 2})), {at_most(3), 2}, {3, 2});
    // Sizes that do not fit: the smaller one.
    check(with_rows(op).input(counting({2, 2})), {at_most(2), 2}, {2, 2});
  }
  check(OpRunner("Where")
            .bounded(Tensor::of<bool>({3, 1}, {true, false, true}), {most, 1})
            .input(counting({2}))
            .constant(counting({1})),
        {most, 2}, {3, 2});
  check(with_rows("Equal").input(counting({2})), {most, 2}, {3, 2});
}

TEST(Extents, ConcatOfSizesThatDoNotFitTakesTheSmallest) {
  OpRunner runner("Concat");
  runner.bounded(counting({3, 1}), {at_most(5), 1}).bounded(counting({2, 2}), {at_most(4), 2});
  runner.attribute("axis", 1);
  EXPECT_EQ(runner.shape(), Shape({at_most(4), 3}));
  EXPECT_EQ(values_of<float>(runner.reference()[0]), (Floats{0, 0, 1, 1, 2, 3}));
}

TEST(Extents, AShapeHoldsTheTrueSizes) {
  const Tensor shape = with_rows("Shape").reference()[0];
  EXPECT_EQ(values_of<std::int64_t>(shape), (std::vector<std::int64_t>{3, 2}));
}

TEST(Extents, ReshapeRefusesMoreThanCanBeThere) {
  EXPECT_EQ(error_of([] {
              OpRunner("Reshape").input({at_most(5), 2}).constant(integers({0, 3})).infer();
            }),
            "shape <=5x2 (at most 10 elements) cannot become <=5x3");
}

TEST(Extents, DimensionsKeepTheirBounds) {
  const auto dims = [](std::vector<std::int64_t> values) { return values; };
  EXPECT_EQ(ops::product_of(dims({at_most(5)})), at_most(5));
  EXPECT_EQ(ops::product_of(dims({at_most(5), 3, at_most(2)})), at_most(30));
  EXPECT_EQ(ops::product_of(dims({at_most(5), kAnyDim})), kAnyDim);
  EXPECT_EQ(ops::product_of(dims({at_most(5), 0, kAnyDim})), 0);
  EXPECT_EQ(ops::product_of(dims({at_most(kLargestBound), at_most(kLargestBound)})), at_most(kLargestBound));
  EXPECT_EQ(ops::sum_of(dims({at_most(5), 3})), at_most(8));
  EXPECT_EQ(ops::sum_of(dims({at_most(5), 0})), at_most(5));
  EXPECT_EQ(ops::broadcast_dim(at_most(5), 1), at_most(5));
  EXPECT_EQ(ops::broadcast_dim(at_most(5), at_most(7)), at_most(7));
  EXPECT_EQ(ops::broadcast_dim(4, at_most(7)), at_most(4));
  EXPECT_EQ(ops::broadcast_dim(at_most(5), kAnyDim), kAnyDim);
  EXPECT_EQ(ops::more_specific_dim(at_most(5), 3), at_most(3));
  EXPECT_EQ(ops::more_specific_dim(at_most(5), kAnyDim), at_most(5));
  EXPECT_EQ(ops::broadcast_extent({3, 1}, {2, 1, 4}), Shape({2, 3, 4}));
  EXPECT_EQ(ops::broadcast_extent({3}, {2}), Shape({2}));
}

}  // namespace
}  // namespace godwit::support
