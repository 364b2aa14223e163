// Cropping, normalising and the description of both; equality with Pillow is tested in pillow.cpp.
#include "runtime/image/preprocess.h"

#include <algorithm>
#include <bit>
#include <cstdlib>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <string>
#include <vector>

#include "runtime/float16.h"
#include "runtime/image/jpeg.h"
#include "runtime/image/resize.h"
#include "runtime/image/row_kernel_table.h"
#include "tests/runtime/image/encode.h"
#include "tests/support/errors.h"
#include "tests/support/temporary_directory.h"

namespace godwit::image {
namespace {

using support::error_of;
using test::TemporaryDirectory;

Image read_all_of(const test::Bytes& jpeg) { return decode_jpeg(std::as_bytes(std::span(jpeg)), {}); }

// Pixel (x, y) is (x, y, x + y).
Image coordinates(int width, int height) {
  Image image{width, height, {}};
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) {
      for (const int value : {x, y, x + y}) image.pixels.push_back(static_cast<std::uint8_t>(value));
    }
  }
  return image;
}

TEST(ResizeAndCrop, TheSameSizeIsLeftAlone) {
  const Image image = coordinates(30, 20);
  EXPECT_EQ(resize_and_crop(image, 0, 0).pixels, image.pixels);
  EXPECT_EQ(resize_and_crop(image, 20, 0).pixels, image.pixels);
}

TEST(ResizeAndCrop, OffsetsRoundHalfToEven) {
  // (side - 10) / 2 = 0.5, 1, 1.5, 2, 2.5, 3, 3.5
  const int expected[] = {0, 1, 2, 2, 2, 3, 4};
  for (int i = 0; i < 7; ++i) {
    const Image cropped = resize_and_crop(coordinates(11 + i, 11 + i), 0, 10);
    EXPECT_EQ(cropped.pixels[0], expected[i]) << 11 + i;
    EXPECT_EQ(cropped.pixels[1], expected[i]) << 11 + i;
  }
}

TEST(ResizeAndCrop, AnImageSmallerThanTheCropIsPaddedWithZero) {
  Image image{2, 1, {9, 9, 9, 9, 9, 9}};
  const Image cropped = resize_and_crop(image, 0, 4);
  // One column and (1 - 4) / 2 = -1.5 → -2: two rows before it.
  for (int y = 0; y < 4; ++y) {
    for (int x = 0; x < 4; ++x) {
      const bool inside = y == 2 && (x == 1 || x == 2);
      EXPECT_EQ(cropped.pixels[static_cast<std::size_t>(3 * (4 * y + x))], inside ? 9 : 0) << x << ' ' << y;
    }
  }
}

TEST(ResizeAndCrop, AWindowIsAPieceOfTheWhole) {
  const Image image = coordinates(57, 43);
  const Image whole = resize_window(image, 31, 80, {0, 0, 31, 80});
  const Image piece = resize_window(image, 31, 80, {7, 60, 5, 9});
  for (std::size_t y = 0; y < 9; ++y) {
    EXPECT_TRUE(std::equal(piece.pixels.begin() + static_cast<std::ptrdiff_t>(y * 15),
                           piece.pixels.begin() + static_cast<std::ptrdiff_t>(y * 15 + 15),
                           whole.pixels.begin() + static_cast<std::ptrdiff_t>(((60 + y) * 31 + 7) * 3)));
  }
  const Image outside = resize_window(image, 31, 80, {31, 0, 2, 2});
  EXPECT_EQ(outside.pixels, std::vector<std::uint8_t>(12, 0));
}

TEST(ResizeAndCrop, AVeryLongImageCostsOnlyItsCrop) {
  const Image image = coordinates(1, 60000);  // would be 256x15360000
  EXPECT_EQ(resize_and_crop(image, 256, 224).pixels.size(), 224U * 224 * 3);
  EXPECT_NE(error_of([&] { resize_and_crop(image, 256, 0); }).find("1x60000"), std::string::npos);
  EXPECT_NE(error_of([] { resize_and_crop(Image{}, 256, 224); }), "");
}

// In float, step by step, as torchvision's ToTensor and Normalize.
TEST(Normalize, IsTorchvisionsArithmeticToTheLastBit) {
  const Pipeline torch = pipeline("torch");
  Image image{256, 1, {}};
  for (int value = 0; value < 256; ++value)
    image.pixels.insert(image.pixels.end(), 3, static_cast<std::uint8_t>(value));
  std::vector<float> dst(768);
  normalize(image, torch, Layout::nchw, dst);
  constexpr float kMean[] = {0.485F, 0.456F, 0.406F}, kStd[] = {0.229F, 0.224F, 0.225F};
  for (std::size_t c = 0; c < 3; ++c) {
    for (std::size_t value = 0; value < 256; ++value) {
      const volatile float scaled = static_cast<float>(value) / 255.0F;  // volatile: rounded to float here
      const volatile float centered = scaled - kMean[c];
      ASSERT_EQ(dst[256 * c + value], centered / kStd[c]) << value;
    }
  }
}

