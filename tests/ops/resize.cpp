// Resize: each way to place samples and to weigh them, by ONNX's own numbers; shapes; refusals.
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

// 1 to 16 in four rows.
Tensor square() {
  Tensor tensor(TensorDesc{DType::f32, {1, 1, 4, 4}, Layout::nchw});
  for (std::size_t i = 0; i < 16; ++i) tensor.mutable_values<float>()[i] = static_cast<float>(i + 1);
  return tensor;
}
Tensor line(std::initializer_list<float> values) {
  return Tensor::of<float>({static_cast<std::int64_t>(values.size())}, values);
}

OpRunner by_scales(const Tensor& src, std::initializer_list<float> scales, const char* mode) {
  OpRunner runner("Resize");
  runner.input(src).omitted().constant(line(scales)).attribute("mode", mode);
  return runner;
}
OpRunner by_sizes(const Tensor& src, std::initializer_list<std::int64_t> sizes, const char* mode) {
  OpRunner runner("Resize");
  runner.input(src).omitted().omitted().constant(integers(sizes)).attribute("mode", mode);
  return runner;
}
Floats first(const OpRunner& runner) { return values_of<float>(runner.reference()[0]); }

void expect_near(const OpRunner& runner, const Floats& expected) {
  const Floats actual = first(runner);
  ASSERT_EQ(actual.size(), expected.size());
  // The numbers are written with seven digits, the last of them rounded.
  for (std::size_t i = 0; i < actual.size(); ++i)
    EXPECT_NEAR(actual[i], expected[i], 1e-6 * std::abs(expected[i]) + 1e-6);
}

TEST(ResizeOp, TakesTheNearest) {
  EXPECT_EQ(first(by_scales(line({1, 2}), {2}, "nearest")), (Floats{1, 1, 2, 2}));
  EXPECT_EQ(first(by_scales(square(), {1, 1, 0.6F, 0.6F}, "nearest")), (Floats{1, 3, 9, 11}));
  const auto placed = [](const char* coordinates, const char* nearest) {
    OpRunner runner = by_sizes(line({1, 2, 3, 4}), {8}, "nearest");
    return runner.attribute("coordinate_transformation_mode", coordinates).attribute("nearest_mode", nearest);
  };
  EXPECT_EQ(first(placed("align_corners", "floor")), (Floats{1, 1, 1, 2, 2, 3, 3, 4}));
  EXPECT_EQ(first(placed("half_pixel", "ceil")), (Floats{1, 2, 2, 3, 3, 4, 4, 4}));
  EXPECT_EQ(first(placed("asymmetric", "round_prefer_ceil")), (Floats{1, 2, 2, 3, 3, 4, 4, 4}));
  EXPECT_EQ(first(placed("asymmetric", "round_prefer_floor")), (Floats{1, 1, 2, 2, 3, 3, 4, 4}));
  EXPECT_EQ(first(placed("tf_half_pixel_for_nn", "floor")), (Floats{1, 1, 2, 2, 3, 3, 4, 4}));
}

TEST(ResizeOp, InterpolatesLinearly) {
  expect_near(by_scales(line({1, 2}), {2}, "linear"), {1, 1.25F, 1.75F, 2});
  expect_near(
      by_scales(line({1, 2}), {2}, "linear").attribute("coordinate_transformation_mode", "align_corners"),
      {1, 1.3333333F, 1.6666667F, 2});
  expect_near(by_scales(square(), {1, 1, 0.6F, 0.6F}, "linear"), {2.6666665F, 4.3333331F, 9.333333F, 11});
  expect_near(by_sizes(square(), {1, 1, 3, 1}, "linear")
                  .attribute("coordinate_transformation_mode", "pytorch_half_pixel"),
              {1.6666666F, 7, 12.333333F});
  expect_near(by_scales(line({1, 2, 3, 4}), {0.6F}, "linear")
                  .attribute("coordinate_transformation_mode", "half_pixel_symmetric"),
              {1.6666667F, 3.3333333F});
}

