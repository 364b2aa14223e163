// Range, Size, EyeLike, OneHot, Trilu, Compress, Unique, TopK and NonMaxSuppression: values by hand, sizes
// that the data decides, refusals.
#include <cmath>
#include <gtest/gtest.h>
#include <limits>
#include <vector>

#include "tests/support/compare.h"
#include "tests/support/counting.h"
#include "tests/support/errors.h"
#include "tests/support/op_runner.h"
#include "tests/support/random.h"

namespace godwit::support {
namespace {

using Floats = std::vector<float>;
using Integers = std::vector<std::int64_t>;
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr std::int64_t kFirst = std::numeric_limits<std::int64_t>::min();
constexpr std::int64_t kLast = std::numeric_limits<std::int64_t>::max();

template <class T>
Tensor scalar(T value) {
  return Tensor::of<T>({}, {value});
}
template <class T = float>
std::vector<T> result(const OpRunner& runner, std::size_t i = 0) {
  return values_of<T>(runner.reference()[i]);
}

template <class T>
OpRunner range(T start, T limit, T delta) {
  return OpRunner("Range").constant(scalar(start)).constant(scalar(limit)).constant(scalar(delta));
}

TEST(RangeOp, CountsUpAndDown) {
  EXPECT_EQ(result(range(1.0F, 5.0F, 2.0F)), (Floats{1, 3}));
  EXPECT_EQ(result(range(1.0F, 5.5F, 2.0F)), (Floats{1, 3, 5}));
  EXPECT_EQ(result<std::int32_t>(range<std::int32_t>(10, 4, -3)), (std::vector<std::int32_t>{10, 7}));
  EXPECT_EQ(result<std::int64_t>(range<std::int64_t>(3, 3, 1)), Integers{});
  EXPECT_EQ(result<std::int64_t>(range<std::int64_t>(kFirst, kLast, kLast)),
            (Integers{kFirst, -1, kLast - 1}));
  EXPECT_EQ(result<std::int64_t>(range<std::int64_t>(kLast, kFirst, kFirst)), (Integers{kLast, -1}));
  EXPECT_EQ(result<std::int16_t>(range<std::int16_t>(0, 3, 1)), (std::vector<std::int16_t>{0, 1, 2}));
  range(0.0F, 1.0F, 0.25F).run_implementations(exact());
}

TEST(RangeOp, InfersAndRefuses) {
  EXPECT_EQ(OpRunner("Range").input(Shape{}).input(Shape{}).input(Shape{}).shape(), Shape({kAnyDim}));
  EXPECT_EQ(error_of([] { range(0.0F, 1.0F, 0.0F).infer(); }), "input 2 (delta) is 0");
  EXPECT_EQ(error_of([] { range<std::int64_t>(0, 1, 0).infer(); }), "input 2 (delta) is 0");
  EXPECT_EQ(error_of([] { range<std::int64_t>(kFirst, kLast, 1).infer(); }),
            "has 18446744073709551615 elements, more than 63 bits can count");
  EXPECT_EQ(error_of([] { OpRunner("Range").input({2}).input({1}).input({1}).infer(); }),
            "input 0 (start) has shape 2, expected one element");
}

TEST(SizeOp, CountsElements) {
  OpRunner runner("Size");
  runner.input({2, 3, 4});
  EXPECT_TRUE(runner.folds_from_descs());
  EXPECT_EQ(result<std::int64_t>(OpRunner("Size").input(counting({2, 3}))), (Integers{6}));
  EXPECT_EQ(result<std::int64_t>(OpRunner("Size").bounded(counting({2, 3}), {at_most(4), 3})), (Integers{6}));
  EXPECT_FALSE(OpRunner("Size").input({kBatch, 3}).folds_from_descs());
}

TEST(EyeLikeOp, PutsOnesOnADiagonal) {
  EXPECT_EQ(result(OpRunner("EyeLike").input(counting({2, 3}))), (Floats{1, 0, 0, 0, 1, 0}));
  EXPECT_EQ(
      result<double>(OpRunner("EyeLike").input(counting({2, 3})).attribute("k", 1).attribute("dtype", 11)),
      (std::vector<double>{0, 1, 0, 0, 0, 1}));
  OpRunner("EyeLike").input(counting({3, 2}, DType::s8)).attribute("k", -1).run_implementations(exact());
  EXPECT_EQ(error_of([] { OpRunner("EyeLike").input({2}).infer(); }),
            "input 0 has 1 dimension (2), expected 2");
  EXPECT_EQ(error_of([] {
              OpRunner("EyeLike").input({2, 2}).attribute("dtype", 8).infer();
            }),
            "attribute 'dtype' is 8, which is no element type known here");
}

TEST(OneHotOp, PutsAValueWhereTheIndexSays) {
  const auto one_hot = [](const Tensor& indices, int axis) {
    OpRunner runner("OneHot");
    runner.input(indices).constant(scalar<std::int64_t>(3)).constant(Tensor::of<float>({2}, {2, 5}));
    return runner.attribute("axis", axis);
  };
  EXPECT_EQ(result(one_hot(integers({1, -1}), -1)), (Floats{2, 5, 2, 2, 2, 5}));
  EXPECT_EQ(result(one_hot(integers({1, -1}), 0)), (Floats{2, 2, 5, 2, 2, 5}));
  EXPECT_EQ(result(one_hot(integers({3, -4}), 1)), (Floats{2, 2, 2, 2, 2, 2}));
  EXPECT_EQ(result(one_hot(Tensor::of<float>({}, {1.9F}), 0)), (Floats{2, 5, 2}));
  one_hot(Tensor::of<std::uint8_t>({2, 2}, {0, 1, 2, 3}), 1).run_implementations(exact());
  EXPECT_EQ(one_hot(integers({}), 0).shape(), Shape({3, 0}));
  OpRunner few("OneHot");
  few.bounded(integers({2}), {at_most(4)}).constant(scalar<std::int64_t>(3)).constant(counting({2}));
  EXPECT_EQ(few.shape(), Shape({at_most(4), 3}));
  EXPECT_EQ(result(few), (Floats{0, 0, 1}));
  EXPECT_EQ(
      error_of([] { OpRunner("OneHot").input({2}).constant(scalar<std::int64_t>(-1)).input({2}).infer(); }),
      "input 1 (depth) is -1, expected at least 0");
}

TEST(TriluOp, KeepsATriangle) {
  const auto trilu = [](bool upper, std::int64_t k) {
    return OpRunner("Trilu").input(counting({2, 3})).constant(scalar(k)).attribute("upper", upper ? 1 : 0);
  };
  EXPECT_EQ(result(trilu(true, 0)), (Floats{0, 1, 2, 0, 4, 5}));
  EXPECT_EQ(result(trilu(true, 1)), (Floats{0, 1, 2, 0, 0, 5}));
  EXPECT_EQ(result(trilu(false, 0)), (Floats{0, 0, 0, 3, 4, 0}));
  EXPECT_EQ(result(trilu(false, -1)), (Floats{0, 0, 0, 3, 0, 0}));
  EXPECT_EQ(result(trilu(false, kFirst)), Floats(6, 0));
  OpRunner("Trilu").input(counting({2, 2, 2}, DType::s64)).run_implementations(exact());
  EXPECT_EQ(error_of([] { OpRunner("Trilu").input({2}).infer(); }),
            "input 0 has 1 dimension (2), expected at least 2");
}

TEST(CompressOp, KeepsWhatIsTrue) {
  const Tensor condition = Tensor::of<bool>({3}, {false, true, true});
  OpRunner rows("Compress");
  rows.input(counting({3, 2})).input(condition).attribute("axis", 0);
  EXPECT_EQ(rows.shape(), Shape({at_most(3), 2}));
  EXPECT_EQ(rows.reference()[0].shape(), Shape({2, 2}));
  EXPECT_EQ(result(rows), (Floats{2, 3, 4, 5}));
  rows.run_implementations(exact());
  OpRunner columns("Compress");
  columns.input(counting({2, 4})).input(condition).attribute("axis", -1);
  EXPECT_EQ(result(columns), (Floats{1, 2, 5, 6}));
  OpRunner flat("Compress");
  flat.input(counting({2, 4})).input(condition);
  EXPECT_EQ(flat.shape(), Shape({at_most(3)}));
  EXPECT_EQ(result(flat), (Floats{1, 2}));
  OpRunner more("Compress");
  more.input(counting({2})).input(condition).attribute("axis", 0);
  EXPECT_EQ(result(more), (Floats{1}));
  EXPECT_EQ(error_of([] { OpRunner("Compress").input({2}).input({2}).infer(); }),
            "input 1 (condition) is f32, expected boolean");
}

TEST(UniqueOp, FindsEachElementOnce) {
  OpRunner sorted("Unique");
  sorted.input(Tensor::of<float>({6}, {2, 1, 1, 3, 4, 3})).outputs(4);
  EXPECT_EQ(sorted.shape(), Shape({at_most(6)}));
  EXPECT_EQ(result(sorted), (Floats{1, 2, 3, 4}));
  EXPECT_EQ(result<std::int64_t>(sorted, 1), (Integers{1, 0, 3, 4}));
  EXPECT_EQ(result<std::int64_t>(sorted, 2), (Integers{1, 0, 0, 2, 3, 2}));
  EXPECT_EQ(result<std::int64_t>(sorted, 3), (Integers{2, 1, 2, 1}));
  sorted.run_implementations(exact());
  OpRunner unsorted("Unique");
  unsorted.input(Tensor::of<float>({2, 3}, {2, 1, 1, 3, 4, 3})).attribute("sorted", 0).outputs(4);
  EXPECT_EQ(result(unsorted), (Floats{2, 1, 3, 4}));
  EXPECT_EQ(result<std::int64_t>(unsorted, 1), (Integers{0, 1, 3, 4}));
  EXPECT_EQ(result<std::int64_t>(unsorted, 2), (Integers{0, 1, 1, 2, 3, 2}));
  EXPECT_EQ(result<std::int64_t>(unsorted, 3), (Integers{1, 2, 2, 1}));
  OpRunner nan("Unique");
  nan.input(Tensor::of<float>({4}, {kNan, 1, kNan, -1})).outputs(4);
  EXPECT_EQ(result<std::int64_t>(nan, 3), (Integers{1, 1, 2}));
  EXPECT_EQ(result<std::int64_t>(nan, 1), (Integers{3, 1, 0}));
}

TEST(UniqueOp, FindsEachSliceOnce) {
  const Tensor rows = Tensor::of<float>({4, 2}, {1, 0, 1, 0, 0, 9, 1, 0});
  OpRunner sorted("Unique");
  sorted.input(rows).attribute("axis", 0).outputs(4);
  EXPECT_EQ(sorted.shape(), Shape({at_most(4), 2}));
  EXPECT_EQ(result(sorted), (Floats{0, 9, 1, 0}));
  EXPECT_EQ(result<std::int64_t>(sorted, 1), (Integers{2, 0}));
  EXPECT_EQ(result<std::int64_t>(sorted, 2), (Integers{1, 1, 0, 1}));
  EXPECT_EQ(result<std::int64_t>(sorted, 3), (Integers{1, 3}));
  sorted.attribute("sorted", 0);
  EXPECT_EQ(result(sorted), (Floats{1, 0, 0, 9}));
  OpRunner columns("Unique");
  columns.input(Tensor::of<float>({2, 3}, {5, 1, 5, 6, 2, 6})).attribute("axis", 1);
  EXPECT_EQ(result(columns), (Floats{1, 5, 2, 6}));
  for (const DType dtype : kAllTypes) {
    if (!is_narrow(dtype))
      OpRunner("Unique").input(counting({3, 2}, dtype)).outputs(4).run_implementations(exact());
  }
}

OpRunner top_k(const Tensor& src, std::int64_t k, int axis, bool largest) {
  OpRunner runner("TopK");
  runner.input(src).constant(integers({k})).attribute("axis", axis).attribute("largest", largest ? 1 : 0);
  return runner.outputs(2);
}

TEST(TopKOp, TakesTheLargestOrSmallest) {
  const OpRunner rows = top_k(counting({3, 4}), 3, 1, true);
  EXPECT_EQ(result(rows), (Floats{3, 2, 1, 7, 6, 5, 11, 10, 9}));
  EXPECT_EQ(result<std::int64_t>(rows, 1), (Integers{3, 2, 1, 3, 2, 1, 3, 2, 1}));
  rows.run_implementations(exact());
  const OpRunner columns = top_k(counting({3, 2}), 2, 0, false);
  EXPECT_EQ(result(columns), (Floats{0, 1, 2, 3}));
  EXPECT_EQ(result<std::int64_t>(columns, 1), (Integers{0, 0, 1, 1}));
  columns.run_implementations(exact());
}

TEST(TopKOp, EqualOnesInOrderAndNanAboveAll) {
  const Tensor src = Tensor::of<float>({6}, {1, kNan, 7, 1, kNan, 7});
  EXPECT_EQ(result<std::int64_t>(top_k(src, 6, 0, true), 1), (Integers{1, 4, 2, 5, 0, 3}));
  EXPECT_EQ(result<std::int64_t>(top_k(src, 6, 0, false), 1), (Integers{0, 3, 2, 5, 1, 4}));
  for (const DType dtype : kAllTypes) {
    if (!is_narrow(dtype)) top_k(counting({2, 7}, dtype), 3, -1, true).run_implementations(exact());
  }
  top_k(counting({0, 7}), 3, -1, true).run_implementations(exact());
  top_k(counting({2, 7}), 0, -1, true).run_implementations(exact());
}

TEST(TopKOp, SortedRowsAreTheSame) {
  for (const bool largest : {false, true}) {
    for (const int axis : {0, 1, 2}) {
      const OpRunner runner = top_k(random_tensor({5, 31, 7}, 1), axis == 0 ? 5 : 3, axis, largest);
      EXPECT_TRUE(did_run(runner.run_implementations(exact()), "top_k_sorted"));
    }
    const Tensor odd =
        Tensor::of<float>({7}, {0.0F, -0.0F, kNan, -kNan, -1, std::numeric_limits<float>::infinity(), -3});
    top_k(odd, 7, 0, largest).run_implementations(exact());
  }
}

TEST(TopKOp, TakesSizesThatTheDataDecides) {
  OpRunner few("TopK");
  few.bounded(counting({3}), {at_most(9)}).constant(integers({5})).outputs(2);
  EXPECT_EQ(few.shape(), Shape({at_most(5)}));
  EXPECT_EQ(result(few), (Floats{2, 1, 0}));
  few.run_implementations(exact());
  OpRunner computed("TopK");
  computed.input(counting({2, 4})).input(integers({2})).outputs(2);
  EXPECT_EQ(computed.shape(), Shape({2, at_most(4)}));
  EXPECT_EQ(result(computed), (Floats{3, 2, 7, 6}));
  EXPECT_EQ(OpRunner("TopK").input({kBatch, kOther}).constant(integers({3})).outputs(2).shape(),
            Shape({kBatch, 3}));
}

TEST(TopKOp, Refuses) {
  EXPECT_EQ(error_of([] { top_k(counting({2}), 3, 0, true).infer(); }),
            "input 1 (K) is 3, more than the dimension of 2");
  EXPECT_EQ(error_of([] { top_k(counting({2}), -1, 0, true).infer(); }),
            "input 1 (K) is -1, expected at least 0");
  EXPECT_EQ(error_of([] { top_k(counting({2}), 1, 1, true).infer(); }),
            "axis 1 is out of range, expected -1 to 0");
}

// Six boxes, three of them far from the other three.
OpRunner suppression(std::initializer_list<float> scores, std::int64_t most, float overlap, float score) {
  OpRunner runner("NonMaxSuppression");
  runner.input(Tensor::of<float>({1, 6, 4}, {0, 0,     1, 1,     0, 0.1F,  1, 1.1F,  0, -0.1F, 1, 0.9F,
                                             0, 10.0F, 1, 11.0F, 0, 10.1F, 1, 11.1F, 0, 100,   1, 101}));
  runner.input(Tensor::of<float>({1, 1, 6}, scores)).constant(integers({most}));
  return runner.constant(Tensor::of<float>({1}, {overlap})).constant(Tensor::of<float>({1}, {score}));
}

TEST(NonMaxSuppressionOp, KeepsTheBestOfWhatOverlaps) {
  const auto best = suppression({0.9F, 0.75F, 0.6F, 0.95F, 0.5F, 0.3F}, 3, 0.5F, 0);
  EXPECT_EQ(best.shape(), Shape({at_most(3), 3}));
  EXPECT_EQ(result<std::int64_t>(best), (Integers{0, 0, 3, 0, 0, 0, 0, 0, 5}));
  best.run_implementations(exact());
  EXPECT_EQ(result<std::int64_t>(suppression({0.9F, 0.75F, 0.6F, 0.95F, 0.5F, 0.3F}, 3, 0.5F, 0.4F)),
            (Integers{0, 0, 3, 0, 0, 0}));
  // A score at the threshold is not above it, equal scores keep the boxes' order, NaN is none.
  EXPECT_EQ(result<std::int64_t>(suppression({0.4F, 0.5F, 0.5F, kNan, 0.6F, 0.6F}, 9, 0.99F, 0.4F)),
            (Integers{0, 0, 4, 0, 0, 5, 0, 0, 1, 0, 0, 2}));
  EXPECT_EQ(suppression({1, 1, 1, 1, 1, 1}, 0, 0.5F, 0).reference()[0].shape(), Shape({0, 3}));
}

TEST(NonMaxSuppressionOp, TreatsImagesAndClassesApart) {
  OpRunner runner("NonMaxSuppression");
  // Centre and size; the second box covers the first by a half.
  runner.input(Tensor::of<float>({2, 2, 4}, {1, 1, 2, 2, 2, 1, 2, 2, 1, 1, 2, 2, 9, 9, 2, 2}));
  runner.input(Tensor::of<float>({2, 2, 2}, {0.5F, 0.6F, 0.9F, 0.1F, 0.5F, 0.6F, 0.9F, 0.1F}));
  runner.constant(integers({2})).constant(Tensor::of<float>({}, {0.3F})).attribute("center_point_box", 1);
  EXPECT_EQ(result<std::int64_t>(runner), (Integers{0, 0, 1, 0, 1, 0, 1, 0, 1, 1, 0, 0, 1, 1, 0, 1, 1, 1}));
  // Without the limit no box is kept.
  OpRunner none("NonMaxSuppression");
  none.input(counting({1, 2, 4})).input(counting({1, 1, 2}));
  EXPECT_EQ(none.reference()[0].shape(), Shape({0, 3}));
}

TEST(NonMaxSuppressionOp, InfersAndRefuses) {
  EXPECT_EQ(OpRunner("NonMaxSuppression")
                .input({1, 10, 4})
                .input({1, 3, 10})
                .input(TensorDesc{DType::s64, {1}})
                .shape(),
            Shape({at_most(30), 3}));
  EXPECT_EQ(OpRunner("NonMaxSuppression").input({kBatch, 10, 4}).input({kBatch, 3, 10}).shape(),
            Shape({kAnyDim, 3}));
  EXPECT_EQ(error_of([] {
              OpRunner("NonMaxSuppression").input({1, 10, 5}).input({1, 3, 10}).infer();
            }),
            "dimension 2 of input 0 (boxes) is 5, expected 4");
  EXPECT_EQ(error_of([] {
              OpRunner("NonMaxSuppression").input({1, 10, 4}).input({1, 3, 9}).infer();
            }),
            "input 1 has shape 1x3x9 and input 0 has 1x10x4; dimension 2 must be 10");
}

}  // namespace
}  // namespace godwit::support
