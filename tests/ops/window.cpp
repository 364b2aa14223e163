// Window geometry: sizes, automatic padding, rounding up, symbols, and values out of range.
#include "ops/window.h"

#include <gtest/gtest.h>
#include <utility>
#include <vector>

#include "tests/support/errors.h"

namespace godwit::ops {
namespace {

using Integers = std::vector<std::int64_t>;
using support::error_of;

// One axis with stride, both pads and dilation.
WindowAxis axis(std::int64_t input, std::int64_t kernel, std::int64_t stride, Integers pads,
                std::int64_t dilation = 1, bool ceil_mode = false) {
  Attributes attributes;
  attributes.set("strides", Integers{stride});
  attributes.set("pads", std::move(pads));
  attributes.set("dilations", Integers{dilation});
  attributes.set("ceil_mode", std::int64_t{ceil_mode ? 1 : 0});
  return window_of(attributes, Integers{input}, Integers{kernel}).spatial()[0];
}

TEST(Window, CountsWhereWindowsFit) {
  EXPECT_EQ(axis(224, 7, 2, {3, 3}).output, 112);
  EXPECT_EQ(axis(5, 3, 1, {0, 0}, 2).output, 1);
  EXPECT_EQ(axis(112, 3, 2, {1, 1}).output, 56);
  EXPECT_EQ(axis(112, 3, 2, {0, 0}).output, 55);
  EXPECT_EQ(axis(112, 3, 2, {0, 0}, 1, true).output, 56);
  // Rounding up would start the third window behind the input.
  EXPECT_EQ(axis(3, 1, 3, {0, 1}, 1, true).output, 1);
}

TEST(Window, PadsAutomatically) {
  Attributes attributes;
  attributes.set("strides", Integers{2, 2});
  attributes.set("auto_pad", std::string("SAME_LOWER"));
  const Window window = window_of(attributes, Integers{5, 6}, Integers{3, 3});
  EXPECT_EQ(window.h().output, 3);
  EXPECT_EQ(window.h().pad_begin, 1);
  EXPECT_EQ(window.h().pad_end, 1);
  EXPECT_EQ(window.w().output, 3);
  EXPECT_EQ(window.w().pad_begin, 1);
  EXPECT_EQ(window.w().pad_end, 0);
}

TEST(Window, KeepsSymbolsThatPaddingMakesUpFor) {
  constexpr std::int64_t kHeight = kAnyDim - 1;
  EXPECT_EQ(axis(kHeight, 3, 1, {1, 1}).output, kHeight);
  EXPECT_EQ(axis(kHeight, 3, 1, {2, 2}, 2).output, kHeight);
  EXPECT_EQ(axis(kHeight, 1, 1, {0, 0}).output, kHeight);
  EXPECT_EQ(axis(kHeight, 3, 1, {1, 0}).output, kAnyDim);
  EXPECT_EQ(axis(kHeight, 3, 2, {1, 1}).output, kAnyDim);
}

TEST(Window, MissingOuterAxesHaveSizeOne) {
  const Window line = window_of(Attributes(), Integers{9}, Integers{2});
  EXPECT_EQ(line.rank, 1);
  EXPECT_EQ(line.d().output, 1);
  EXPECT_EQ(line.h().output, 1);
  EXPECT_EQ(line.h().kernel, 1);
  EXPECT_EQ(line.w().output, 8);
  const Window volume = window_of(Attributes(), Integers{4, 5, 6}, Integers{2, 1, 3});
  EXPECT_EQ(volume.spatial().size(), 3);
  EXPECT_EQ(volume.inputs(), 4 * 5 * 6);
  EXPECT_EQ(volume.taps(), 2 * 1 * 3);
  EXPECT_EQ(volume.outputs(), 3 * 5 * 4);
  const WindowPosition last = volume.position_of(volume.outputs() - 1);
  EXPECT_EQ(last.d, 2);
  EXPECT_EQ(last.h, 4);
  EXPECT_EQ(last.w, 3);
}

TEST(Window, VisitsTheTapsInsideTheInput) {
  Attributes attributes;
  attributes.set("pads", Integers{1, 0, 0, 0, 0, 1});
  attributes.set("dilations", Integers{1, 2, 1});
  const Window window = window_of(attributes, Integers{2, 3, 2}, Integers{2, 2, 2});
  std::vector<std::pair<std::int64_t, std::int64_t>> visits;
  // The first result's depth tap 0 and the last column's width tap 1 lie in the padding.
  for_each_tap(window, window.position_of(1),
               [&](std::int64_t i, std::int64_t tap) { visits.emplace_back(i, tap); });
  EXPECT_EQ(visits, (std::vector<std::pair<std::int64_t, std::int64_t>>{{1, 4}, {5, 6}}));
}

TEST(Window, ReadsAndWritesAttributes) {
  Attributes attributes;
  attributes.set("kernel_shape", Integers{3, 2, 1});
  attributes.set("auto_pad", std::string("SAME_UPPER"));
  attributes.set("group", std::int64_t{4});
  attributes.set("count_include_pad", std::int64_t{1});
  WindowAttributes window = window_attributes(attributes, 3);
  EXPECT_EQ(window.kernel, (PerAxis{3, 2, 1}));
  EXPECT_EQ(window.strides, (PerAxis{1, 1, 1}));
  EXPECT_EQ(window.auto_pad, AutoPad::same_upper);
  EXPECT_EQ(window.group, 4);
  EXPECT_TRUE(window.count_include_pad);
  EXPECT_FALSE(window.ceil_mode);
  window.pads_begin = {1, 2, 3};
  window.pads_end = {4, 5, 6};
  set_pads(attributes, window);
  window = window_attributes(attributes, 3);
  EXPECT_EQ(window.auto_pad, AutoPad::notset);
  EXPECT_EQ(window.pads_begin, (PerAxis{1, 2, 3}));
  EXPECT_EQ(window.pads_end, (PerAxis{4, 5, 6}));
  EXPECT_EQ(window_attributes({}, 1).kernel[0], kAnyDim);
}

TEST(Window, RefusesWhatIsOutOfRange) {
  constexpr std::int64_t kHuge = std::int64_t{1} << 40;
  EXPECT_EQ(error_of([] { axis(4, 2, 1, {-1, 0}); }), "attribute 'pads' has value -1, expected at least 0");
  EXPECT_EQ(error_of([] {
              axis(4, 2, 1, {kHuge, 0});
            }),
            "attribute 'pads' has value 1099511627776, expected at most 2147483648");
  EXPECT_EQ(error_of([] { axis(kHuge, 2, 1, {0, 0}); }), "a spatial dimension of 1099511627776 is too large");
  EXPECT_EQ(error_of([] { axis(4, kHuge, 1, {0, 0}); }), "a kernel of size 1099511627776");
  EXPECT_EQ(error_of([] {
              window_of(Attributes(), Integers{4, 4, 4, 4}, Integers{1, 1, 1, 1});
            }),
            "4 spatial dimensions; 1 to 3 are supported");
  EXPECT_EQ(error_of([] {
              window_of(Attributes(), Integers{4, 4}, Integers{1});
            }),
            "a kernel with 1 spatial dimensions on an input with 2");
}

}  // namespace
}  // namespace godwit::ops
