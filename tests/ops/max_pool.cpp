// MaxPool: values by hand, indices, geometry, types, refusals, and every implementation against the
// reference.
#include <cmath>
#include <gtest/gtest.h>
#include <limits>
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
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

// 1 to H*W in rows.
Tensor square(std::int64_t size) {
  Floats values(static_cast<std::size_t>(size * size));
  std::iota(values.begin(), values.end(), 1.0F);
  return Tensor::of<float>({1, 1, size, size}, values);
}

Floats first(const OpRunner& runner) { return values_of<float>(runner.reference()[0]); }

TEST(MaxPoolOp, TakesTheLargest) {
  OpRunner runner("MaxPool");
  runner.input(square(5)).attribute("kernel_shape", {5, 5}).attribute("pads", {2, 2, 2, 2});
  EXPECT_EQ(first(runner), (Floats{13, 14, 15, 15, 15, 18, 19, 20, 20, 20, 23, 24, 25,
                                   25, 25, 23, 24, 25, 25, 25, 23, 24, 25, 25, 25}));
  OpRunner strided("MaxPool");
  strided.input(square(5)).attribute("kernel_shape", {2, 2}).attribute("strides", {2, 2});
  EXPECT_EQ(first(strided), (Floats{7, 9, 17, 19}));
}

TEST(MaxPoolOp, RoundsUpDilatesAndPadsAutomatically) {
  OpRunner ceil("MaxPool");
  ceil.input(square(4))
      .attribute("kernel_shape", {3, 3})
      .attribute("strides", {2, 2})
      .attribute("ceil_mode", 1);
  EXPECT_EQ(first(ceil), (Floats{11, 12, 15, 16}));
  OpRunner dilated("MaxPool");
  dilated.input(square(4)).attribute("kernel_shape", {2, 2}).attribute("dilations", {2, 2});
  EXPECT_EQ(first(dilated), (Floats{11, 12, 15, 16}));
  OpRunner same("MaxPool");
  same.input(square(5))
      .attribute("kernel_shape", {3, 3})
      .attribute("strides", {2, 2})
      .attribute("auto_pad", "SAME_UPPER");
  EXPECT_EQ(first(same), (Floats{7, 9, 10, 17, 19, 20, 22, 24, 25}));
}

TEST(MaxPoolOp, PaddingNeverWins) {
  OpRunner runner("MaxPool");
  runner.input(Tensor::of<float>({1, 1, 2}, {-5, -3}))
      .attribute("kernel_shape", {2})
      .attribute("pads", {1, 1});
  EXPECT_EQ(first(runner), (Floats{-5, -3, -3}));
  OpRunner bytes("MaxPool");
  bytes.input(Tensor::of<std::int8_t>({1, 1, 2}, {-128, -3}))
      .attribute("kernel_shape", {2})
      .attribute("pads", {1, 1});
  EXPECT_EQ(values_of<std::int8_t>(bytes.reference()[0]), (std::vector<std::int8_t>{-128, -3, -3}));
}

TEST(MaxPoolOp, SaysWhereTheLargestWas) {
  OpRunner runner("MaxPool");
  runner.input(square(5)).attribute("kernel_shape", {2, 2}).attribute("strides", {2, 2}).outputs(2);
  EXPECT_EQ(values_of<std::int64_t>(runner.reference()[1]), (Integers{6, 8, 16, 18}));
  runner.attribute("storage_order", 1);
  EXPECT_EQ(values_of<std::int64_t>(runner.reference()[1]), (Integers{6, 16, 8, 18}));
  // The first of equal ones, counted from the start of the whole tensor.
  OpRunner equal("MaxPool");
  equal.input(Tensor::of<float>({1, 2, 3}, {1, 7, 7, 2, 2, 2})).attribute("kernel_shape", {3}).outputs(2);
  EXPECT_EQ(values_of<std::int64_t>(equal.reference()[1]), (Integers{1, 3}));
}

