// Tensors taken for images and for maps of classes, and those that are neither.
#include "tools/vision/output_image.h"

#include <gtest/gtest.h>
#include <limits>
#include <string>
#include <vector>

#include "tests/support/errors.h"

namespace godwit::vision {
namespace {

using support::error_of;
using Bytes = std::vector<std::uint8_t>;

OutputImage automatic(const Tensor& tensor) { return output_image(tensor); }

TEST(OutputImage, ChannelsFirstOrLast) {
  const Tensor first = Tensor::of<float>({1, 3, 1, 2}, {0, 1, 0.2F, 0.4F, 0.6F, 0.8F});
  const OutputImage image = automatic(first);
  EXPECT_EQ(image.kind, OutputKind::image);
  EXPECT_EQ(image.range, OutputRange::unit);
  EXPECT_EQ(image.pixels.width, 2);
  EXPECT_EQ(image.pixels.height, 1);
  // 0, 0.2 and 0.6 of 255, then 1, 0.4 and 0.8 of it.
  EXPECT_EQ(image.pixels.values, (Bytes{0, 51, 153, 255, 102, 204}));
  EXPECT_EQ(image.told, "f32 1x3x1x2, values from 0 to 1 as an image, 0 to 1 from black to white");
  const OutputImage last = automatic(Tensor::of<float>({1, 2, 3}, {0, 51, 153, 255, 102, 204}));
  EXPECT_EQ(last.range, OutputRange::bytes);
  EXPECT_EQ(last.pixels.values, image.pixels.values);
  EXPECT_EQ(automatic(Tensor::of<std::uint8_t>({1, 2, 3}, {0, 51, 153, 255, 102, 204})).pixels.values,
            image.pixels.values);
}

TEST(OutputImage, RangesAreCutOffAndRoundedHalfToEven) {
  const Tensor signs = Tensor::of<float>({1, 5}, {-3, -1, 0, 1, 1.5F});
  const auto as = [&](OutputRange range) { return output_image(signs, {.range = range}).pixels.values; };
  EXPECT_EQ(as(OutputRange::symmetric), (Bytes{0, 0, 128, 255, 255}));  // 127.5 is rounded to 128
  EXPECT_EQ(as(OutputRange::unit), (Bytes{0, 0, 0, 255, 255}));
  EXPECT_EQ(as(OutputRange::bytes), (Bytes{0, 0, 0, 1, 2}));
  EXPECT_NE(error_of([&] { (void)automatic(signs); }).find("from -3 to 1.5; pass --picture-range"),
            std::string::npos);
}

TEST(OutputImage, SixteenBitsAreRealNumbers) {
  const std::vector<Float16> halves = {Float16(0.0F), Float16(1.0F)};
  EXPECT_EQ(automatic(Tensor::of<Float16>({1, 2}, std::span<const Float16>(halves))).pixels.values,
            (Bytes{0, 255}));
}

TEST(OutputImage, TheLargestOfTheChannelsIsTheClass) {
  // Four classes over two pixels; the first of equals counts.
  const OutputImage first = automatic(Tensor::of<float>({1, 4, 1, 5}, {0, 9, 0, 0, 1,  //
                                                                       1, 0, 9, 0, 0,  //
                                                                       0, 0, 0, 9, 1,  //
                                                                       0, 0, 0, 0, 0}));
  EXPECT_EQ(first.kind, OutputKind::classes);
  EXPECT_EQ(first.classes, 4);
  EXPECT_EQ(first.pixels.values, (Bytes{1, 0, 1, 2, 0}));
  EXPECT_EQ(first.pixels.palette.size(), 4U);
  const Tensor square = Tensor::of<float>({1, 2, 2, 4}, {0, 0, 0, 9, 0, 0, 9, 0, 0, 9, 0, 0, 9, 0, 0, 0});
  const OutputImage last = automatic(square);
  EXPECT_EQ(last.pixels.values, (Bytes{3, 2, 1, 0}));
  EXPECT_EQ(last.told, "f32 1x2x2x4, the likeliest of 4 classes, which lie last");
  // Two channels of 2x4, where somebody says so.
  EXPECT_EQ(output_image(square, {.channels = OutputChannels::first}).pixels.values,
            (Bytes{0, 1, 0, 0, 1, 0, 0, 0}));
  // Three channels are colours unless somebody says otherwise.
  const Tensor three = Tensor::of<float>({3, 2, 2}, {0, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 1});
  EXPECT_EQ(automatic(three).kind, OutputKind::image);
  EXPECT_EQ(output_image(three, {.kind = OutputKind::classes}).pixels.values, (Bytes{1, 0, 0, 2}));
}

TEST(OutputImage, WholeNumbersAreClasses) {
  const OutputImage map = automatic(Tensor::of<std::int64_t>({1, 1, 1, 3}, {0, 20, 2}));
  EXPECT_EQ(map.pixels.values, (Bytes{0, 20, 2}));
  EXPECT_EQ(map.classes, 21);
  EXPECT_EQ(error_of([] {
              (void)automatic(Tensor::of<std::int64_t>({1, 2}, {0, 256}));
            }),
            "s64 1x2 is no image: 256 is not a class from 0 to 255");
  EXPECT_EQ(error_of([] {
              (void)automatic(Tensor::of<std::int64_t>({1, 2}, {-1, 0}));
            }),
            "s64 1x2 is no image: -1 is not a class from 0 to 255");
}

TEST(OutputImage, WhatIsNoImageIsRefused) {
  EXPECT_NE(error_of([] {
              (void)automatic(Tensor::of<float>({2, 1, 1, 1}, {0, 1}));
            }).find("it holds 2"),
            std::string::npos);
  EXPECT_NE(error_of([] {
              (void)automatic(Tensor::of<float>({2}, {0, 1}));
            }).find("with at most a 1 in"),
            std::string::npos);
  EXPECT_NE(error_of([] {
              (void)output_image(Tensor::of<float>({2, 1, 2}, {0, 1, 2, 3}), {.kind = OutputKind::image});
            }).find("neither its first nor its last axis"),
            std::string::npos);
  EXPECT_EQ(error_of([] {
              (void)automatic(Tensor::of<float>({1, 2}, {0, std::numeric_limits<float>::quiet_NaN()}));
            }),
            "1 of its 2 elements are NaN, which no pixel is");
}

}  // namespace
}  // namespace godwit::vision