TEST(Normalize, TfReachesFromMinusOneToOne) {
  const Image image{2, 1, {0, 0, 0, 255, 255, 255}};
  std::vector<float> dst(6);
  normalize(image, pipeline("tf"), Layout::nhwc, dst);
  EXPECT_EQ(dst, (std::vector<float>{-1, -1, -1, 1, 1, 1}));
}

TEST(Normalize, LayoutsAndChannelOrders) {
  const Image image{2, 1, {1, 2, 3, 4, 5, 6}};
  Pipeline plain;
  plain.mean = {0, 0, 1};
  std::vector<float> dst(6);
  normalize(image, plain, Layout::nhwc, dst);
  EXPECT_EQ(dst, (std::vector<float>{1, 2, 2, 4, 5, 5}));
  normalize(image, plain, Layout::nchw, dst);
  EXPECT_EQ(dst, (std::vector<float>{1, 4, 2, 5, 2, 5}));
  plain.order = ChannelOrder::bgr;
  normalize(image, plain, Layout::nhwc, dst);
  EXPECT_EQ(dst, (std::vector<float>{3, 2, 0, 6, 5, 3}));
}

TEST(Normalize, RefusesATensorOfAnotherSize) {
  std::vector<float> dst(5);
  EXPECT_EQ(error_of([&] {
              normalize(Image{1, 2, std::vector<std::uint8_t>(6)}, Pipeline{}, Layout::nchw, dst);
            }),
            "an image of 1x2 pixels does not fill a tensor of 5 values");
}

TEST(Preprocessor, IsAllStepsInARow) {
  const TemporaryDirectory directory;
  const std::string path = directory.write("x.jpg", test::encode_jpeg(300, 260));
  Pipeline caffe = pipeline("caffe");
  std::vector<float> dst(3 * 224 * 224), expected(dst.size());
  for (const ChannelOrder order : {ChannelOrder::rgb, ChannelOrder::bgr}) {
    caffe.order = order;
    for (const Layout layout : {Layout::nchw, Layout::nhwc}) {
      Preprocessor(caffe).run(path, layout, dst);
      normalize(resize_and_crop(read_image(path), 256, 224), caffe, layout, expected);
      EXPECT_EQ(dst, expected);
    }
  }
  dst.resize(7);
  EXPECT_EQ(error_of([&] { Preprocessor(caffe).run(path, Layout::nchw, dst); }),
            fmt::format("'{}': an image of 224x224 pixels does not fill a tensor of 7 values", path));
}

// Widths of whole units of pixels and of others; the bits, so that zeros of both signs differ.
TEST(RowArithmetic, HasTheTablesBitsWhereItIsUsed) {
  std::vector<std::uint8_t> pixels(3 * 300);
  for (std::size_t i = 0; i < pixels.size(); ++i) pixels[i] = static_cast<std::uint8_t>(i / 3 + i % 3);
  Pipeline odd = pipeline("torch");
  odd.scale = 0.0123456789;
  odd.mean = {1.5F, -0.1F, 3.0F};
  odd.stddev = {1e-3F, 7.7F, 1.0F / 3.0F};
  for (const Pipeline& it :
       {pipeline("torch"), pipeline("torch-v2"), pipeline("caffe"), pipeline("tf"), odd}) {
    const ValueTable<float> table = value_table(it);
    for (const Isa isa : isas_of_build()) {
      if (!cpu_supports(isa)) continue;
      const RowArithmetic arithmetic(it, table, row_kernels(isa));
      // Presets can be computed wherever there is a loop for it; of other numbers nobody knows.
      if (it.scale != odd.scale) {
        EXPECT_EQ(arithmetic.is_exact(), row_kernels(isa).normalize != nullptr) << it.name;
      }
      if (!arithmetic.is_exact()) continue;
      for (const std::size_t columns : {1U, 7U, 8U, 224U, 299U, 300U}) {
        std::vector<float> dst(3 * 300, 5.0F);
        arithmetic.run(pixels.data(), columns, table, dst.data());
        for (std::size_t i = 0; i < dst.size(); ++i) {
          const float expected = i < 3 * columns ? table[i % 3][pixels[i]] : 5.0F;
          ASSERT_EQ(std::bit_cast<std::uint32_t>(dst[i]), std::bit_cast<std::uint32_t>(expected))
              << it.name << ' ' << name_of(isa) << ' ' << columns << ' ' << i;
        }
      }
    }
  }
  Pipeline bgr = pipeline("torch");
  bgr.order = ChannelOrder::bgr;
  EXPECT_FALSE(RowArithmetic(bgr, value_table(bgr), row_kernels(best_isa())).is_exact());
}

