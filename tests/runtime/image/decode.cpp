// Decoders on damaged, truncated, oversized and misnamed files: an Error with the path, never a crash or a
// wait.
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <malloc.h>
#include <span>
#include <string>
#include <sys/stat.h>

#include "runtime/image/image.h"
#include "runtime/image/jpeg.h"
#include "runtime/image/png.h"
#include "tests/runtime/image/encode.h"
#include "tests/support/errors.h"
#include "tests/support/random.h"
#include "tests/support/temporary_directory.h"

namespace godwit::image {
namespace {

using support::error_of;
using test::Bytes;
using test::encode_jpeg;
using test::encode_png;
using test::TemporaryDirectory;

// The error of read_image for these bytes, without the path in front; "" when it reads them.
std::string refusal(const Bytes& bytes, const DecodeLimits& limits = {}) {
  const TemporaryDirectory directory;
  const std::string path = directory.write("image", bytes);
  const std::string message = error_of([&] { read_image(path, limits); });
  EXPECT_TRUE(message.empty() || message.starts_with("'" + path + "': ")) << message;
  return message.empty() ? "" : message.substr(path.size() + 4);
}

// The same without a file, for tests of many.
std::string decoding_error(const Bytes& bytes) {
  const auto data = std::as_bytes(std::span(bytes));
  return error_of([&] { bytes[0] == 0xff ? decode_jpeg(data, {}) : decode_png(data, {}); });
}

// Width and height of the frame header overwritten.
Bytes jpeg_claiming(int width, int height) {
  Bytes bytes = encode_jpeg(8, 8);
  for (std::size_t i = 0; i + 9 < bytes.size(); ++i) {
    if (bytes[i] != 0xff || bytes[i + 1] != 0xc0) continue;
    bytes[i + 5] = static_cast<unsigned char>(height >> 8);
    bytes[i + 6] = static_cast<unsigned char>(height);
    bytes[i + 7] = static_cast<unsigned char>(width >> 8);
    bytes[i + 8] = static_cast<unsigned char>(width);
    return bytes;
  }
  return {};
}

Bytes png_claiming(std::uint32_t width, std::uint32_t height) {
  Bytes header;
  for (const std::uint32_t value : {width, height}) {
    for (const int shift : {24, 16, 8, 0}) header.push_back(static_cast<unsigned char>(value >> shift));
  }
  header.insert(header.end(), {8, 2, 0, 0, 0});
  Bytes png = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'};
  for (const Bytes& chunk :
       {test::png_chunk("IHDR", header), test::png_chunk("IDAT", {}), test::png_chunk("IEND", {})}) {
    png.insert(png.end(), chunk.begin(), chunk.end());
  }
  return png;
}

TEST(ReadImage, TheFirstBytesDecideAndNotTheName) {
  const TemporaryDirectory directory;
  const Image jpeg = read_image(directory.write("really_jpeg.png", encode_jpeg(20, 10)));
  EXPECT_EQ(jpeg.width, 20);
  EXPECT_EQ(jpeg.height, 10);
  EXPECT_EQ(jpeg.pixels.size(), 600U);
  const Image png = read_image(directory.write("really_png.jpg", encode_png(20, 10)));
  EXPECT_EQ(png.width, 20);
  EXPECT_EQ(png.pixels, test::image(60, 10, 1));
}

TEST(ReadImage, WhatIsNoImageIsRefused) {
  EXPECT_EQ(refusal({}), "the file is empty, expected a JPEG or PNG image");
  EXPECT_EQ(refusal({0xff}), "the file is neither a JPEG nor a PNG image");
  EXPECT_EQ(refusal({0xff, 0xd8}), "the file is neither a JPEG nor a PNG image");
  EXPECT_EQ(refusal({'h', 'e', 'l', 'l', 'o', '\n'}), "the file is neither a JPEG nor a PNG image");
  EXPECT_NE(refusal({0xff, 0xd8, 0xff}), "");
  EXPECT_NE(refusal({0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'}), "");
}

TEST(ReadImage, WhatIsNoFileIsRefusedAtOnce) {
  const TemporaryDirectory directory;
  const std::string fifo = directory / "fifo";
  ASSERT_EQ(::mkfifo(fifo.c_str(), 0600), 0);
  const std::string folder = directory.path().string(), absent = directory / "absent.jpg";
  EXPECT_EQ(error_of([&] { read_image(fifo); }), "'" + fifo + "' is not a regular file");
  EXPECT_EQ(error_of([&] { read_image(folder); }), "'" + folder + "' is not a regular file");
  EXPECT_EQ(error_of([&] { read_image(absent); }), "cannot open '" + absent + "': No such file or directory");
}

TEST(ReadImage, LimitsAreChecked) {
  EXPECT_EQ(refusal(encode_jpeg(40, 30), {.max_pixels = 1199}),
            "the JPEG has 40x30 pixels, more than the limit of 1199");
  EXPECT_EQ(refusal(encode_jpeg(40, 30), {.max_pixels = 1200}), "");
  EXPECT_EQ(refusal(encode_png(40, 30), {.max_pixels = 1199}),
            "the PNG has 40x30 pixels, more than the limit of 1199");
  const Bytes jpeg = encode_jpeg(40, 30);
  EXPECT_EQ(refusal(jpeg, {.max_file_bytes = 100}),
            fmt::format("the file has {} bytes, more than the limit of 100", jpeg.size()));
}

TEST(ReadImage, HugeDimensionsInAHeaderAllocateNothing) {
  EXPECT_EQ(refusal(jpeg_claiming(65500, 65500)),
            "the JPEG has 65500x65500 pixels, more than the limit of 100000000");
  EXPECT_NE(refusal(jpeg_claiming(0, 8)), "");
  EXPECT_NE(refusal(jpeg_claiming(8, 0)), "");
  EXPECT_EQ(refusal(png_claiming(65500, 65500)),
            "the PNG has 65500x65500 pixels, more than the limit of 100000000");
  EXPECT_NE(refusal(png_claiming(0x7fffffff, 0x7fffffff)), "");
  EXPECT_NE(refusal(png_claiming(0xffffffff, 1)), "");
  EXPECT_NE(refusal(png_claiming(0, 1)), "");
  EXPECT_NE(refusal(png_claiming(100, 99)), "");  // within the limit, but there are no data
}

TEST(DecodeJpeg, ScansAreCounted) {
  const Bytes many = encode_jpeg(64, 64, {.one_scan_per_coefficient = true});
  EXPECT_EQ(refusal(many), "cannot decode the JPEG: it has more than 100 scans");
  EXPECT_EQ(refusal(many, {.max_scans = 190}), "");
  EXPECT_EQ(refusal(encode_jpeg(64, 64, {.progressive = true})), "");
}

TEST(DecodeJpeg, TenThousandScansAreRefusedAtTheLimitAndAtNoOtherFault) {
  const Bytes many = test::jpeg_of_scans(10'000);
  for (const int limit : {1, 100, 9'999}) {
    EXPECT_EQ(
        refusal(many, {.max_scans = limit}),
        fmt::format("cannot decode the JPEG: it has more than {} scan{}", limit, limit == 1 ? "" : "s"));
  }
  EXPECT_EQ(refusal(many, {.max_scans = 10'000}), "");
  // Bytes behind the scan that goes past the limit are not looked at, so that nobody misses them.
  Bytes cut = many;
  cut.resize(cut.size() / 2);
  EXPECT_EQ(refusal(cut), "cannot decode the JPEG: it has more than 100 scans");
}

// Found by fuzzing: an image refused at its header kept the decoder's memory.
TEST(DecodeJpeg, ARefusedHeaderLeavesNoMemoryBehind) {
  const std::vector<Bytes> refused = {jpeg_claiming(65500, 65500), jpeg_claiming(0, 8), {0xff, 0xd8, 0xff}};
  const auto refuse_all = [&] {
    for (const Bytes& bytes : refused) ASSERT_NE(decoding_error(bytes), "");
  };
  refuse_all();  // what is made once and kept is there
  constexpr std::size_t kTimes = 100;
  const std::size_t before = ::mallinfo2().uordblks;
  for (std::size_t i = 0; i < kTimes; ++i) refuse_all();
  const std::size_t after = ::mallinfo2().uordblks;
  EXPECT_LT(after, before + kTimes * refused.size());  // less than a byte for each
}

TEST(DecodeJpeg, EveryTruncationIsAnError) {
  for (const bool progressive : {false, true}) {
    const Bytes whole = encode_jpeg(40, 30, {.progressive = progressive});
    for (std::size_t size = 3; size < whole.size(); ++size) {
      ASSERT_NE(decoding_error({whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size)}), "")
          << size;
    }
    EXPECT_EQ(refusal(whole), "");
  }
}

TEST(DecodeJpeg, ACutFileIsToldWithItsEnd) {
  Bytes bytes = encode_jpeg(40, 30);
  bytes.resize(bytes.size() / 2 + 200);
  EXPECT_EQ(refusal(bytes), fmt::format("cannot decode the JPEG: the file is cut off: it ends at byte {}, "
                                        "before its end marker",
                                        bytes.size()));
}

// Pillow's habit: a file that is cut off is refused, a damaged one is mended as libjpeg-turbo does it, and
// said.
TEST(DecodeJpeg, DamageInsideIsMendedAndTold) {
  Bytes bytes = encode_jpeg(64, 64, {.horizontal = 1, .vertical = 1});
  bytes.insert(bytes.end() - 200, {0xff, 0xd5});  // a restart marker where there are none
  JpegRows rows(std::as_bytes(std::span(bytes)), {});
  EXPECT_EQ(read_all(rows).height, 64);
  ASSERT_FALSE(rows.warnings().empty());
  EXPECT_LE(rows.warnings().size(), 4U);
  const std::string words =
      "data end before the last block, and what is missing is gray or guessed, near byte ";
  const std::string warning = rows.warnings().front();
  ASSERT_TRUE(warning.starts_with(words)) << warning;
  // The decoder stands at the last whole unit before the marker, which is some bytes away.
  const std::size_t marker = bytes.size() - 202, told = std::stoul(warning.substr(words.size()));
  EXPECT_LE(told, marker);
  EXPECT_GE(told + 64, marker);
  EXPECT_EQ(refusal(bytes), "");
}

// Pillow clips such an image's integers.
TEST(DecodePng, SixteenBitGrayIsCutOffAt255) {
  const TemporaryDirectory directory;
  const Image image =
      read_image(directory.write("gray", encode_png(5, 4, {.color_type = 0, .bit_depth = 16, .dark = true})));
  const Bytes samples = test::image(10, 4, 1);  // big-endian
  for (std::size_t i = 0; i < 20; ++i) {
    const unsigned char wanted = samples[2 * i] % 2 != 0 ? 255 : samples[2 * i + 1];
    for (std::size_t c = 0; c < 3; ++c) ASSERT_EQ(image.pixels[3 * i + c], wanted) << i;
  }
}

TEST(DecodePng, SixteenBitColoursKeepTheirHighByte) {
  for (const int color_type : {2, 4, 6}) {
    const Bytes png = encode_png(5, 4, {.color_type = color_type, .bit_depth = 16});
    const Image image = decode_png(std::as_bytes(std::span(png)), {});
    const std::size_t channels = color_type == 2 ? 3 : color_type == 4 ? 2 : 4;
    const Bytes samples = test::image(static_cast<int>(10 * channels), 4, 1);
    for (std::size_t i = 0; i < 20; ++i) {
      for (std::size_t c = 0; c < 3; ++c) {
        ASSERT_EQ(image.pixels[3 * i + c], samples[2 * (channels * i + (color_type == 4 ? 0 : c))]);
      }
    }
  }
}

TEST(DecodePng, EveryTruncationOfThePixelsIsAnError) {
  const Bytes whole = encode_png(40, 30);
  // The last 12 bytes are IEND and the 4 before it a checksum, by when all pixels are there.
  for (std::size_t size = 8; size + 16 < whole.size(); ++size) {
    ASSERT_NE(decoding_error({whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size)}), "") << size;
  }
  EXPECT_EQ(refusal(whole), "");
}

TEST(DecodePng, AWrongChecksumIsAnError) {
  Bytes bytes = encode_png(40, 30);
  bytes[20] ^= 1;  // in IHDR
  EXPECT_NE(refusal(bytes), "");
}

// Whatever the bytes are, the answer is an image or an Error; the sanitizers see to the rest.
TEST(ReadImage, DamagedFilesGiveAImageOrAnError) {
  support::Random random(3);
  const std::vector<Bytes> originals = {
      encode_jpeg(33, 21), encode_jpeg(33, 21, {.progressive = true}),
      encode_jpeg(33, 21,
                  {.colors = test::JpegColors::ycck, .horizontal = 1, .vertical = 1, .restart_rows = 1}),
      encode_png(33, 21),
      encode_png(33, 21, {.color_type = 3, .bit_depth = 4, .interlaced = true, .transparent = 3})};
  for (const Bytes& original : originals) {
    const bool jpeg = looks_like_jpeg(std::as_bytes(std::span(original)));
    for (int i = 0; i < 400; ++i) {
      Bytes bytes = original;
      for (int damage = 0; damage <= i % 4; ++damage) {
        const auto at =
            static_cast<std::size_t>(random.integer(3, static_cast<std::int64_t>(bytes.size()) - 1));
        bytes[at] = static_cast<unsigned char>(random.next());
      }
      error_of([&] {
        const DecodeLimits limits{.max_pixels = 1'000'000};
        const auto data = std::as_bytes(std::span(bytes));
        const Image image = jpeg ? decode_jpeg(data, limits) : decode_png(data, limits);
        ASSERT_EQ(image.pixels.size(),
                  static_cast<std::size_t>(image.width) * static_cast<std::size_t>(image.height) * 3);
      });
    }
  }
}

}  // namespace
}  // namespace godwit::image
