// Parts of JPEGs against the same pixels of the whole: sizes, samplings, windows. libjpeg-turbo's skipping of
// rows has been wrong before, so that this is looked at closely.
#include <algorithm>
#include <cstring>
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "runtime/image/jpeg.h"
#include "tests/runtime/image/encode.h"
#include "tests/support/errors.h"
#include "tests/support/random.h"

namespace godwit::image {
namespace {

using support::error_of;
using test::Bytes;
using test::JpegColors;

// Decodes parts of one image, and compares.
class Parts {
 public:
  Parts(const std::string& name, Bytes bytes, int denominator = 1)
      : name_(name), bytes_(std::move(bytes)), denominator_(denominator) {
    JpegRows rows(data(), {});
    rows.shrink(denominator);
    whole_ = read_all(rows);
  }

  const Image& whole() const { return whole_; }
  bool exact() const {
    JpegRows rows(data(), {});
    return rows.partial_is_exact();
  }

  // "" when all pixels of the region are those of the whole.
  std::string difference(const Region& wanted) const {
    JpegRows rows(data(), {});
    rows.shrink(denominator_);
    const Region given = rows.select(wanted);
    if (given.left > wanted.left || given.right < wanted.right) return "too few columns";
    std::vector<std::uint8_t> row(static_cast<std::size_t>(given.width()) * 4);
    for (int y = wanted.top; y < wanted.bottom; ++y) {
      rows.read(row.data());
      for (int x = wanted.left; x < wanted.right; ++x) {
        const std::uint8_t* expected = whole_.pixels.data() + (y * whole_.width + x) * 3;
        if (std::memcmp(row.data() + (x - given.left) * 4, expected, 3) != 0) {
          return fmt::format("{}: columns {} to {}, rows {} to {}: pixel ({}, {}) differs", name_,
                             wanted.left, wanted.right, wanted.top, wanted.bottom, x, y);
        }
      }
    }
    rows.finish();
    return "";
  }

  // Every first and last row and column once, and a number of windows drawn at random.
  void check(int windows) const {
    const int width = whole_.width, height = whole_.height;
    for (int y = 0; y < height; ++y) {
      ASSERT_EQ(difference({0, y, width, y + 1}), "");
      ASSERT_EQ(difference({width / 3, y, width, height}), "");
    }
    for (int x = 0; x < width; ++x) {
      ASSERT_EQ(difference({x, 0, x + 1, height}), "");
      ASSERT_EQ(difference({0, height / 3, x + 1, std::max(height / 2, height / 3 + 1)}), "");
    }
    support::Random random(static_cast<std::uint64_t>(width * 1000 + height));
    for (int i = 0; i < windows; ++i) {
      const auto left = static_cast<int>(random.integer(0, width - 1));
      const auto top = static_cast<int>(random.integer(0, height - 1));
      const auto right = static_cast<int>(random.integer(left + 1, width));
      const auto bottom = static_cast<int>(random.integer(top + 1, height));
      ASSERT_EQ(difference({left, top, right, bottom}), "");
    }
  }

 private:
  std::span<const std::byte> data() const { return std::as_bytes(std::span(bytes_)); }

  std::string name_;
  Bytes bytes_;
  int denominator_;
  Image whole_;
};

struct Kind {
  JpegColors colors;
  int horizontal, vertical;
};
constexpr Kind kKinds[] = {{JpegColors::gray, 1, 1}, {JpegColors::ycc, 1, 1},  {JpegColors::ycc, 2, 1},
                           {JpegColors::ycc, 1, 2},  {JpegColors::ycc, 2, 2},  {JpegColors::ycc, 4, 1},
                           {JpegColors::rgb, 1, 1},  {JpegColors::cmyk, 1, 1}, {JpegColors::ycck, 1, 1}};

TEST(PartialDecode, EveryWindowHasThePixelsOfTheWhole) {
  for (const Kind& kind : kKinds) {
    for (const bool progressive : {false, true}) {
      for (const auto& [width, height] : {std::pair{70, 83}, {96, 64}, {33, 101}, {3, 40}, {50, 2}}) {
        const Parts parts(
            fmt::format("colours {} sampling {}x{} progressive {} {}x{}", static_cast<int>(kind.colors),
                        kind.horizontal, kind.vertical, progressive, width, height),
            test::encode_jpeg(width, height,
                              {.colors = kind.colors,
                               .quality = 80,
                               .horizontal = kind.horizontal,
                               .vertical = kind.vertical,
                               .progressive = progressive,
                               .restart_rows = progressive ? 0 : width % 3}));
        // YCCK keeps its black plane at twice the resolution of its colours.
        EXPECT_EQ(parts.exact(), kind.horizontal <= 2 && kind.colors != JpegColors::ycck);
        parts.check(40);
      }
    }
  }
}

TEST(PartialDecode, SoHaveLargerImages) {
  for (const Kind& kind : {Kind{JpegColors::ycc, 2, 2}, Kind{JpegColors::ycc, 1, 1}}) {
    const Parts parts(
        "large",
        test::encode_jpeg(501, 377,
                          {.colors = kind.colors, .horizontal = kind.horizontal, .vertical = kind.vertical}));
    for (int y = 0; y + 5 < 377; y += 3) ASSERT_EQ(parts.difference({61, y, 420, y + 5}), "");
    for (int x = 0; x + 9 < 501; x += 3) ASSERT_EQ(parts.difference({x, 23, x + 9, 60}), "");
  }
}

// Fast decoding is not exact to the full image, but no less so for being cut.
TEST(PartialDecode, SoHaveShrunkImages) {
  for (const int denominator : {2, 4, 8}) {
    for (const auto& [h, v] : {std::pair{1, 1}, {2, 2}}) {
      const Parts parts(fmt::format("at 1/{}", denominator),
                        test::encode_jpeg(233, 181, {.horizontal = h, .vertical = v}), denominator);
      EXPECT_EQ(parts.whole().width, (233 + denominator - 1) / denominator);
      parts.check(20);
    }
  }
}

// The decoder smooths over blocks where scans are missing: such an image is decoded whole.
TEST(PartialDecode, AProgressiveJpegWithoutItsLastScansIsDecodedWhole) {
  Bytes bytes = test::encode_jpeg(80, 72, {.quality = 60, .progressive = true});
  int scans = 0;
  for (std::size_t i = 0; i + 1 < bytes.size(); ++i) {
    if (bytes[i] != 0xff || bytes[i + 1] != 0xda || ++scans < 4) continue;
    bytes.resize(i);
    bytes.insert(bytes.end(), {0xff, 0xd9});
    break;
  }
  const Parts parts("unfinished", bytes);
  parts.check(20);
}

TEST(PartialDecode, AMissingEndIsFoundBehindTheLastRowTaken) {
  Bytes bytes = test::encode_jpeg(64, 64);
  const auto take_top = [&] {
    return error_of([&] {
      JpegRows rows(std::as_bytes(std::span(bytes)), {});
      rows.select({0, 0, 64, 10});
      std::vector<std::uint8_t> row(64 * 4);
      for (int y = 0; y < 10; ++y) rows.read(row.data());
      rows.finish();
    });
  };
  EXPECT_EQ(take_top(), "");
  for (const std::size_t cut : {1, 40}) {
    bytes.resize(bytes.size() - cut);
    EXPECT_EQ(take_top(), fmt::format("cannot decode the JPEG: the file is cut off: it ends at byte {}, "
                                      "before its end marker",
                                      bytes.size()));
  }
}

}  // namespace
}  // namespace godwit::image
