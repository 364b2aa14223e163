// The table of decoders, images in their stored depth, and gray.
#include "runtime/image/decoder.h"

#include <algorithm>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <string>
#include <vector>

#include "runtime/image/gray.h"
#include "runtime/image/jpeg.h"
#include "runtime/image/preprocess.h"
#include "tests/runtime/image/encode.h"
#include "tests/support/errors.h"
#include "tests/support/temporary_directory.h"

namespace godwit::image {
namespace {

using test::Bytes;
using test::encode_jpeg;
using test::encode_png;

std::span<const std::byte> bytes_of(const Bytes& bytes) { return std::as_bytes(std::span(bytes)); }

TEST(Decoders, EachRecognisesItsOwnFilesAlone) {
  const Bytes jpeg = encode_jpeg(8, 8), png = encode_png(8, 8);
  EXPECT_EQ(decoder_of(bytes_of(jpeg)).name, "JPEG");
  EXPECT_EQ(decoder_of(bytes_of(png)).name, "PNG");
  for (const Bytes* file : {&jpeg, &png}) {
    EXPECT_EQ(std::ranges::count_if(decoders(),
                                    [&](const Decoder* each) { return each->recognises(bytes_of(*file)); }),
              1);
  }
}

TEST(Decoders, OpenWhatTheyRecognise) {
  const Bytes png = encode_png(7, 5);
  const auto rows = decoder_of(bytes_of(png)).open(bytes_of(png), {});
  EXPECT_EQ(rows->width(), 7);
  EXPECT_EQ(rows->height(), 5);
  EXPECT_TRUE(rows->warnings().empty());
}

TEST(Decoders, ErrorsNameTheFormats) {
  const Bytes text = {'t', 'e', 'x', 't'};
  EXPECT_EQ(support::error_of([&] { (void)decoder_of(bytes_of(text)); }),
            "the file is neither a JPEG nor a PNG image");
  EXPECT_EQ(support::error_of([] { (void)decoder_of({}); }),
            "the file is empty, expected a JPEG or PNG image");
}

TEST(Decoders, ExtensionsInAnyCase) {
  for (const char* name : {"a.jpg", "b/c.JPEG", "x.y.Png"}) EXPECT_TRUE(has_image_extension(name)) << name;
  for (const char* name : {"a.jpg/b", "a", "a.gif", ".png", "a/.jpg"})
    EXPECT_FALSE(has_image_extension(name)) << name;
  EXPECT_EQ(image_extensions(), ".jpg, .jpeg or .png");
}

TEST(Samples, SixteenBitsStayWhatTheyAre) {
  const test::TemporaryDirectory folder;
  for (const int color_type : {0, 2, 4, 6}) {
    SCOPED_TRACE(color_type);
    const Bytes file = encode_png(6, 4, {.color_type = color_type, .bit_depth = 16});
    const std::string path = folder.write(fmt::format("{}.png", color_type), file);
    const Samples samples = read_samples(path);
    const int channels = color_type == 0 || color_type == 4 ? 1 : 3;
    EXPECT_EQ(samples.format.bits, 16);
    ASSERT_EQ(samples.format.channels, channels);
    ASSERT_EQ(samples.values.size(), 6U * 4 * static_cast<std::size_t>(channels));
    // Eight bits are made of them: the high byte, but for plain gray, which is cut off.
    const Image image = read_image(path);
    for (std::size_t i = 0; i < samples.values.size(); ++i) {
      const int value = samples.values[i];
      EXPECT_EQ(image.pixels[channels == 3 ? i : 3 * i], color_type == 0 ? std::min(value, 255) : value >> 8);
    }
  }
}

TEST(Samples, EightBitsAndGrayJpeg) {
  const test::TemporaryDirectory folder;
  const std::string path = folder.write("gray.jpg", encode_jpeg(9, 5, {.colors = test::JpegColors::gray}));
  const Samples samples = read_samples(path);
  EXPECT_EQ(samples.format.bits, 8);
  ASSERT_EQ(samples.format.channels, 1);
  const Image image = read_image(path);
  ASSERT_EQ(samples.values.size() * 3, image.pixels.size());
  for (std::size_t i = 0; i < samples.values.size(); ++i) EXPECT_EQ(samples.values[i], image.pixels[3 * i]);
}

TEST(Gray, LumaKeepsGray) {
  for (std::uint32_t value = 0; value < 256; ++value) EXPECT_EQ(luma(value, value, value), value);
  EXPECT_EQ(luma(255, 0, 0), 76);
  EXPECT_EQ(luma(0, 255, 0), 150);
  EXPECT_EQ(luma(0, 0, 255), 29);
}

TEST(Gray, OneChannelIsTheSameInBothLayouts) {
  const Bytes file = encode_jpeg(40, 30);
  Pipeline gray =
      pipeline_from_text(R"({"channels": 1, "resize": 0, "crop": 16, "mean": [0.5], "std": [2]})", "m");
  EXPECT_EQ(gray.elements(), 256U);
  std::vector<float> nchw(256), nhwc(256);
  Preprocessor preprocessor(gray);
  preprocessor.run<float>(bytes_of(file), "x", Layout::nchw, preprocessor.table(), nchw);
  preprocessor.run<float>(bytes_of(file), "x", Layout::nhwc, preprocessor.table(), nhwc);
  EXPECT_EQ(nchw, nhwc);
  const Image whole = decode_jpeg(bytes_of(file), {});
  const std::uint8_t* corner = whole.pixels.data() + (std::size_t{7} * 40 + 12) * 3;
  EXPECT_EQ(nchw[0], (static_cast<float>(luma(corner[0], corner[1], corner[2])) - 0.5F) / 2.0F);
}

TEST(Gray, DescriptionsOfOneChannel) {
  const auto error = [](const char* text) {
    return support::error_of([&] { (void)pipeline_from_text(text, "m"); });
  };
  EXPECT_EQ(error(R"({"channels": 1, "preset": "tf"})"), "");  // alike in all channels
  EXPECT_EQ(error(R"({"channels": 1, "preset": "torch"})"),
            "m: key 'channels': the preset has a mean and std for each of 3 channels; pass mean and std of 1 "
            "number");
  EXPECT_EQ(error(R"({"channels": 1, "preset": "torch", "mean": [0.4], "std": [0.2]})"), "");
  EXPECT_EQ(error(R"({"channels": 1, "mean": [1, 2, 3]})"),
            "m: key 'mean': [1,2,3] is not a list of 1 number, for the one channel");
  EXPECT_EQ(error(R"({"channels": 2})"), "m: key 'channels': 2 is not 1 (gray) or 3 (colour)");
  EXPECT_EQ(error(R"({"channels": 1, "order": "bgr"})"),
            "m: key 'order': one channel has no order of colours");
}

}  // namespace
}  // namespace godwit::image