TEST(Preprocessor, OneServesImagesOfAllKindsInTurn) {
  const TemporaryDirectory directory;
  const std::vector<std::string> paths = {
      directory.write("a.jpg", test::encode_jpeg(300, 260)), directory.write("b.png", test::encode_png(3, 4)),
      directory.write("c.jpg", test::encode_jpeg(20, 900, {.progressive = true})),
      directory.write("d.jpg", test::encode_jpeg(301, 263, {.horizontal = 1, .vertical = 2}))};
  Pipeline small = pipeline("tf");
  small.resize = 100;
  small.crop = 96;
  Preprocessor one(small);
  std::vector<float> dst(3 * 96 * 96), expected(dst.size());
  for (int round = 0; round < 2; ++round) {
    for (const std::string& path : paths) {
      one.run(path, Layout::nhwc, dst);
      Preprocessor(small).run(path, Layout::nhwc, expected);
      EXPECT_EQ(dst, expected) << path;
    }
  }
}

TEST(Preprocessor, ABorderIsBlackBeforeNormalising) {
  const TemporaryDirectory directory;
  const std::string path = directory.write("x.png", test::encode_png(2, 1));
  Pipeline plain = pipeline("tf");
  plain.resize = 0;
  plain.crop = 4;
  std::vector<float> dst(3 * 16, 7.0F), expected(dst.size());
  Preprocessor(plain).run(path, Layout::nchw, dst);
  normalize(resize_and_crop(read_image(path), 0, 4), plain, Layout::nchw, expected);
  EXPECT_EQ(dst, expected);
  EXPECT_EQ(dst.front(), -1.0F);
}

// Sizes by Pillow's and torchvision's arithmetic.
TEST(Preprocessor, FitsStretchesAndCoversAsItsModeSays) {
  const TemporaryDirectory directory;
  const std::string wide = directory.write("wide.png", test::encode_png(40, 10));
  Pipeline plain;
  plain.resize = plain.crop = Size(6, 9);
  plain.pad = 77;
  const auto row_is_border = [&](const std::vector<std::uint8_t>& pixels, std::size_t y) {
    return std::all_of(pixels.begin() + static_cast<std::ptrdiff_t>(y * 27),
                       pixels.begin() + static_cast<std::ptrdiff_t>(y * 27 + 27),
                       [](std::uint8_t value) { return value == 77; });
  };
  const auto pixels_by = [&](ResizeMode mode) {
    plain.mode = mode;
    std::vector<std::uint8_t> pixels(plain.elements());
    Preprocessor(plain).run<std::uint8_t>(wide, Layout::nhwc, pixel_table(), pixels);
    return pixels;
  };
  const Image image = read_image(wide);
  // 40x10 fitted into 9x6 (width x height) is 9 wide and round(10/40·9) = 2 high; (6 − 2) / 2 rows lie above.
  const std::vector<std::uint8_t> fitted = pixels_by(ResizeMode::keep_ratio);
  const Image small = resize_window(image, 9, 2, {0, 0, 9, 2});
  for (const std::size_t y : {0U, 1U, 4U, 5U}) EXPECT_TRUE(row_is_border(fitted, y)) << y;
  EXPECT_TRUE(std::equal(small.pixels.begin(), small.pixels.end(), fitted.begin() + 2 * 27));
  EXPECT_EQ(pixels_by(ResizeMode::stretch), resize_window(image, 9, 6, {0, 0, 9, 6}).pixels);
  // Covering 9x6 it is 6 high and int(6·40/10) = 24 wide, of which round-half-even((24 − 9) / 2) = 8 is cut.
  EXPECT_EQ(pixels_by(ResizeMode::crop), resize_window(image, 24, 6, {8, 0, 9, 6}).pixels);
}

