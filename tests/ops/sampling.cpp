// GridSample, AffineGrid, RoiAlign, MaxRoiPool and DeformConv: images read between their elements.
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
Floats first(const OpRunner& runner) { return values_of<float>(runner.reference()[0]); }

// One line of 0, 1, 2, 3 sampled at these coordinates.
OpRunner at(std::initializer_list<float> coordinates) {
  const auto count = static_cast<std::int64_t>(coordinates.size());
  OpRunner runner("GridSample");
  return runner.input(counting({1, 1, 4})).input(Tensor::of<float>({1, count, 1}, coordinates));
}

TEST(GridSampleOp, ReadsBetweenElements) {
  EXPECT_EQ(first(at({-0.75F, 0, 0.75F, 1})), (Floats{0, 1.5F, 3, 1.5F}));
  EXPECT_EQ(first(at({-1, 0, 1}).attribute("align_corners", 1)), (Floats{0, 1.5F, 3}));
  EXPECT_EQ(first(at({-0.75F, 0.3F, 2}).attribute("mode", "nearest")), (Floats{0, 2, 0}));
  EXPECT_EQ(first(at({-3, 0, 3}).attribute("padding_mode", "border")), (Floats{0, 1.5F, 3}));
  EXPECT_EQ(first(at({-1.25F, 1.75F}).attribute("padding_mode", "reflection")), (Floats{0, 2}));
  EXPECT_EQ(first(at({-1.5F, 2}).attribute("padding_mode", "reflection").attribute("align_corners", 1)),
            (Floats{0.75F, 1.5F}));
  // Keys' kernel reproduces straight lines inside.
  EXPECT_EQ(first(at({0}).attribute("mode", "cubic")), (Floats{1.5F}));
  const float nan = std::numeric_limits<float>::quiet_NaN(), much = std::numeric_limits<float>::max();
  for (const char* padding : {"zeros", "border", "reflection"}) {
    for (const char* mode : {"linear", "nearest", "cubic"})
      (void)at({nan, much, -much, 1e30F})
          .attribute("padding_mode", padding)
          .attribute("mode", mode)
          .reference();
  }
}

TEST(GridSampleOp, TakesPicturesAndVolumes) {
  // The last axis comes first in the grid.
  OpRunner picture("GridSample");
  picture.input(counting({1, 2, 2, 3}))
      .input(Tensor::of<float>({1, 1, 1, 2}, {1, -1}))
      .attribute("align_corners", 1);
  EXPECT_EQ(picture.shape(), Shape({1, 2, 1, 1}));
  EXPECT_EQ(first(picture), (Floats{2, 8}));
  picture.run_implementations(exact());
  OpRunner volume("GridSample");
  volume.input(counting({1, 1, 2, 2, 2}))
      .input(Tensor::of<float>({1, 1, 1, 1, 3}, {-1, 1, 1}))
      .attribute("align_corners", 1);
  EXPECT_EQ(first(volume), (Floats{6}));
  EXPECT_EQ(OpRunner("GridSample").input({kBatch, 3, 8, 8}).input({kBatch, 4, 5, 2}).shape(),
            Shape({kBatch, 3, 4, 5}));
  EXPECT_EQ(error_of([] {
              OpRunner("GridSample").input({1, 3, 8, 8}).input({1, 4, 5, 3}).infer();
            }),
            "the last dimension of input 1 (grid) is 3, expected 2");
  EXPECT_EQ(error_of([] { at({0}).attribute("mode", "bilinear").infer(); }),
            "attribute 'mode' is 'bilinear', expected linear, nearest or cubic");
}

TEST(AffineGridOp, MapsPlaces) {
  const Tensor identity = Tensor::of<float>({1, 2, 3}, {1, 0, 0, 0, 1, 0});
  OpRunner runner("AffineGrid");
  runner.input(identity).constant(integers({1, 1, 2, 2}));
  EXPECT_EQ(first(runner), (Floats{-0.5F, -0.5F, 0.5F, -0.5F, -0.5F, 0.5F, 0.5F, 0.5F}));
  runner.attribute("align_corners", 1);
  EXPECT_EQ(first(runner), (Floats{-1, -1, 1, -1, -1, 1, 1, 1}));
  runner.run_implementations(exact());
  OpRunner moved("AffineGrid");
  moved.input(Tensor::of<float>({1, 2, 3}, {0, 2, 5, 1, 0, -1})).constant(integers({1, 1, 1, 2}));
  EXPECT_EQ(first(moved), (Floats{5, -1.5F, 5, -0.5F}));
  OpRunner volume("AffineGrid");
  volume.input({2, 3, 4}).constant(integers({2, 1, 3, 4, 5}));
  EXPECT_EQ(volume.shape(), Shape({2, 3, 4, 5, 3}));
  EXPECT_EQ(error_of([&] {
              OpRunner("AffineGrid").input(identity).constant(integers({1, 2, 3})).infer();
            }),
            "input 1 (size) has 3 values, expected 4 or 5");
}

OpRunner roi_align(std::initializer_list<float> roi, const char* coordinates) {
  OpRunner runner("RoiAlign");
  runner.input(counting({1, 1, 4, 4})).input(Tensor::of<float>({1, 4}, roi)).constant(integers({0}));
  return runner.attribute("coordinate_transformation_mode", coordinates).attribute("sampling_ratio", 1);
}

