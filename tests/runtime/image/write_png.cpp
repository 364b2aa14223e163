// PNG files as they are written: what the decoder reads back, and the palette of classes.
#include "runtime/image/write_png.h"

#include <gtest/gtest.h>
#include <string>

#include "runtime/image/image.h"
#include "tests/support/errors.h"
#include "tests/support/random.h"
#include "tests/support/temporary_directory.h"

namespace godwit::image {
namespace {

using Color = std::array<std::uint8_t, 3>;
using support::error_of;

PngPixels noise(int width, int height, int channels, int colours = 256) {
  PngPixels pixels{width, height, channels, {}, {}};
  support::Random random(static_cast<std::uint64_t>(width * 1000 + height));
  for (int i = 0; i < width * height * channels; ++i)
    pixels.values.push_back(static_cast<std::uint8_t>(random.next() % static_cast<unsigned>(colours)));
  return pixels;
}

Image read_back(const PngPixels& pixels) {
  const test::TemporaryDirectory folder;
  return read_image(folder.write("x.png", encode_png(pixels)));
}

TEST(WritePng, IsReadBackAsItIs) {
  for (const auto& [width, height] : {std::pair{1, 1}, {7, 3}, {300, 200}}) {
    const PngPixels colours = noise(width, height, 3), gray = noise(width, height, 1);
    EXPECT_EQ(read_back(colours).pixels, colours.values);
    const Image three = read_back(gray);
    EXPECT_EQ(three.width, width);
    EXPECT_EQ(three.height, height);
    for (std::size_t i = 0; i < three.pixels.size(); ++i) ASSERT_EQ(three.pixels[i], gray.values[i / 3]) << i;
    PngPixels classes = noise(width, height, 1, 21);
    classes.palette = class_palette(21);
    const Image coloured = read_back(classes);
    for (std::size_t i = 0; i < coloured.pixels.size(); ++i)
      ASSERT_EQ(coloured.pixels[i], classes.palette[classes.values[i / 3]][i % 3]) << i;
  }
}

TEST(WritePng, RefusesWhatIsNoImage) {
  EXPECT_EQ(error_of([] { (void)encode_png({}); }), "an image of 0x0 pixels cannot be written");
  EXPECT_EQ(error_of([] {
              (void)encode_png({2, 1, 3, {1, 2, 3}, {}});
            }),
            "3 values do not fill an image of 2x1 pixels");
  EXPECT_EQ(error_of([] {
              (void)encode_png({1, 1, 1, {3}, class_palette(3)});
            }),
            "place 3 is beyond a palette of 3 colours");
  EXPECT_NE(error_of([] {
              (void)encode_png({1 << 20, 1 << 20, 3, {}, {}});
            }).find("too large"),
            std::string::npos);
}

TEST(ClassPalette, IsThatOfPascalVoc) {
  const auto palette = class_palette(256);
  EXPECT_EQ(palette[0], (Color{0, 0, 0}));
  EXPECT_EQ(palette[1], (Color{128, 0, 0}));
  EXPECT_EQ(palette[2], (Color{0, 128, 0}));
  EXPECT_EQ(palette[4], (Color{0, 0, 128}));
  EXPECT_EQ(palette[15], (Color{192, 128, 128}));
  EXPECT_EQ(palette[20], (Color{0, 64, 128}));
  EXPECT_EQ(palette[255], (Color{224, 224, 192}));
}

}  // namespace
}  // namespace godwit::image
