// Slice: bounds as in Python, steps both ways, symbols, and bounds that contradict each other.
#include <gtest/gtest.h>
#include <limits>
#include <vector>

#include "tests/support/compare.h"
#include "tests/support/counting.h"
#include "tests/support/errors.h"
#include "tests/support/op_runner.h"

namespace godwit::support {
namespace {

using List = std::initializer_list<std::int64_t>;
constexpr std::int64_t kFirst = std::numeric_limits<std::int64_t>::min();
constexpr std::int64_t kLast = std::numeric_limits<std::int64_t>::max();

OpRunner slice(const Tensor& src, List starts, List ends, List axes, List steps) {
  OpRunner runner("Slice");
  runner.input(src).constant(integers(starts)).constant(integers(ends));
  runner.constant(integers(axes)).constant(integers(steps));
  return runner;
}

// src[start:end:step] of 0, 1, … 9.
std::vector<float> of_ten(std::int64_t start, std::int64_t end, std::int64_t step) {
  const OpRunner runner = slice(counting({10}), {start}, {end}, {0}, {step});
  runner.run_implementations(exact());
  return values_of<float>(runner.reference()[0]);
}

Shape shape_of(const Shape& src, List starts, List ends, List axes, List steps) {
  OpRunner runner("Slice");
  runner.input(src).constant(integers(starts)).constant(integers(ends));
  return runner.constant(integers(axes)).constant(integers(steps)).shape();
}

TEST(SliceOp, TakesBoundsAsPythonDoes) {
  using Values = std::vector<float>;
  EXPECT_EQ(of_ten(2, 5, 1), (Values{2, 3, 4}));
  EXPECT_EQ(of_ten(-3, kLast, 1), (Values{7, 8, 9}));
  EXPECT_EQ(of_ten(0, -8, 1), (Values{0, 1}));
  EXPECT_EQ(of_ten(1, 1000, 4), (Values{1, 5, 9}));
  EXPECT_EQ(of_ten(-1000, 2, 1), (Values{0, 1}));
  EXPECT_EQ(of_ten(1000, 1000, 1), Values{});
  EXPECT_EQ(of_ten(5, 2, 1), Values{});
  EXPECT_EQ(of_ten(2, 5, -1), Values{});
  EXPECT_EQ(of_ten(20, 6, -1), (Values{9, 8, 7}));
  EXPECT_EQ(of_ten(3, kFirst, -2), (Values{3, 1}));
  EXPECT_EQ(of_ten(-1, -1000, -4), (Values{9, 5, 1}));
  EXPECT_EQ(of_ten(-1000, kFirst, -1), (Values{0}));
  EXPECT_EQ(of_ten(8, 0, kFirst), (Values{8}));
  EXPECT_EQ(of_ten(8, kLast, kLast), (Values{8}));
}

TEST(SliceOp, NamesAxesOrTakesTheFirst) {
  OpRunner first("Slice");
  first.input(counting({4, 3})).constant(integers({1})).constant(integers({3}));
  EXPECT_EQ(values_of<float>(first.reference()[0]), (std::vector<float>{3, 4, 5, 6, 7, 8}));
  first.run_implementations(exact());
  const OpRunner last = slice(counting({2, 3}), {1}, {2}, {-1}, {1});
  EXPECT_EQ(values_of<float>(last.reference()[0]), (std::vector<float>{1, 4}));
  OpRunner narrow("Slice");
  narrow.input(counting({4}))
      .constant(Tensor::of<std::int32_t>({1}, {1}))
      .constant(Tensor::of<std::int32_t>({1}, {3}));
  EXPECT_EQ(values_of<float>(narrow.reference()[0]), (std::vector<float>{1, 2}));
}

TEST(SliceOp, SlicesEveryLayoutAndType) {
  const auto ran =
      slice(counting({3, 20, 10, 5}), {-1, 19, 1, 4}, {-4, 0, 9, -6}, {0, 1, 2, 3}, {-2, -3, 2, -1})
          .run_implementations(exact());
  EXPECT_TRUE(did_run(ran, "strided_copy"));
  for (const DType dtype : kAllTypes) {
    slice(counting({2, 6, 7}, dtype), {1, 6}, {5, kFirst}, {1, 2}, {1, -2}).run_implementations(exact());
  }
  slice(counting({0, 4}), {0, 1}, {5, 3}, {0, 1}, {1, 1}).run_implementations(exact());
}

TEST(SliceOp, RunsWithComputedBoundsOnTheReference) {
  // A slice of a dimension whose extent infer cannot know is never run; one of no axes is.
  OpRunner runner("Slice");
  runner.input(counting({4})).input(integers({})).input(integers({}));
  EXPECT_EQ(runner.shape(), Shape({4}));
  for (const Ran& ran : runner.run_implementations(exact())) EXPECT_EQ(ran.implementation, "reference");
}

TEST(SliceOp, KeepsSymbolsThatAreNotCut) {
  EXPECT_EQ(shape_of({kBatch, 8, kOther}, {0, 2}, {kLast, 6}, {0, 1}, {1, 1}), Shape({kBatch, 4, kOther}));
  EXPECT_EQ(shape_of({kBatch, 8}, {0}, {std::numeric_limits<std::int32_t>::max()}, {0}, {1}),
            Shape({kBatch, 8}));
  EXPECT_EQ(shape_of({kBatch, 8}, {1}, {kLast}, {0}, {1}), Shape({kAnyDim, 8}));
  EXPECT_EQ(shape_of({kBatch, 8}, {0}, {kLast}, {0}, {-1}), Shape({kAnyDim, 8}));
  EXPECT_EQ(shape_of(Shape::unranked(), {0}, {1}, {0}, {1}), Shape::unranked());
}

TEST(SliceOp, KnowsTheRankBesideComputedBounds) {
  const TensorDesc one{DType::s64, {1}}, any{DType::s64, {kAnyDim}};
  OpRunner bounds("Slice");
  bounds.input({kBatch, 3}).input(one).input(one).constant(integers({1}));
  EXPECT_EQ(bounds.shape(), Shape({kBatch, at_most(3)}));
  EXPECT_EQ(OpRunner("Slice").input({2, 3}).input(any).input(any).shape(), Shape({at_most(2), at_most(3)}));
  EXPECT_EQ(OpRunner("Slice").input({2, 3}).input(one).input(one).input(one).shape(),
            Shape({at_most(2), at_most(3)}));
  EXPECT_EQ(OpRunner("Slice").input({kBatch, 3}).input(any).input(any).shape(), Shape({kAnyDim, at_most(3)}));
}

TEST(SliceOp, CutsByBoundsThatARunComputes) {
  const auto part = [](std::initializer_list<std::int64_t> starts, std::initializer_list<std::int64_t> ends,
                       std::initializer_list<std::int64_t> steps) {
    OpRunner runner("Slice");
    runner.input(counting({3, 4})).input(integers(starts)).input(integers(ends)).constant(integers({1}));
    return runner.input(integers(steps));
  };
  const OpRunner middle = part({1}, {3}, {1});
  EXPECT_EQ(middle.reference()[0].shape(), Shape({3, 2}));
  EXPECT_EQ(values_of<float>(middle.reference()[0]), (std::vector<float>{1, 2, 5, 6, 9, 10}));
  middle.run_implementations(exact());
  EXPECT_EQ(values_of<float>(part({-1}, {-9}, {-3}).reference()[0]), (std::vector<float>{3, 0, 7, 4, 11, 8}));
  // Lists that no model should compute: a step of 0, an axis that is none.
  EXPECT_EQ(part({0}, {2}, {0}).reference()[0].shape(), Shape({3, 2}));
  OpRunner wild("Slice");
  wild.input(counting({4})).input(integers({1})).input(integers({2})).input(integers({7}));
  EXPECT_EQ(wild.reference()[0].shape(), Shape({4}));
}

TEST(SliceOp, RefusesBoundsThatDoNotFit) {
  const auto error = [](List starts, List ends, List axes, List steps) {
    return error_of([&] { shape_of({2, 3}, starts, ends, axes, steps); });
  };
  EXPECT_EQ(error({0}, {1, 1}, {0}, {1}),
            "input 2 (ends) has 2 values and input 1 (starts) has 1; they must be as many");
  EXPECT_EQ(error({0}, {1}, {0, 1}, {1}),
            "input 3 (axes) has 2 values and input 1 (starts) has 1; they must be as many");
  EXPECT_EQ(error({0}, {1}, {0}, {0}), "input 4 (steps) has a 0, expected steps forward or backward");
  EXPECT_EQ(error({0}, {1}, {2}, {1}), "axis 2 is out of range, expected -2 to 1");
  EXPECT_EQ(error({0, 0}, {1, 1}, {1, -1}, {1, 1}), "axis 1 is named twice");
  EXPECT_EQ(error({0, 0, 0}, {1, 1, 1}, {0, 1, 2}, {1, 1, 1}),
            "3 axes to slice of an operand of 2 dimensions");
  EXPECT_EQ(error_of([] { OpRunner("Slice").input({2}).input({1}).input({1}).infer(); }),
            "input 1 (starts) is f32, expected s64");
}

}  // namespace
}  // namespace godwit::support
