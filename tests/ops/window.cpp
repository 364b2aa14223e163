// Window geometry: sizes, automatic padding, rounding up, symbols, and values out of range.
#include "ops/window.h"

#include <gtest/gtest.h>
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
  return window_axes(attributes, Integers{input}, Integers{kernel}, ceil_mode)[0];
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
  const Window2d window = window_2d(attributes, Integers{5, 6}, Integers{3, 3});
  EXPECT_EQ(window.h.output, 3);
  EXPECT_EQ(window.h.pad_begin, 1);
  EXPECT_EQ(window.h.pad_end, 1);
  EXPECT_EQ(window.w.output, 3);
  EXPECT_EQ(window.w.pad_begin, 1);
  EXPECT_EQ(window.w.pad_end, 0);
}

TEST(Window, KeepsSymbolsThatPaddingMakesUpFor) {
  constexpr std::int64_t kHeight = kAnyDim - 1;
  EXPECT_EQ(axis(kHeight, 3, 1, {1, 1}).output, kHeight);
  EXPECT_EQ(axis(kHeight, 3, 1, {2, 2}, 2).output, kHeight);
  EXPECT_EQ(axis(kHeight, 1, 1, {0, 0}).output, kHeight);
  EXPECT_EQ(axis(kHeight, 3, 1, {1, 0}).output, kAnyDim);
  EXPECT_EQ(axis(kHeight, 3, 2, {1, 1}).output, kAnyDim);
}

TEST(Window, OneDimensionIsAHeightOfOne) {
  const Window2d window = window_2d({}, Integers{9}, Integers{2});
  EXPECT_EQ(window.h.output, 1);
  EXPECT_EQ(window.h.kernel, 1);
  EXPECT_EQ(window.w.output, 8);
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
              window_2d({}, Integers{4, 4, 4}, Integers{1, 1, 1});
            }),
            "3 spatial dimensions; 1 and 2 are supported");
}

}  // namespace
}  // namespace godwit::ops
