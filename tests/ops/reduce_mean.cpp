// ReduceMean: which axes go, what stays of them, every type, and the mean of nothing.
#include <cmath>
#include <gtest/gtest.h>
#include <vector>

#include "tests/support/compare.h"
#include "tests/support/counting.h"
#include "tests/support/errors.h"
#include "tests/support/op_runner.h"

namespace godwit::support {
namespace {

using List = std::initializer_list<std::int64_t>;

OpRunner mean(const Tensor& src, List axes, bool keep = true) {
  OpRunner runner("ReduceMean");
  runner.input(src).constant(integers(axes)).attribute("keepdims", keep ? 1 : 0);
  return runner;
}

Shape shape_of(const Shape& src, List axes, bool keep = true) {
  return OpRunner("ReduceMean")
      .input(src)
      .constant(integers(axes))
      .attribute("keepdims", keep ? 1 : 0)
      .shape();
}

TEST(ReduceMeanOp, MeansOverAxes) {
  using Values = std::vector<float>;
  const Tensor src = Tensor::of<float>({3, 2, 2}, {5, 1, 20, 2, 30, 1, 40, 2, 55, 1, 60, 2});
  EXPECT_EQ(values_of<float>(mean(src, {1}, false).reference()[0]),
            (Values{12.5F, 1.5F, 35, 1.5F, 57.5F, 1.5F}));
  EXPECT_EQ(values_of<float>(mean(src, {-2}).reference()[0]), (Values{12.5F, 1.5F, 35, 1.5F, 57.5F, 1.5F}));
  EXPECT_EQ(values_of<float>(mean(src, {0, 2}).reference()[0]), (Values{15.5F, 21}));
  OpRunner all("ReduceMean");
  all.input(src);
  EXPECT_EQ(all.shape(), Shape({1, 1, 1}));
  EXPECT_EQ(values_of<float>(all.reference()[0]), (Values{18.25F}));
  EXPECT_EQ(values_of<float>(mean(src, {}, false).reference()[0]), (Values{18.25F}));
  EXPECT_EQ(all.cost().flops, 12);
}

TEST(ReduceMeanOp, MayDoNothingWithoutAxes) {
  OpRunner runner = mean(counting({2, 3}), {});
  runner.attribute("noop_with_empty_axes", 1);
  EXPECT_TRUE(runner.is_view());
  EXPECT_EQ(runner.shape(), Shape({2, 3}));
  expect_close(runner.reference()[0], counting({2, 3}), exact());
  EXPECT_FALSE(mean(counting({2, 3}), {}).is_view());
  EXPECT_FALSE(mean(counting({2, 3}), {0}).attribute("noop_with_empty_axes", 1).is_view());
}

TEST(ReduceMeanOp, TakesEveryTypeOfOnnx) {
  for (const DType dtype :
       {DType::f32, DType::f64, DType::f16, DType::bf16, DType::s32, DType::s64, DType::u32, DType::u64}) {
    // Rows 0 1 2 3 4 and 5 6 7 8 9: the means are exact in every type.
    const OpRunner runner = mean(counting({2, 5}, dtype), {1});
    const Tensor dst = runner.reference()[0];
    EXPECT_EQ(value_at(dst, 0), 2);
    EXPECT_EQ(value_at(dst, 1), 7);
    runner.run_implementations(exact());
  }
}

TEST(ReduceMeanOp, SumsWithoutOverflowAndRoundsOnce) {
  const std::int64_t large = std::numeric_limits<std::int64_t>::max();
  const Tensor sum = mean(Tensor::of<std::int64_t>({3}, {large, large, large - 3}), {0}).reference()[0];
  EXPECT_EQ(values_of<std::int64_t>(sum)[0], large - 1);
  EXPECT_EQ(values_of<std::int32_t>(mean(Tensor::of<std::int32_t>({2}, {-2, -1}), {0}).reference()[0])[0],
            -1);
  EXPECT_EQ(values_of<float>(mean(Tensor::of<float>({3}, {1e30F, 3, -1e30F}), {0}).reference()[0])[0], 0);
  EXPECT_EQ(values_of<float>(mean(Tensor::of<float>({3}, {0x1p40F, 3, -0x1p40F}), {0}).reference()[0])[0], 1);
}

TEST(ReduceMeanOp, MeansNothing) {
  const Tensor dst = mean(counting({2, 0}), {1}).reference()[0];
  EXPECT_TRUE(std::isnan(value_at(dst, 0)));
  EXPECT_EQ(value_at(mean(counting({0}, DType::s32), {0}).reference()[0], 0), 0);
  EXPECT_EQ(mean(counting({0, 3}), {1}).reference()[0].shape(), Shape({0, 1}));
  EXPECT_EQ(value_at(mean(Tensor::of<float>({}, {4}), {}).reference()[0], 0), 4);
}

TEST(ReduceMeanOp, KeepsSymbols) {
  EXPECT_EQ(shape_of({kBatch, 2048, 7, 7}, {2, 3}), Shape({kBatch, 2048, 1, 1}));
  EXPECT_EQ(shape_of({kBatch, 2048, kOther, kAnyDim}, {2, 3}, false), Shape({kBatch, 2048}));
  EXPECT_EQ(shape_of(Shape::unranked(), {1}), Shape::unranked());
  EXPECT_EQ(shape_of(Shape::unranked(), {}, false), Shape{});
  const TensorDesc axes{DType::s64, {1}};
  EXPECT_EQ(OpRunner("ReduceMean").input({2, 3}).input(axes).shape(), Shape({kAnyDim, kAnyDim}));
  EXPECT_EQ(OpRunner("ReduceMean").input({2, 3}).input(axes).attribute("keepdims", 0).shape(),
            Shape::unranked());
  EXPECT_EQ(OpRunner("ReduceMean").input(Shape{}).input(axes).shape(), Shape::unranked());
}

TEST(ReduceMeanOp, RefusesWrongAxesAndTypes) {
  EXPECT_EQ(error_of([] { shape_of({2, 3}, {2}); }), "axis 2 is out of range, expected -2 to 1");
  EXPECT_EQ(error_of([] { shape_of({2, 3}, {1, -1}); }), "axis 1 is named twice");
  EXPECT_EQ(error_of([] { shape_of({}, {0}); }), "axis 0 of a scalar, which has none");
  EXPECT_EQ(error_of([] { mean(counting({2}, DType::u8), {0}).infer(); }),
            "input 0 is u8, expected a float or an integer of 32 or 64 bits");
  EXPECT_EQ(error_of([] { OpRunner("ReduceMean").input({2}).attribute("keepdims", 2).infer(); }),
            "attribute 'keepdims' is 2, expected 0 or 1");
}

}  // namespace
}  // namespace godwit::support
