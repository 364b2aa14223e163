// AveragePool: values by hand, what counts as a cell, shapes, refusals, and every implementation against the
// reference.
#include <gtest/gtest.h>
#include <numeric>
#include <vector>

#include "tests/support/compare.h"
#include "tests/support/errors.h"
#include "tests/support/op_runner.h"
#include "tests/support/random.h"

namespace godwit::support {
namespace {

using Floats = std::vector<float>;
using Integers = std::vector<std::int64_t>;

Tensor square(std::int64_t size) {
  Floats values(static_cast<std::size_t>(size * size));
  std::iota(values.begin(), values.end(), 1.0F);
  return Tensor::of<float>({1, 1, size, size}, values);
}

Floats first(const OpRunner& runner) { return values_of<float>(runner.reference()[0]); }

TEST(AveragePoolOp, AveragesWindows) {
  OpRunner runner("AveragePool");
  runner.input(square(5)).attribute("kernel_shape", {2, 2}).attribute("strides", {2, 2});
  EXPECT_EQ(first(runner), (Floats{4, 6, 14, 16}));
}

TEST(AveragePoolOp, CountsPaddingWhenToldTo) {
  OpRunner runner("AveragePool");
  runner.input(square(2)).attribute("kernel_shape", {2, 2}).attribute("pads", {1, 1, 0, 0});
  EXPECT_EQ(first(runner), (Floats{1, 1.5F, 2, 2.5F}));
  EXPECT_EQ(first(runner.attribute("count_include_pad", 1)), (Floats{0.25F, 0.75F, 1, 2.5F}));
}

TEST(AveragePoolOp, NeverCountsWhatHangsOverThePadding) {
  OpRunner runner("AveragePool");
  runner.input(square(4))
      .attribute("kernel_shape", {3, 3})
      .attribute("strides", {2, 2})
      .attribute("ceil_mode", 1);
  EXPECT_EQ(first(runner), (Floats{6, 7.5F, 12, 13.5F}));
  // One row and one column of padding count, the second that the window reaches does not: 36 / 4, not 36 / 9.
  OpRunner line("AveragePool");
  line.input(Tensor::of<float>({1, 1, 4}, {1, 2, 3, 4}))
      .attribute("kernel_shape", {4})
      .attribute("strides", {3});
  line.attribute("pads", {0, 1}).attribute("ceil_mode", 1).attribute("count_include_pad", 1);
  // Windows 1 2 3 4 and 4 0 | beyond: the latter has two cells.
  EXPECT_EQ(first(line), (Floats{2.5F, 2}));
  EXPECT_EQ(first(line.attribute("count_include_pad", 0)), (Floats{2.5F, 4}));
}

TEST(AveragePoolOp, DilatesAndPadsAutomatically) {
  OpRunner dilated("AveragePool");
  dilated.input(square(4)).attribute("kernel_shape", {2, 2}).attribute("dilations", {2, 2});
  EXPECT_EQ(first(dilated), (Floats{6, 7, 10, 11}));
  OpRunner same("AveragePool");
  same.input(square(5))
      .attribute("kernel_shape", {3, 3})
      .attribute("strides", {2, 2})
      .attribute("auto_pad", "SAME_UPPER");
  EXPECT_EQ(first(same), (Floats{4, 5.5F, 7, 11.5F, 13, 14.5F, 19, 20.5F, 22}));
}

TEST(AveragePoolOp, WorksInThreeDimensions) {
  Floats values(2 * 2 * 3);
  std::iota(values.begin(), values.end(), 1.0F);
  const auto node = [&] {
    OpRunner runner("AveragePool");
    runner.input(Tensor::of<float>({1, 1, 2, 2, 3}, values)).attribute("kernel_shape", {2, 2, 2});
    return runner;
  };
  EXPECT_EQ(first(node()), (Floats{6, 7}));
  EXPECT_EQ(node().layout(), ops::LayoutRule::nhwc);
  EXPECT_TRUE(did_run(node().run_implementations(roundings(8)), "average_pool_nhwc"));
  // The window in front holds one slice of the input and one of padding.
  EXPECT_EQ(first(node().attribute("pads", {1, 0, 0, 0, 0, 0})), (Floats{3, 4, 6, 7}));
  EXPECT_EQ(first(node().attribute("pads", {1, 0, 0, 0, 0, 0}).attribute("count_include_pad", 1)),
            (Floats{1.5F, 2, 6, 7}));
  // The second window hangs over the right edge: of its two columns one is there.
  EXPECT_EQ(first(node().attribute("strides", {1, 1, 2}).attribute("ceil_mode", 1)), (Floats{6, 7.5F}));
  EXPECT_EQ(first(node().attribute("dilations", {1, 1, 2})), (Floats{6.5F}));
}

TEST(AveragePoolOp, AWindowWithoutACellIsZero) {
  OpRunner runner("AveragePool");
  runner.input(Tensor::of<float>({1, 1, 1}, {4})).attribute("kernel_shape", {2}).attribute("dilations", {2});
  EXPECT_EQ(first(runner.attribute("pads", {1, 1})), (Floats{0}));
}

TEST(AveragePoolOp, InfersShapes) {
  constexpr std::int64_t kBatch = kAnyDim - 1;
  const auto pool = [](const Shape& shape) {
    return OpRunner("AveragePool")
        .input(shape)
        .attribute("kernel_shape", {3, 3})
        .attribute("strides", {2, 2});
  };
  EXPECT_EQ(pool({kBatch, 64, 9, kAnyDim}).shape(), Shape({kBatch, 64, 4, kAnyDim}));
  EXPECT_EQ(pool(Shape::unranked()).shape(), Shape::unranked());
  OpRunner empty("AveragePool");
  empty.input(random_tensor({2, 0, 9, 9}, 1)).attribute("kernel_shape", {3, 3});
  EXPECT_EQ(empty.reference()[0].shape(), Shape({2, 0, 7, 7}));
  EXPECT_EQ(pool({1, 2, 5, 5}).cost().flops, 2 * 4 * 9);
}

TEST(AveragePoolOp, Refuses) {
  const auto error = [](const TensorDesc& src, const Integers& kernel) {
    return error_of([&] { OpRunner("AveragePool").input(src).attribute("kernel_shape", kernel).infer(); });
  };
  EXPECT_EQ(error({DType::u8, {1, 1, 4, 4}, {}}, {2, 2}), "input 0 is u8, expected f32, f64, f16 or bf16");
  EXPECT_EQ(error({DType::f32, {1, 1, 4, 4, 4, 4}, {}}, {2, 2, 2, 2}),
            "input 0 has 6 dimensions (1x1x4x4x4x4), expected 3 to 5");
  EXPECT_EQ(error({DType::f32, {1, 1, 4, 4}, {}}, {6, 2}),
            "a window of 6 (dilation 1) does not fit into 4 padded by 0 and 0");
}

// Sums of `taps` numbers below 2 in size, each of which passes through at most taps - 1 sums and the scaling
// (two roundings if by a rounded reciprocal); the reference rounds once.
Bound mean_bound(std::int64_t taps) {
  return [taps](const Element&) { return gamma(taps + 2) * 2; };
}

TEST(AveragePoolOp, EveryImplementationAgrees) {
  for (const Shape& shape : {Shape{1, 1, 5, 5}, Shape{2, 19, 9, 7}, Shape{1, 64, 6, 11}, Shape{0, 3, 5, 5}}) {
    for (const int flags : {0, 1, 2, 3}) {
      OpRunner runner("AveragePool");
      runner.input(random_tensor(shape, 5, -2, 2)).attribute("ceil_mode", flags & 1);
      runner.attribute("count_include_pad", flags >> 1).attribute("kernel_shape", {3, 3});
      runner.attribute("strides", {2, 2}).attribute("pads", {1, 1, 1, 1}).run_implementations(mean_bound(9));
      runner.attribute("strides", {1, 3}).attribute("pads", {0, 1, 2, 0}).run_implementations(mean_bound(9));
      runner.attribute("dilations", {2, 1}).run_implementations(mean_bound(9));
    }
  }
  OpRunner line("AveragePool");
  line.input(random_tensor({2, 17, 10}, 5)).attribute("kernel_shape", {3}).attribute("strides", {2});
  line.run_implementations(mean_bound(3));
}

}  // namespace
}  // namespace godwit::support
