// PNG files with faults that Pillow lets pass: the same pixels, and a sentence about each.
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <span>
#include <string>
#include <vector>
#include <zlib.h>

#include "runtime/image/depth.h"
#include "runtime/image/exif.h"
#include "runtime/image/png.h"
#include "tests/runtime/image/encode.h"
#include "tests/support/errors.h"

namespace godwit::image {
namespace {

using support::error_of;
using test::Bytes;
using test::png_chunk;

Bytes operator+(Bytes left, const Bytes& right) {
  left.insert(left.end(), right.begin(), right.end());
  return left;
}

Bytes deflated(const Bytes& bytes) {
  Bytes result(compressBound(bytes.size()));
  uLongf size = result.size();
  EXPECT_EQ(compress(result.data(), &size, bytes.data(), bytes.size()), Z_OK);
  result.resize(size);
  return result;
}

Bytes header(int width, int height, int bits, int color) {
  const auto byte = [](int value) { return static_cast<unsigned char>(value); };
  return Bytes{0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'} +
         png_chunk("IHDR", {0, 0, 0, byte(width), 0, 0, 0, byte(height), byte(bits), byte(color), 0, 0, 0});
}
const Bytes kEnd = png_chunk("IEND", {});

std::span<const std::byte> bytes_of(const Bytes& bytes) { return std::as_bytes(std::span(bytes)); }

struct Decoded {
  Bytes pixels;  // RGB
  std::vector<std::string> warnings;
};
Decoded decode(const Bytes& png, Depth depth = Depth::pillow) {
  PngRows rows(bytes_of(png), {});
  rows.set_depth(depth);
  Decoded result{read_all(rows).pixels, {}};
  result.warnings = rows.warnings();
  return result;
}
std::string refusal(const Bytes& png) {
  return error_of([&] { (void)decode(png); });
}

// One row of gray of 8 bits for each of these, filter 0.
Bytes gray_rows(const std::vector<Bytes>& rows) {
  Bytes data;
  for (const Bytes& row : rows) data = data + Bytes{0} + row;
  return data;
}

TEST(OddPng, RowsThatAreMissingAreBlackAndTold) {
  const Bytes pixels = deflated(gray_rows({{1, 2}, {3, 4}}));
  const Decoded image = decode(header(2, 4, 8, 0) + png_chunk("IDAT", pixels) + kEnd);
  EXPECT_EQ(image.pixels, (Bytes{1, 1, 1, 2, 2, 2, 3, 3, 3, 4, 4, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}));
  EXPECT_EQ(image.warnings, std::vector<std::string>{"its pixels end 2 rows early, which are black"});
  // Pillow does not see the stream's end where that comes in another chunk.
  const Bytes front(pixels.begin(), pixels.end() - 4), back(pixels.end() - 4, pixels.end());
  EXPECT_NE(refusal(header(2, 4, 8, 0) + png_chunk("IDAT", front) + png_chunk("IDAT", back) + kEnd), "");
  EXPECT_EQ(refusal(header(2, 2, 8, 0) + png_chunk("IDAT", front) + png_chunk("IDAT", back) + kEnd), "");
  EXPECT_NE(refusal(header(3, 2, 8, 0) + png_chunk("IDAT", pixels) + kEnd), "") << "it ends within a row";
}

TEST(OddPng, IndicesBeyondThePaletteAreGrayAndTold) {
  const Bytes palette = png_chunk("PLTE", {10, 20, 30, 40, 50, 60});
  const Bytes pixels = png_chunk("IDAT", deflated(gray_rows({{0, 1, 2, 200}})));
  const Decoded image = decode(header(4, 1, 8, 3) + palette + pixels + kEnd);
  EXPECT_EQ(image.pixels, (Bytes{10, 20, 30, 40, 50, 60, 2, 2, 2, 200, 200, 200}));
  EXPECT_EQ(image.warnings,
            std::vector<std::string>{"pixels beyond the 2 colours of its palette are gray, as in Pillow"});
  EXPECT_TRUE(
      decode(header(2, 1, 8, 3) + palette + png_chunk("IDAT", deflated({0, 0, 1})) + kEnd).warnings.empty());
  EXPECT_EQ(decode(header(4, 1, 8, 3) + pixels + kEnd).pixels,
            (Bytes{0, 0, 0, 1, 1, 1, 2, 2, 2, 200, 200, 200}));
  EXPECT_EQ(refusal(header(4, 1, 8, 3) + png_chunk("PLTE", Bytes(3 * 257)) + pixels + kEnd),
            "cannot decode the PNG: its palette has 257 colours, expected at most 256");
}

TEST(OddPng, AWrongChecksumOfPixelsIsTold) {
  Bytes chunk = png_chunk("IDAT", deflated(gray_rows({{7}})));
  chunk.back() ^= 1;
  const Decoded image = decode(header(1, 1, 8, 0) + chunk + kEnd);
  EXPECT_EQ(image.pixels, (Bytes{7, 7, 7}));
  EXPECT_EQ(image.warnings, std::vector<std::string>{"a checksum of its pixels is wrong"});
}

TEST(OddPng, SixteenBitsByEveryRule) {
  const Bytes gray = header(3, 1, 16, 0) + png_chunk("IDAT", deflated({0, 0, 7, 2, 0, 0x0f, 0xff})) + kEnd;
  const Decoded clipped = decode(gray), shades = decode(gray, Depth::scale);
  EXPECT_EQ(clipped.pixels, (Bytes{7, 7, 7, 255, 255, 255, 255, 255, 255}));
  EXPECT_EQ(clipped.warnings,
            std::vector<std::string>{"gray of 16 bits is cut off at 255, as in Pillow, which makes 66.7 "
                                     "% of it white; --depth scale keeps its shades"});
  EXPECT_EQ(shades.pixels, (Bytes{0, 0, 0, 32, 32, 32, 255, 255, 255}));
  EXPECT_TRUE(shades.warnings.empty());
  EXPECT_EQ(decode(gray, depth_of_bits(12)).pixels, shades.pixels);
  EXPECT_EQ(decode(gray, depth_of_bits(16)).pixels, (Bytes{0, 0, 0, 2, 2, 2, 16, 16, 16}));
  EXPECT_EQ(decode(gray, depth_of_bits(8)).pixels, clipped.pixels);
  const Bytes dark = header(1, 1, 16, 2) + png_chunk("IDAT", deflated({0, 0x0f, 0xff, 0x08, 0, 0, 1})) + kEnd;
  EXPECT_EQ(decode(dark).pixels, (Bytes{15, 8, 0}));
  ASSERT_EQ(decode(dark).warnings.size(), 1U);
  EXPECT_NE(decode(dark).warnings.front().find("are all below 4096 and nearly black"), std::string::npos);
  EXPECT_EQ(decode(dark, Depth::scale).pixels, (Bytes{255, 128, 0}));
  for (int bits = kLeastDepth; bits <= kLargestDepth; ++bits) {
    EXPECT_EQ(image::scaled(0, bits), 0) << bits;
    EXPECT_EQ(image::scaled(static_cast<std::uint16_t>((1U << bits) - 1), bits), 255) << bits;
  }
}

// Orientation, by a tag in a chunk of any kind.
int orientation(const Bytes& chunks) {
  return exif_orientation(bytes_of(header(1, 1, 8, 0) + chunks + kEnd));
}
Bytes text_chunk(const std::string& type, const std::string& text) {
  return png_chunk(type, Bytes(text.begin(), text.end()));
}

TEST(OddPng, TheOrientationStandsInManyPlaces) {
  const Bytes exif = test::exif(6, true), other = test::exif(3, false);
  std::string hexadecimal;
  for (const unsigned char byte : exif) hexadecimal += fmt::format("{:02x}", byte);
  const std::string profile =
      "\nexif\n      38\n" + hexadecimal.substr(0, 20) + "\n" + hexadecimal.substr(20) + "\n";
  const std::string keyword("Raw profile type exif\0", 22), xmp("XML:com.adobe.xmp\0\0\0\0\0", 22);
  EXPECT_EQ(orientation({}), 1);
  EXPECT_EQ(orientation(png_chunk("eXIf", exif)), 6);
  EXPECT_EQ(orientation(png_chunk("eXIf", exif) + png_chunk("eXIf", other)), 3);
  EXPECT_EQ(orientation(text_chunk("tEXt", keyword + profile)), 6);
  EXPECT_EQ(orientation(text_chunk("zTXt", keyword + '\0')), 1);
  const Bytes packed = deflated(Bytes(profile.begin(), profile.end()));
  EXPECT_EQ(orientation(png_chunk("zTXt", Bytes(keyword.begin(), keyword.end()) + Bytes{0} + packed)), 6);
  EXPECT_EQ(orientation(png_chunk("eXIf", other) + text_chunk("tEXt", keyword + profile)), 3);
  EXPECT_EQ(orientation(text_chunk("iTXt", xmp + "<x tiff:Orientation=\"8\"/>")), 8);
  EXPECT_EQ(orientation(text_chunk("iTXt", xmp + "<tiff:Orientation>5</tiff:Orientation>")), 5);
  EXPECT_EQ(orientation(text_chunk("iTXt", xmp + "<tiff:Orientation>9</tiff:Orientation>")), 1);
  EXPECT_EQ(orientation(png_chunk("eXIf", exif) + text_chunk("iTXt", xmp + "tiff:Orientation=\"8\"")), 6);
}

// A directory of one tag in either order of bytes.
Bytes tag(bool big, int type, int count, const Bytes& value, int times = 1) {
  const auto put = [&](Bytes& bytes, int number, int size) {
    for (int i = 0; i < size; ++i)
      bytes.push_back(static_cast<unsigned char>(number >> (8 * (big ? size - 1 - i : i))));
  };
  Bytes tiff(2, big ? 'M' : 'I');
  put(tiff, 42, 2);
  put(tiff, 8, 4);
  put(tiff, times, 2);
  for (int i = 0; i < times; ++i) {
    put(tiff, 0x0112, 2);
    put(tiff, type, 2);
    put(tiff, count, 4);
    tiff = tiff + value;
  }
  return tiff + Bytes(4);
}

TEST(Exif, TheOrientationIsANumberOfAnyType) {
  constexpr int kShort = 3, kLong = 4, kSignedByte = 6, kSignedShort = 8, kSignedLong = 9, kByte = 1,
                kText = 2, kFloat = 11;
  const auto of = [](const Bytes& tiff) { return orientation(png_chunk("eXIf", tiff)); };
  for (const int type : {kShort, kLong, kSignedByte, kSignedShort, kSignedLong}) {
    const bool is_long = type == kLong || type == kSignedLong;
    EXPECT_EQ(of(tag(false, type, 1, {6, 0, 0, 0})), 6) << type;
    EXPECT_EQ(of(tag(true, type, 1,
                     is_long               ? Bytes{0, 0, 0, 6}
                     : type == kSignedByte ? Bytes{6, 0, 0, 0}
                                           : Bytes{0, 6, 0, 0})),
              6)
        << type;
    EXPECT_EQ(of(tag(false, type, 0, {6, 0, 0, 0})), 1) << type;
  }
  EXPECT_EQ(of(tag(false, kFloat, 1, {0, 0, 0xc0, 0x40})), 6);
  EXPECT_EQ(of(tag(false, kShort, 2, {6, 0, 3, 0})), 6);
  EXPECT_EQ(of(tag(false, kSignedShort, 1, {0xfa, 0xff, 0, 0})), 1);
  for (const int type : {kByte, kText, 0, 99}) EXPECT_EQ(of(tag(false, type, 1, {6, 0, 0, 0})), 1) << type;
  // The last counts.
  Bytes twice = tag(false, kShort, 1, {6, 0, 0, 0}, 2);
  twice[10 + 12 + 8] = 3;
  EXPECT_EQ(of(twice), 3);
  // Damage ends the directory, and what was found before counts.
  EXPECT_EQ(of(Bytes(twice.begin(), twice.begin() + 10 + 12 + 5)), 6);
  EXPECT_EQ(of(Bytes(twice.begin(), twice.begin() + 15)), 1);
  EXPECT_EQ(of({}), 1);
  EXPECT_EQ(of(tag(false, kShort, 1 << 30, {6, 0, 0, 0})), 1);
}

}  // namespace
}  // namespace godwit::image
