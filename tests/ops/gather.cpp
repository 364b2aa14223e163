// Gather: indices of every shape and sign, and what happens to those out of range.
#include <gtest/gtest.h>
#include <vector>

#include "tests/support/compare.h"
#include "tests/support/counting.h"
#include "tests/support/errors.h"
#include "tests/support/op_runner.h"

namespace godwit::support {
namespace {

OpRunner gather(const Tensor& src, const Tensor& indices, int axis) {
  OpRunner runner("Gather");
  runner.input(src).constant(indices).attribute("axis", axis);
  return runner;
}

TEST(GatherOp, TakesSlices) {
  const OpRunner rows = gather(counting({3, 2}), integers({2, 0, -1}), 0);
  EXPECT_EQ(values_of<float>(rows.reference()[0]), (std::vector<float>{4, 5, 0, 1, 4, 5}));
  rows.run_implementations(exact());
  const OpRunner columns = gather(counting({2, 3}), Tensor::of<std::int32_t>({2, 1}, {2, -3}), 1);
  EXPECT_EQ(columns.shape(), Shape({2, 2, 1}));
  EXPECT_EQ(values_of<float>(columns.reference()[0]), (std::vector<float>{2, 0, 5, 3}));
  columns.run_implementations(exact());
  const OpRunner one = gather(counting({4}), Tensor::of<std::int64_t>({}, {3}), -1);
  EXPECT_EQ(one.shape(), Shape{});
  EXPECT_EQ(values_of<float>(one.reference()[0]), (std::vector<float>{3}));
}

TEST(GatherOp, TakesEveryType) {
  for (const DType dtype : kAllTypes) {
    const OpRunner runner = gather(counting({2, 4}, dtype), integers({1, 2}), 1);
    expect_close(gather(runner.reference()[0], integers({0, 1}), 1).reference()[0], runner.reference()[0],
                 exact());
    runner.run_implementations(exact());
  }
}

TEST(GatherOp, TakesNothing) {
  EXPECT_EQ(gather(counting({2, 4}), integers({}), 1).reference()[0].shape(), Shape({2, 0}));
  EXPECT_EQ(gather(counting({2, 0}), integers({1}), 0).reference()[0].shape(), Shape({1, 0}));
}

TEST(GatherOp, GivesZerosForComputedIndicesOutOfRange) {
  OpRunner runner("Gather");
  runner.input(counting({3, 2})).input(integers({1, 3, -4, std::numeric_limits<std::int64_t>::min(), -2}));
  EXPECT_EQ(values_of<float>(runner.reference()[0]), (std::vector<float>{2, 3, 0, 0, 0, 0, 0, 0, 2, 3}));
  OpRunner empty("Gather");
  empty.input(counting({0, 2})).input(integers({0}));
  EXPECT_EQ(values_of<float>(empty.reference()[0]), (std::vector<float>{0, 0}));
}

TEST(GatherOp, KeepsSymbols) {
  const TensorDesc indices{DType::s64, {kOther, 2}};
  const auto shape_of = [](const Shape& src, const TensorDesc& list) {
    return OpRunner("Gather").input(src).input(list).attribute("axis", 1).shape();
  };
  EXPECT_EQ(shape_of({kBatch, 3, 4}, indices), Shape({kBatch, kOther, 2, 4}));
  EXPECT_EQ(shape_of({kBatch, 3}, {DType::s64, Shape::unranked()}), Shape::unranked());
  EXPECT_EQ(shape_of(Shape::unranked(), indices), Shape::unranked());
  EXPECT_EQ(gather(counting({2, 3}), integers({5}), 1).op().since_opset, 1);
}

TEST(GatherOp, RefusesConstantIndicesOutOfRange) {
  const auto error = [](const Tensor& indices, int axis) {
    return error_of([&] { gather(counting({2, 3}), indices, axis).infer(); });
  };
  EXPECT_EQ(error(integers({0, 3}), 1), "input 1 (indices) has index 3, out of range for a dimension of 3");
  EXPECT_EQ(error(integers({-3}), 0), "input 1 (indices) has index -3, out of range for a dimension of 2");
  EXPECT_EQ(error(integers({0}), 2), "axis 2 is out of range, expected -2 to 1");
  EXPECT_EQ(error(counting({1}), 0), "input 1 (indices) is f32, expected s64 or s32");
  EXPECT_EQ(
      error_of([] {
        OpRunner("Gather").input({1, 1, 1, 1, 1}).input(TensorDesc{DType::s64, {1, 1, 1, 1, 1}}).infer();
      }),
      "a tensor has more than 8 dimensions");
}

}  // namespace
}  // namespace godwit::support