TEST(ResizeOp, InterpolatesCubically) {
  expect_near(
      by_scales(line({1, 2, 3, 4}), {2}, "cubic"),
      {0.89453125F, 1.19140625F, 1.66796875F, 2.296875F, 2.703125F, 3.33203125F, 3.80859375F, 4.10546875F});
  OpRunner outside = by_scales(line({1, 2, 3, 4}), {0.8F}, "cubic");
  outside.attribute("cubic_coeff_a", -0.5F).attribute("exclude_outside", 1);
  expect_near(outside, {1.0736253F, 2.375F, 3.7188353F});
}

TEST(ResizeOp, WidensItsKernelToShrink) {
  const OpRunner linear = by_scales(square(), {1, 1, 0.6F, 0.6F}, "linear").attribute("antialias", 1);
  expect_near(linear, {2.875F, 4.5F, 9.375F, 11});
  const OpRunner cubic = by_scales(square(), {1, 1, 0.6F, 0.6F}, "cubic").attribute("antialias", 1);
  expect_near(cubic, {2.5180721F, 4.2858863F, 9.589329F, 11.3571434F});
  linear.run_implementations(exact());
}

TEST(ResizeOp, CropsARegion) {
  OpRunner runner("Resize");
  runner.input(square()).constant(line({0, 0, 0.4F, 0.6F, 1, 1, 1.2F, 1.7F})).omitted();
  runner.constant(integers({1, 1, 3, 3})).attribute("mode", "linear");
  runner.attribute("coordinate_transformation_mode", "tf_crop_and_resize")
      .attribute("extrapolation_value", 10.0F);
  expect_near(runner, {7.6000004F, 10, 10, 12.400001F, 10, 10, 10, 10, 10});
}

TEST(ResizeOp, KeepsTheAspectRatio) {
  const auto kept = [](const char* policy) {
    return by_sizes(counting({1, 1, 2, 4}), {7, 8}, "nearest")
        .attribute("axes", {2, 3})
        .attribute("keep_aspect_ratio_policy", policy);
  };
  EXPECT_EQ(kept("not_larger").shape(), Shape({1, 1, 4, 8}));
  EXPECT_EQ(kept("not_smaller").shape(), Shape({1, 1, 7, 14}));
  EXPECT_EQ(kept("stretch").shape(), Shape({1, 1, 7, 8}));
}

TEST(ResizeOp, TakesEveryWideTypeAndRank) {
  for (const DType dtype : kAllTypes) {
    OpRunner runner("Resize");
    runner.input(counting({1, 2, 3, 4}, dtype)).omitted().constant(line({1, 1, 2, 1.5F}));
    if (is_narrow(dtype)) {
      EXPECT_NE(error_of([&] { runner.infer(); }), "");
    } else {
      runner.run_implementations(exact());
    }
  }
  by_scales(counting({2, 3, 2, 2, 2}), {1, 1, 2, 2, 2}, "linear").run_implementations(exact());
  EXPECT_EQ(values_of<std::int32_t>(OpRunner("Resize")
                                        .input(Tensor::of<std::int32_t>({2}, {0, 3}))
                                        .omitted()
                                        .constant(line({2}))
                                        .attribute("mode", "linear")
                                        .reference()[0]),
            (std::vector<std::int32_t>{0, 0, 2, 3}));
}

// Weights, products and sums of up to `taps` terms along each of two axes, each rounded in f32; the sums of
// the kernels' absolute values are at most 1.375 along an axis, and elements at most 1.
Bound two_axes(std::int64_t taps) {
  const double sizes = 1.375 * 1.375;
  return [=](const Element&) { return gamma(2 * (taps + 4)) * sizes; };
}