TEST(RoiAlignOp, AveragesSamplesOfARegion) {
  // The region's middle lies between elements 5, 6, 9 and 10.
  EXPECT_EQ(first(roi_align({1, 1, 3, 3}, "half_pixel")), (Floats{7.5F}));
  EXPECT_EQ(first(roi_align({1, 1, 2, 2}, "output_half_pixel")), (Floats{7.5F}));
  // Far outside of the image.
  EXPECT_EQ(first(roi_align({90, 90, 91, 91}, "half_pixel")), (Floats{0}));
  EXPECT_EQ(first(roi_align({1, 1, 3, 3}, "half_pixel").attribute("mode", "max")), (Floats{2.5F}));
  OpRunner several("RoiAlign");
  several.input(counting({2, 3, 4, 4})).bounded(Tensor::of<float>({1, 4}, {0, 0, 4, 4}), {at_most(5), 4});
  several.bounded(integers({1}), {at_most(5)}).attribute("output_height", 2).attribute("output_width", 2);
  EXPECT_EQ(several.shape(), Shape({at_most(5), 3, 2, 2}));
  EXPECT_EQ(several.reference()[0].shape(), Shape({1, 3, 2, 2}));
  several.run_implementations(exact());
  OpRunner wild("RoiAlign");
  wild.input(counting({1, 1, 2, 2}))
      .input(Tensor::of<float>({2, 4}, {0, 0, 2, 2, 0, 0, 2, 2}))
      .input(integers({7, -3}));
  EXPECT_EQ(first(wild), (Floats{0, 0}));
}

TEST(RoiAlignOp, Refuses) {
  EXPECT_EQ(
      error_of([] {
        roi_align({0, 0, 1, 1}, "asymmetric").infer();
      }),
      "attribute 'coordinate_transformation_mode' is 'asymmetric', expected half_pixel or output_half_pixel");
  EXPECT_EQ(error_of([] {
              roi_align({0, 0, 1, 1}, "half_pixel").attribute("output_width", 0).infer();
            }),
            "attributes 'output_height' and 'output_width' are 1 and 0, expected at least 1");
  EXPECT_EQ(error_of([] {
              roi_align({0, 0, 1, 1}, "half_pixel").attribute("mode", "min").infer();
            }),
            "attribute 'mode' is 'min', expected avg or max");
}

TEST(MaxRoiPoolOp, TakesTheLargestOfEachCell) {
  OpRunner runner("MaxRoiPool");
  runner.input(counting({1, 1, 4, 4})).input(Tensor::of<float>({2, 5}, {0, 0, 0, 3, 3, 0, 1, 1, 2, 2}));
  runner.attribute("pooled_shape", {2, 2});
  EXPECT_EQ(first(runner), (Floats{5, 7, 13, 15, 5, 6, 9, 10}));
  runner.run_implementations(exact());
  OpRunner scaled("MaxRoiPool");
  scaled.input(counting({1, 1, 4, 4})).input(Tensor::of<float>({2, 5}, {0, 4, 4, 7, 7, 5, 0, 0, 9, 9}));
  scaled.attribute("pooled_shape", {1, 1}).attribute("spatial_scale", 0.25F);
  EXPECT_EQ(first(scaled), (Floats{10, 0}));
  EXPECT_EQ(
      error_of([] {
        OpRunner("MaxRoiPool").input({1, 1, 4, 4}).input({2, 4}).attribute("pooled_shape", {1, 1}).infer();
      }),
      "dimension 1 of input 1 (rois) is 4, expected 5");
}

TEST(DeformConvOp, IsAConvolutionWhereNothingMoves) {
  const Tensor src = random_tensor({2, 4, 5, 6}, 1), weights = random_tensor({6, 2, 3, 3}, 2);
  Tensor still(TensorDesc{DType::f32, {2, 2 * 9 * 2, 3, 3}, Layout::nchw});
  for (float& value : still.mutable_values<float>()) value = 0;
  OpRunner deformed("DeformConv");
  deformed.input(src).input(weights).input(still).input(random_tensor({6}, 3));
  deformed.attribute("group", 2)
      .attribute("offset_group", 2)
      .attribute("strides", {2, 2})
      .attribute("pads", {1, 1, 1, 0});
  OpRunner plain("Conv");
  plain.input(src).input(weights).input(random_tensor({6}, 3));
  plain.attribute("group", 2).attribute("strides", {2, 2}).attribute("pads", {1, 1, 1, 0});
  expect_close(deformed.reference()[0], plain.reference()[0], roundings(2));
  deformed.run_implementations(exact());
}

TEST(DeformConvOp, MovesAndMasksItsTaps) {
  OpRunner runner("DeformConv");
  runner.input(counting({1, 1, 3, 3})).input(Tensor::of<float>({1, 1, 1, 1}, {2}));
  // Half a line down, a quarter of a column to the right, everywhere; outside of the image are zeros.
  Tensor offset(TensorDesc{DType::f32, {1, 2, 3, 3}, Layout::nchw});
  for (std::size_t i = 0; i < 18; ++i) offset.mutable_values<float>()[i] = i < 9 ? 0.5F : 0.25F;
  runner.input(offset).omitted().input(Tensor::of<float>({1, 1, 3, 3}, {1, 1, 1, 1, 0.5F, 1, 1, 1, 0}));
  const Floats sums = first(runner);
  EXPECT_EQ(sums[0], 2 * 1.75F);
  EXPECT_EQ(sums[2], 2 * 0.75F * 3.5F);
  EXPECT_EQ(sums[4], 0.5F * 2 * 5.75F);
  EXPECT_EQ(sums[6], 2 * 0.5F * 6.25F);
  EXPECT_EQ(sums[8], 0);
  EXPECT_EQ(error_of([] {
              OpRunner("DeformConv").input({1, 1, 3, 3}).input({1, 1, 2, 2}).input({1, 2, 2, 2}).infer();
            }),
            "dimension 1 of input 2 (offset) is 2, expected 8");
}

}  // namespace
}  // namespace godwit::support