TEST(MaxPoolOp, WorksInThreeDimensions) {
  Floats values(2 * 3 * 4);
  std::iota(values.begin(), values.end(), 1.0F);
  OpRunner runner("MaxPool");
  runner.input(Tensor::of<float>({1, 1, 2, 3, 4}, values)).attribute("kernel_shape", {2, 2, 2}).outputs(2);
  EXPECT_EQ(first(runner), (Floats{18, 19, 20, 22, 23, 24}));
  EXPECT_EQ(values_of<std::int64_t>(runner.reference()[1]), (Integers{17, 18, 19, 21, 22, 23}));
  EXPECT_EQ(runner.layout(), ops::LayoutRule::nhwc);
  for (const Ran& ran : runner.run_implementations(exact())) EXPECT_EQ(ran.implementation, "reference");
  OpRunner volume("MaxPool");
  volume.input(random_tensor({2, 19, 3, 4, 5}, 7))
      .attribute("kernel_shape", {2, 3, 2})
      .attribute("pads", {1, 1, 0, 0, 1, 1});
  volume.attribute("strides", {2, 1, 2});
  EXPECT_TRUE(did_run(volume.run_implementations(exact()), "max_pool_nhwc"));
  // Depth fastest, then height, then width.
  runner.attribute("storage_order", 1);
  EXPECT_EQ(values_of<std::int64_t>(runner.reference()[1]), (Integers{9, 15, 21, 11, 17, 23}));
  OpRunner ceil("MaxPool");
  ceil.input(Tensor::of<float>({1, 1, 2, 3, 4}, values)).attribute("kernel_shape", {1, 2, 3});
  ceil.attribute("strides", {2, 2, 2}).attribute("ceil_mode", 1);
  EXPECT_EQ(first(ceil), (Floats{7, 8, 11, 12}));
  OpRunner dilated("MaxPool");
  dilated.input(Tensor::of<float>({1, 1, 2, 3, 4}, values)).attribute("kernel_shape", {2, 2, 2});
  dilated.attribute("dilations", {1, 2, 3}).attribute("pads", {1, 0, 0, 0, 0, 0});
  EXPECT_EQ(first(dilated), (Floats{12, 24}));
}

TEST(MaxPoolOp, AWindowBesideTheInputIsMinusInfinity) {
  OpRunner runner("MaxPool");
  runner.input(Tensor::of<float>({1, 1, 1}, {4})).attribute("kernel_shape", {2}).attribute("dilations", {2});
  runner.attribute("pads", {1, 1}).outputs(2);
  EXPECT_EQ(first(runner), (Floats{-std::numeric_limits<float>::infinity()}));
  EXPECT_EQ(values_of<std::int64_t>(runner.reference()[1]), (Integers{-1}));
}

TEST(MaxPoolOp, NanIsTheResultOfItsWindows) {
  for (const Floats& values : {Floats{1, kNan, 3, 4}, {9, kNan, 3, 4}, {kNan, 1, 3, 4}, {kNan, 9, 3, 4}}) {
    OpRunner runner("MaxPool");
    runner.input(Tensor::of<float>({1, 1, 4}, values))
        .attribute("kernel_shape", {2})
        .attribute("strides", {2});
    EXPECT_TRUE(std::isnan(first(runner)[0]));
    EXPECT_EQ(first(runner)[1], 4);
    runner.run_implementations(exact());
  }
}

TEST(MaxPoolOp, InfersShapes) {
  const auto pool = [](const Shape& shape) {
    return OpRunner("MaxPool").input(shape).attribute("kernel_shape", {3, 3}).attribute("strides", {2, 2});
  };
  constexpr std::int64_t kBatch = kAnyDim - 1;
  EXPECT_EQ(pool({kBatch, 64, 113, 113}).shape(), Shape({kBatch, 64, 56, 56}));
  EXPECT_EQ(pool({1, 64, kAnyDim, 9}).shape(), Shape({1, 64, kAnyDim, 4}));
  EXPECT_EQ(pool(Shape::unranked()).shape(), Shape::unranked());
  const auto both = pool({2, 3, 9, 9}).outputs(2).infer();
  EXPECT_EQ(both[0].to_string(), "f32 2x3x4x4");
  EXPECT_EQ(both[1].to_string(), "s64 2x3x4x4");
  OpRunner empty("MaxPool");
  empty.input(random_tensor({0, 3, 9, 9}, 1)).attribute("kernel_shape", {3, 3});
  EXPECT_EQ(empty.reference()[0].shape(), Shape({0, 3, 7, 7}));
}