TEST(ResizeOp, LineByLineItIsTheSame) {
  for (const Shape& shape : {Shape{1, 3, 5, 7}, Shape{2, 19, 4, 6}, Shape{1, 64, 3, 3}}) {
    for (const char* mode : {"nearest", "linear", "cubic"}) {
      for (const char* coordinates : {"half_pixel", "align_corners", "asymmetric", "pytorch_half_pixel"}) {
        OpRunner runner = by_sizes(random_tensor(shape, 1), {shape[0], shape[1], 8, 5}, mode);
        runner.attribute("coordinate_transformation_mode", coordinates);
        EXPECT_TRUE(did_run(runner.run_implementations(two_axes(4)), "resize_rows"));
      }
    }
    OpRunner wide = by_sizes(random_tensor(shape, 1), {shape[0], shape[1], 2, 3}, "cubic");
    wide.attribute("antialias", 1).run_implementations(two_axes(16));
    wide.attribute("exclude_outside", 1).run_implementations(two_axes(16));
  }
  const OpRunner half =
      by_scales(random_tensor({1, 5, 4, 4}, 1), {1, 1, 2, 2}, "linear").stored_as(DType::f16, 2);
  half.run_implementations(rounded_to(DType::f16, two_axes(2)));
  by_scales(random_tensor({1, 3, 2, 4, 3}, 1), {1, 1, 2, 2, 2}, "linear").run_implementations(two_axes(4));
  by_scales(random_tensor({1, 3, 6}, 1), {1, 1, 2.5F}, "linear").run_implementations(two_axes(2));
  by_scales(random_tensor({4, 6}, 1), {2, 0.5F}, "linear").run_implementations(two_axes(2));
  for (const DType dtype : {DType::u8, DType::f64, DType::s16})
    by_scales(counting({1, 3, 4, 5}, dtype), {1, 1, 2, 1.5F}, "nearest").run_implementations(exact());
}

TEST(ResizeOp, InfersShapes) {
  const auto scaled = [](const Shape& shape) {
    return OpRunner("Resize").input(shape).omitted().constant(line({1, 1, 2, 2})).shape();
  };
  EXPECT_EQ(scaled({kBatch, 3, 5, kAnyDim}), Shape({kBatch, 3, 10, kAnyDim}));
  EXPECT_EQ(scaled(Shape::unranked()), Shape::unranked());
  EXPECT_EQ(OpRunner("Resize").input({kBatch, 3}).omitted().omitted().constant(integers({4, 9})).shape(),
            Shape({4, 9}));
  EXPECT_EQ(OpRunner("Resize").input({2, 3}).omitted().input(Shape{2}).shape(), Shape({kAnyDim, kAnyDim}));
  // 3 · 5/3 is 5, in the precision of the scale.
  EXPECT_EQ(OpRunner("Resize").input({3}).omitted().constant(line({5.0F / 3})).shape(), Shape({5}));
  EXPECT_EQ(OpRunner("Upsample").input({2}).omitted().constant(line({2})).shape(), Shape({4}));
}

TEST(ResizeOp, Refuses) {
  const auto error = [](OpRunner runner) { return error_of([&] { runner.infer(); }); };
  EXPECT_EQ(error(by_scales(line({1}), {2, 2}, "nearest")), "input 2 (scales) has 2 values, expected 1");
  EXPECT_EQ(error(by_scales(line({1}), {0}, "nearest")), "input 2 (scales) has 0, expected more than 0");
  EXPECT_EQ(error(by_scales(line({1}), {2}, "lanczos")),
            "attribute 'mode' is 'lanczos', expected nearest, linear or cubic");
  EXPECT_EQ(error(by_sizes(counting({0}), {2}, "nearest")), "a dimension of 0 has no element to sample");
  EXPECT_EQ(error(OpRunner("Resize").input({2}).omitted().omitted()),
            "neither input 2 (scales) nor input 3 (sizes) is given");
  EXPECT_EQ(error(by_scales(line({1}), {2}, "linear")
                      .attribute("coordinate_transformation_mode", "tf_crop_and_resize")),
            "input 1 (roi) is missing, which tf_crop_and_resize needs");
}

}  // namespace
}  // namespace godwit::support