TEST(Preprocessor, ValuesMayBeOfAnotherType) {
  const TemporaryDirectory directory;
  const std::string path = directory.write("x.jpg", test::encode_jpeg(60, 50));
  Pipeline torch = pipeline("torch");
  torch.resize = 40;
  torch.crop = 32;
  std::vector<float> floats(3 * 32 * 32);
  std::vector<BFloat16> halves(floats.size());
  std::vector<std::uint8_t> bytes(floats.size());
  Preprocessor preprocessor(torch);
  preprocessor.run(path, Layout::nhwc, floats);
  ValueTable<BFloat16> table;
  for (std::size_t c = 0; c < 3; ++c) {
    for (std::size_t i = 0; i < 256; ++i) table[c][i] = BFloat16(preprocessor.table()[c][i]);
  }
  preprocessor.run<BFloat16>(path, Layout::nhwc, table, halves);
  preprocessor.run<std::uint8_t>(path, Layout::nhwc, pixel_table(), bytes);
  EXPECT_EQ(bytes, resize_and_crop(read_image(path), 40, 32).pixels);
  for (std::size_t i = 0; i < floats.size(); ++i) ASSERT_EQ(halves[i].bits, BFloat16(floats[i]).bits);
}

// Stages that are left out leave the tensor alone; those before them still find what is wrong.
TEST(Preprocessor, StopsWhereItIsTold) {
  const TemporaryDirectory directory;
  auto half = test::encode_jpeg(60, 50);
  const std::string whole = directory.write("x.jpg", half);
  half.resize(half.size() / 2);
  const std::string truncated = directory.write("half.jpg", half);
  Preprocessor preprocessor(pipeline("torch"));
  std::vector<float> dst(3 * 224 * 224, 5.0F);
  const std::vector<float> untouched = dst;
  for (const Until until : {Until::read, Until::decode, Until::resize}) {
    preprocessor.stop_after(until);
    preprocessor.run(whole, Layout::nhwc, dst);
    EXPECT_EQ(dst, untouched);
    EXPECT_EQ(error_of([&] { preprocessor.run(truncated, Layout::nhwc, dst); }).empty(),
              until == Until::read);
  }
}

TEST(Preprocessor, NeedsACrop) {
  Pipeline open = pipeline("torch");
  open.crop = 0;
  EXPECT_NE(error_of([&] { Preprocessor preprocessor(open); }).find("has no crop"), std::string::npos);
}

// An image 8 times as large as needed is decoded at an eighth and resized from there.
TEST(Preprocessor, FastDecodingShrinksWhatIsLarge) {
  const TemporaryDirectory directory;
  Pipeline torch = pipeline("torch");
  torch.resize = 40;
  torch.crop = 32;
  std::vector<std::uint8_t> fast(3 * 32 * 32), exact(fast.size());
  const auto both = [&](const test::Bytes& jpeg) {
    const std::string path = directory.write("x.jpg", jpeg);
    Preprocessor(torch, {.fast = true}).run<std::uint8_t>(path, Layout::nhwc, pixel_table(), fast);
    Preprocessor(torch).run<std::uint8_t>(path, Layout::nhwc, pixel_table(), exact);
  };
  both(test::encode_jpeg(79, 90));  // half would be 40 × 45
  EXPECT_NE(fast, exact);
  both(test::encode_jpeg(78, 90));  // and this 39: too small
  EXPECT_EQ(fast, exact);
  for (const bool progressive : {false, true}) {
    const test::Bytes jpeg = test::encode_jpeg(400, 330, {.progressive = progressive});
    both(jpeg);
    JpegRows rows(std::as_bytes(std::span(jpeg)), {});
    rows.shrink(8);
    const Image small = read_all(rows);
    EXPECT_EQ(small.width, 50);
    EXPECT_EQ(fast, resize_window(small, 48, 40, {8, 4, 32, 32}).pixels);
  }
}

TEST(ResizeWindow, EveryInstructionSetGivesTheSame) {
  EXPECT_EQ(best_of(all_row_kernels(), Isa::generic)->isa, Isa::generic);
  const Image image = read_all_of(test::encode_jpeg(123, 77));
  for (const Isa isa : isas_of_build()) {
    if (!cpu_supports(isa)) continue;
    EXPECT_EQ(best_of(all_row_kernels(), isa)->isa, includes(isa, Isa::avx2) ? Isa::avx2 : Isa::generic);
    for (const Filter filter : {Filter::bilinear, Filter::bicubic, Filter::nearest}) {
      for (const auto& [width, height] : {std::pair{61, 40}, {7, 5}, {1, 1}, {300, 200}, {123, 50}}) {
        const Window window{-1, 1, width + 2, height};
        EXPECT_EQ(resize_window(image, width, height, window, filter, isa).pixels,
                  resize_window(image, width, height, window, filter, Isa::generic).pixels)
            << name_of(isa) << ' ' << name_of(filter) << ' ' << width;
      }
    }
  }
}

}  // namespace
}  // namespace godwit::image