TEST(MaxPoolOp, Refuses) {
  const auto error = [](const TensorDesc& src, const Integers& kernel) {
    return error_of([&] { OpRunner("MaxPool").input(src).attribute("kernel_shape", kernel).infer(); });
  };
  EXPECT_EQ(error_of([] {
              OpRunner("MaxPool").input({1, 1, 4, 4}).infer();
            }),
            "attribute 'kernel_shape' is required and missing");
  EXPECT_EQ(error({DType::s32, {1, 1, 4, 4}, {}}, {2, 2}),
            "input 0 is s32, expected f32, f64, f16, bf16, s8 or u8");
  EXPECT_EQ(error({DType::f32, {1, 4}, {}}, {2}), "input 0 has 2 dimensions (1x4), expected 3 to 5");
  EXPECT_EQ(error({DType::f32, {1, 1, 4, 4}, {}}, {2}),
            "a kernel with 1 spatial dimensions on an input with 2");
  EXPECT_EQ(error({DType::f32, {1, 1, 4, 4}, {}}, {2, 0}), "a kernel of size 0");
  EXPECT_EQ(error({DType::f32, {1, 1, 4, 4}, {}}, {2, 5}), "") << "no place: a result without elements";
  EXPECT_EQ(error({DType::f32, {1, 1, 4, 4}, {}}, {2, 6}),
            "a window of 6 (dilation 1) does not fit into 4 padded by 0 and 0");
  EXPECT_EQ(error_of([] {
              OpRunner("MaxPool")
                  .input({1, 1, 4})
                  .attribute("kernel_shape", {2})
                  .attribute("storage_order", 2)
                  .infer();
            }),
            "attribute 'storage_order' is 2, expected 0 or 1");
}

TEST(MaxPoolOp, CountsItsWork) {
  OpRunner runner("MaxPool");
  runner.input({1, 2, 5, 5}).attribute("kernel_shape", {2, 3});
  EXPECT_EQ(runner.cost().flops, 2 * 4 * 3 * 6);
  EXPECT_EQ(runner.cost().macs, 0);
}

TEST(MaxPoolOp, EveryImplementationAgrees) {
  for (const Shape& shape : {Shape{1, 1, 5, 5}, Shape{2, 19, 9, 7}, Shape{1, 64, 6, 11}, Shape{0, 3, 5, 5}}) {
    for (const bool ceil : {false, true}) {
      OpRunner runner("MaxPool");
      runner.input(random_tensor(shape, 5, -2, -1)).attribute("ceil_mode", ceil ? 1 : 0);
      runner.attribute("kernel_shape", {3, 3}).attribute("strides", {2, 2}).attribute("pads", {1, 1, 1, 1});
      runner.run_implementations(exact());
      runner.attribute("strides", {1, 3}).attribute("pads", {0, 1, 2, 0}).run_implementations(exact());
      runner.attribute("dilations", {2, 1}).run_implementations(exact());
      runner.attribute("kernel_shape", {2, 3}).outputs(2).run_implementations(exact());
    }
    OpRunner bytes("MaxPool");
    bytes.input(random_tensor<std::uint8_t>(shape, 6, 0, 255)).attribute("kernel_shape", {2, 2});
    bytes.attribute("pads", {1, 1, 0, 0});
    EXPECT_EQ(did_run(bytes.run_implementations(exact()), "max_pool_bytes"), shape[0] > 0);
    OpRunner is_signed("MaxPool");
    is_signed.input(random_tensor<std::int8_t>(shape, 6, -128, 127)).attribute("kernel_shape", {3, 2});
    is_signed.attribute("strides", {2, 1}).attribute("pads", {1, 1, 1, 1}).run_implementations(exact());
  }
  OpRunner line("MaxPool");
  line.input(random_tensor({2, 17, 10}, 5)).attribute("kernel_shape", {3}).attribute("strides", {2});
  line.run_implementations(exact());
}

}  // namespace
}  // namespace godwit::support
