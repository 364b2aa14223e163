// ConvTranspose: values by hand, every attribute, one to three dimensions, groups, refusals, and every
// implementation against the reference.
#include <gtest/gtest.h>
#include <vector>

#include "tests/support/compare.h"
#include "tests/support/counting.h"
#include "tests/support/errors.h"
#include "tests/support/op_runner.h"
#include "tests/support/random.h"

namespace godwit::support {
namespace {

using Floats = std::vector<float>;
Floats first(const OpRunner& runner) { return values_of<float>(runner.reference()[0]); }

Tensor ones(const Shape& shape) {
  Tensor tensor(TensorDesc{DType::f32, shape, Layout::nchw});
  for (float& value : tensor.mutable_values<float>()) value = 1;
  return tensor;
}

OpRunner line(std::initializer_list<float> src, std::initializer_list<float> weights) {
  OpRunner runner("ConvTranspose");
  runner.input(Tensor::of<float>({1, 1, static_cast<std::int64_t>(src.size())}, src));
  return runner.input(Tensor::of<float>({1, 1, static_cast<std::int64_t>(weights.size())}, weights));
}

TEST(ConvTransposeOp, AddsKernelsUp) {
  EXPECT_EQ(first(line({1, 2, 3}, {1, 10, 100})), (Floats{1, 12, 123, 230, 300}));
  EXPECT_EQ(first(line({1, 2, 3}, {1, 10}).attribute("strides", {2})), (Floats{1, 10, 2, 20, 3, 30}));
  EXPECT_EQ(first(line({1, 2}, {1, 10}).attribute("strides", {3})), (Floats{1, 10, 0, 2, 20}));
  EXPECT_EQ(first(line({1, 2}, {1, 10}).attribute("dilations", {2})), (Floats{1, 2, 10, 20}));
  EXPECT_EQ(first(line({1, 2, 3}, {1, 10, 100}).attribute("pads", {1, 2})), (Floats{12, 123}));
  EXPECT_EQ(first(line({1, 2}, {1, 10}).attribute("strides", {2}).attribute("output_padding", {1})),
            (Floats{1, 10, 2, 20, 0}));
}

TEST(ConvTransposeOp, PadsForAShape) {
  const auto shaped = [](std::int64_t size, const char* pad) {
    return line({1, 2}, {1, 10, 100})
        .attribute("strides", {2})
        .attribute("output_shape", {size})
        .attribute("auto_pad", pad);
  };
  // The whole is 1, 10, 102, 20, 200.
  EXPECT_EQ(first(shaped(4, "NOTSET")), (Floats{10, 102, 20, 200}));
  EXPECT_EQ(first(shaped(4, "SAME_UPPER")), (Floats{1, 10, 102, 20}));
  EXPECT_EQ(first(shaped(3, "NOTSET")), (Floats{10, 102, 20}));
  EXPECT_EQ(first(shaped(7, "NOTSET")), (Floats{1, 10, 102, 20, 200, 0, 0}));
  OpRunner same = line({1, 2}, {1, 10, 100});
  same.attribute("strides", {2}).attribute("auto_pad", "SAME_LOWER");
  EXPECT_EQ(first(same), (Floats{10, 102, 20, 200}));
  OpRunner full = line({1, 2}, {1, 10, 100});
  full.attribute("output_shape", {1, 1, 4}).attribute("strides", {2});
  EXPECT_EQ(full.shape(), Shape({1, 1, 4}));
}

TEST(ConvTransposeOp, TakesPicturesVolumesAndGroups) {
  OpRunner picture("ConvTranspose");
  picture.input(counting({1, 1, 3, 3})).input(ones({1, 2, 3, 3}));
  const Floats expected{0,  1,  3, 3,  2,  3,  8,  15, 12, 7,  9,  21, 36,
                        27, 15, 9, 20, 33, 24, 13, 6,  13, 21, 15, 8};
  Floats twice = expected;
  twice.insert(twice.end(), expected.begin(), expected.end());
  EXPECT_EQ(first(picture), twice);
  OpRunner volume("ConvTranspose");
  volume.input(counting({1, 1, 1, 2, 2})).input(ones({1, 1, 2, 1, 2}));
  EXPECT_EQ(volume.shape(), Shape({1, 1, 2, 2, 3}));
  EXPECT_EQ(first(volume), (Floats{0, 1, 1, 2, 5, 3, 0, 1, 1, 2, 5, 3}));
  OpRunner groups("ConvTranspose");
  groups.input(Tensor::of<float>({1, 2, 1}, {2, 3})).input(Tensor::of<float>({2, 2, 1}, {1, 10, 100, 1000}));
  groups.input(Tensor::of<float>({4}, {0.5F, 0, 0, 0})).attribute("group", 2);
  EXPECT_EQ(first(groups), (Floats{2.5F, 20, 300, 3000}));
}

// Checks that the result times any tensor is the operand times the convolution of that tensor.
TEST(ConvTransposeOp, IsTheTransposeOfConv) {
  const Tensor weights = random_tensor({4, 3, 3, 2}, 1), src = random_tensor({1, 4, 4, 5}, 2);
  const auto with = [](OpRunner runner) {
    return runner.attribute("strides", {2, 3}).attribute("pads", {1, 0, 0, 1}).attribute("dilations", {1, 2});
  };
  const Tensor up = with(OpRunner("ConvTranspose").input(src).input(weights)).reference()[0];
  const Tensor other = random_tensor(up.shape(), 3);
  const Tensor down = with(OpRunner("Conv").input(other).input(weights)).reference()[0];
  ASSERT_EQ(down.shape(), src.shape());
  double a = 0, b = 0, magnitude = 0;
  for (std::size_t i = 0; i < up.values<float>().size(); ++i) a += value_at(up, i) * value_at(other, i);
  for (std::size_t i = 0; i < src.values<float>().size(); ++i) {
    b += value_at(src, i) * value_at(down, i);
    magnitude += std::abs(value_at(src, i) * value_at(down, i));
  }
  EXPECT_NEAR(a, b, 4 * magnitude * unit_roundoff<float>);
}

TEST(ConvTransposeOp, EveryImplementationAgrees) {
  for (const Shape& shape : {Shape{1, 5, 3, 4}, Shape{2, 16, 7, 5}, Shape{1, 33, 4, 4}, Shape{0, 3, 4, 4}}) {
    for (const std::int64_t stride : {1, 2, 3}) {
      for (const std::int64_t kernel : {1, 2, 3, 4}) {
        OpRunner runner("ConvTranspose");
        runner.input(random_tensor(shape, 1)).constant(random_tensor({shape[1], 19, kernel, kernel}, 2));
        runner.constant(random_tensor({19}, 3)).attribute("strides", {stride, stride});
        if (kernel > 2) runner.attribute("pads", {1, 0, 1, 1});
        runner.run_implementations(product_sum_bound(runner, shape[1] * kernel * kernel));
      }
    }
  }
  OpRunner clamped("ConvTranspose");
  clamped.input(random_tensor({1, 8, 5, 5}, 1))
      .constant(random_tensor({8, 24, 2, 2}, 2))
      .attribute("strides", {2, 2});
  clamped.residual(random_tensor({1, 24, 10, 10}, 4)).clamp(0);
  clamped.run_implementations(product_sum_bound(clamped, 32));
  OpRunner line("ConvTranspose");
  line.input(random_tensor({2, 6, 9}, 1)).constant(random_tensor({6, 10, 4}, 2)).attribute("strides", {2});
  line.run_implementations(product_sum_bound(line, 24));
  OpRunner grouped("ConvTranspose");
  grouped.input(random_tensor({1, 8, 5, 5}, 1))
      .constant(random_tensor({8, 3, 3, 3}, 2))
      .attribute("group", 2);
  grouped.attribute("strides", {2, 2}).run_implementations(product_sum_bound(grouped, 36));
  OpRunner dilated("ConvTranspose");
  dilated.input(random_tensor({1, 8, 5, 5}, 1))
      .constant(random_tensor({8, 3, 3, 3}, 2))
      .attribute("dilations", {2, 1});
  dilated.attribute("strides", {2, 2}).run_implementations(product_sum_bound(dilated, 72));
  OpRunner volume("ConvTranspose");
  volume.input(random_tensor({1, 5, 3, 4, 2}, 1))
      .constant(random_tensor({5, 4, 2, 3, 2}, 2))
      .attribute("strides", {2, 1, 2});
  volume.run_implementations(product_sum_bound(volume, 60));
}

TEST(ConvTransposeOp, InfersShapes) {
  const auto shape_of = [](const Shape& src, const Shape& weights) {
    return OpRunner("ConvTranspose").input(src).input(weights).attribute("strides", {2, 2}).shape();
  };
  EXPECT_EQ(shape_of({kBatch, 8, 5, kAnyDim}, {8, 4, 2, 2}), Shape({kBatch, 4, 10, kAnyDim}));
  EXPECT_EQ(shape_of(Shape::unranked(), {8, 4, 2, 2}), Shape::unranked());
  EXPECT_EQ(shape_of({1, 8, 0, 3}, {8, 4, 2, 2}), Shape({1, 4, 0, 6}));
  OpRunner runner("ConvTranspose");
  runner.input({1, 8, 5, 5}).input({8, 4, 2, 2}).attribute("strides", {2, 2});
  EXPECT_EQ(runner.cost().macs, 8 * 25 * 4 * 4);
}

TEST(ConvTransposeOp, Refuses) {
  const auto error = [](OpRunner runner) { return error_of([&] { runner.infer(); }); };
  EXPECT_EQ(error(OpRunner("ConvTranspose").input({1, 8, 5, 5}).input({4, 4, 2, 2})),
            "the weights' number of input channels is 4, expected 8");
  EXPECT_EQ(error(OpRunner("ConvTranspose").input({1, 8, 5, 5}).input({8, 4, 2, 2}).attribute("group", 3)),
            "8 input channels cannot be split into 3 groups");
  EXPECT_EQ(
      error(
          OpRunner("ConvTranspose").input({1, 8, 5, 5}).input({8, 4, 2, 2}).attribute("pads", {9, 9, 9, 9})),
      "the size of the result would be -12, which is out of range");
  EXPECT_EQ(
      error(OpRunner("ConvTranspose").input({1, 8, 5, 5}).input({8, 4, 2, 2}).attribute("output_shape", {7})),
      "attribute 'output_shape' has 1 value, expected 2");
  EXPECT_EQ(error(OpRunner("ConvTranspose")
                      .input({1, 8, 5, 5})
                      .input({8, 4, 2, 2})
                      .attribute("kernel_shape", {3, 2})),
            "attribute 'kernel_shape' has 3, the weights 8x4x2x2 have 2");
}

}  // namespace
}  // namespace godwit::support
