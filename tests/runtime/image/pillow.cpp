// Decoding and resizing against Pillow itself, bit for bit: on generated images of many sizes and formats,
// and on photographs where there are any.
#include <algorithm>
#include <array>
#include <cstdlib>
#include <cstring>
#include <fmt/format.h>
#include <fstream>
#include <gtest/gtest.h>
#include <iterator>

#include "runtime/image/preprocess.h"
#include "runtime/image/resize.h"
#include "runtime/npy.h"
#include "tests/runtime/image/encode.h"
#include "tests/support/random.h"
#include "tests/support/temporary_directory.h"

namespace godwit::image {
namespace {

using test::Bytes;
using test::JpegColors;

constexpr const char* kPython = "/usr/bin/python3";

bool pillow_is_here() {
  static const bool here =
      std::system(fmt::format("{} -c 'import PIL, numpy' 2>/dev/null", kPython).c_str()) == 0;
  return here;
}

#define GODWIT_REQUIRE_PILLOW() \
  if (!pillow_is_here())        \
  GTEST_SKIP() << kPython << " has no Pillow or NumPy: NOT compared (python3-pil, python3-numpy)"

// Collects jobs for the script and our answers to them, and compares all at once.
class Comparison {
 public:
  std::string file(const std::string& name, const Bytes& bytes) { return directory_.write(name, bytes); }
  std::string file(const std::string& name, const Image& image) {
    const TensorDesc desc{DType::u8, {image.height, image.width, 3}, Layout::nchw};
    write_npy(directory_ / name, {desc, const_cast<std::uint8_t*>(image.pixels.data())});
    return directory_ / name;
  }
  void add(const std::string& source, const std::string& job, Image ours) {
    jobs_ += source + ' ' + job + '\n';
    labels_.push_back(source.substr(source.rfind('/') + 1) + ' ' + job);
    ours_.push_back(std::move(ours));
  }
  void run() {
    const std::string jobs = directory_.write("jobs", jobs_), out = directory_ / "out";
    const std::string script = GODWIT_SOURCE_DIR "/tests/runtime/image/pillow_reference.py";
    ASSERT_EQ(std::system(fmt::format("{} -W ignore '{}' '{}' '{}'", kPython, script, jobs, out).c_str()), 0);
    std::ifstream theirs(out, std::ios::binary);
    for (std::size_t i = 0; i < ours_.size(); ++i) {
      std::uint32_t size[2] = {0, 0};
      theirs.read(reinterpret_cast<char*>(size), sizeof(size));
      ASSERT_EQ(static_cast<std::uint32_t>(ours_[i].width), size[0]) << labels_[i];
      ASSERT_EQ(static_cast<std::uint32_t>(ours_[i].height), size[1]) << labels_[i];
      std::vector<std::uint8_t> pixels(ours_[i].pixels.size());
      ASSERT_TRUE(
          theirs.read(reinterpret_cast<char*>(pixels.data()), static_cast<std::streamsize>(pixels.size())));
      const auto different = std::ranges::mismatch(ours_[i].pixels, pixels).in1 - ours_[i].pixels.begin();
      ASSERT_TRUE(ours_[i].pixels == pixels) << labels_[i] << ": byte " << different << " differs";
    }
  }

 private:
  test::TemporaryDirectory directory_;
  std::string jobs_;
  std::vector<std::string> labels_;
  std::vector<Image> ours_;
};

Image noise(int width, int height, std::uint64_t seed) {
  Image image{width, height, {}};
  support::Random random(seed);
  image.pixels.resize(static_cast<std::size_t>(width) * static_cast<std::size_t>(height) * 3);
  for (std::uint8_t& value : image.pixels) {
    // Extremes are frequent: there sums meet the limits of a byte.
    const std::uint64_t bits = random.next();
    value = (bits & 0x300U) == 0 ? 0 : (bits & 0x300U) == 0x100U ? 255 : static_cast<std::uint8_t>(bits);
  }
  return image;
}

constexpr std::array kFilters = {Filter::bilinear, Filter::bicubic, Filter::nearest};

std::string resize_job(int width, int height, Filter filter) {
  return fmt::format("resize {} {} {}", width, height, name_of(filter));
}
Image resized(const Image& image, int width, int height, Filter filter) {
  return resize_window(image, width, height, {0, 0, width, height}, filter);
}

// The cropped pixels by the way that networks are fed: decoded in part, resized row by row.
Image cropped(const std::string& path, int resize, int crop, const PreprocessOptions& options = {}) {
  Pipeline pipeline;
  pipeline.resize = resize;
  pipeline.crop = crop;
  Image image{crop, crop, {}};
  image.pixels.resize(static_cast<std::size_t>(crop) * static_cast<std::size_t>(crop) * 3);
  Preprocessor(pipeline, options).run<std::uint8_t>(path, Layout::nhwc, pixel_table(), image.pixels);
  return image;
}

// Every way in which a JPEG may be stored, by number.
constexpr int kKinds = 20;
test::JpegOptions kind(int number) {
  constexpr std::array<std::pair<int, int>, 6> kSamplings = {
      {{1, 1}, {2, 1}, {1, 2}, {2, 2}, {4, 1}, {4, 2}}};
  test::JpegOptions options;
  options.progressive = number % 2 == 1;
  const int colors = number / 2 % 10;
  if (colors < 6) {
    options.quality = 75;
    options.horizontal = kSamplings[static_cast<std::size_t>(colors)].first;
    options.vertical = kSamplings[static_cast<std::size_t>(colors)].second;
  } else {
    constexpr std::array kColors = {JpegColors::gray, JpegColors::rgb, JpegColors::cmyk, JpegColors::ycck};
    options.colors = kColors[static_cast<std::size_t>(colors - 6)];
    options.horizontal = options.vertical = 1;
  }
  return options;
}

TEST(Pillow, ResizesSmallImagesToAnySizeAlike) {
  GODWIT_REQUIRE_PILLOW();
  Comparison comparison;
  support::Random random(11);
  for (int width = 1; width <= 40; ++width) {
    for (const int height : {width, static_cast<int>(random.integer(1, 40))}) {
      const Image image = noise(width, height, static_cast<std::uint64_t>(width * 41 + height));
      const std::string source = comparison.file(fmt::format("{}x{}.npy", width, height), image);
      for (int i = 0; i < 6; ++i) {
        const auto w = static_cast<int>(random.integer(1, 90)), h = static_cast<int>(random.integer(1, 90));
        const Filter filter = kFilters[static_cast<std::size_t>(i) % 3];
        comparison.add(source, resize_job(w, h, filter), resized(image, w, h, filter));
      }
    }
  }
  comparison.run();
}

TEST(Pillow, ResizesLargeAndLongImagesAlike) {
  GODWIT_REQUIRE_PILLOW();
  Comparison comparison;
  const auto compare = [&](int width, int height, int w, int h) {
    const Image image = noise(width, height, static_cast<std::uint64_t>(width + height));
    const std::string source = comparison.file(fmt::format("{}x{}.npy", width, height), image);
    for (const Filter filter : kFilters) {
      comparison.add(source, resize_job(w, h, filter), resized(image, w, h, filter));
    }
  };
  compare(500, 375, 341, 256);
  compare(375, 500, 232, 309);
  compare(1, 5000, 1, 17);
  compare(5000, 1, 333, 5);
  compare(1, 5000, 3, 5000);
  compare(2000, 1500, 7, 1);
  compare(1023, 767, 1024, 768);
  compare(64, 64, 64, 31);
  compare(64, 64, 31, 64);
  compare(3, 2, 1500, 1100);
  comparison.run();
}

TEST(Pillow, ResizesAndCropsAlike) {
  GODWIT_REQUIRE_PILLOW();
  Comparison comparison;
  const auto compare = [&](int width, int height, int resize, int crop) {
    const Image image = noise(width, height, static_cast<std::uint64_t>(width * 7 + height));
    const std::string source = comparison.file(fmt::format("{}x{}.npy", width, height), image);
    comparison.add(source, fmt::format("crop {} {}", resize, crop), resize_and_crop(image, resize, crop));
  };
  for (const int resize : {256, 232}) {
    compare(500, 375, resize, 224);
    compare(333, 500, resize, 224);
    compare(256, 256, resize, 224);
    compare(256, 300, resize, 224);
    compare(1, 1, resize, 224);
    compare(40, 39, resize, 224);
    compare(1, 300, resize, 224);
    compare(5000, 3, resize, 224);
  }
  for (int side = 1; side <= 40; ++side) {
    compare(side, 41 - side, 20 + side % 5, 16 + side % 7);  // offsets of both parities
    compare(side, 20, 0, 13);                                // no resize
    compare(side, 20, 15, 0);                                // no crop
    compare(side, 41 - side, 9, 20 + side % 4);              // smaller than the crop: a border of 0
  }
  comparison.run();
}

TEST(Pillow, DecodesEveryKindOfJpegAlike) {
  GODWIT_REQUIRE_PILLOW();
  Comparison comparison;
  int serial = 0;
  const auto compare = [&](int width, int height, const test::JpegOptions& options) {
    const std::string source = comparison.file(fmt::format("{}-{}x{}.jpg", serial++, width, height),
                                               test::encode_jpeg(width, height, options));
    comparison.add(source, "decode", read_image(source));
  };
  for (const auto& [width, height] : {std::pair{1, 1}, {7, 5}, {16, 16}, {33, 47}, {250, 187}}) {
    for (const bool progressive : {false, true}) {
      compare(width, height, {.colors = JpegColors::gray, .progressive = progressive});
      for (const auto& [h, v] : {std::pair{1, 1}, {2, 1}, {1, 2}, {2, 2}, {4, 1}}) {
        compare(width, height, {.quality = 75, .horizontal = h, .vertical = v, .progressive = progressive});
      }
      for (const JpegColors colors : {JpegColors::rgb, JpegColors::cmyk, JpegColors::ycck}) {
        compare(width, height,
                {.colors = colors, .horizontal = 1, .vertical = 1, .progressive = progressive});
      }
      compare(width, height,
              {.colors = JpegColors::cmyk, .horizontal = 1, .vertical = 1, .adobe_marker = false});
      compare(width, height, {.quality = 20, .restart_rows = 1});
    }
  }
  comparison.run();
}

TEST(Pillow, DecodesArithmeticJpegsAlike) {
  GODWIT_REQUIRE_PILLOW();
  Comparison comparison;
  int serial = 0;
  for (const JpegColors colors : {JpegColors::gray, JpegColors::ycc, JpegColors::rgb, JpegColors::cmyk}) {
    for (const bool progressive : {false, true}) {
      for (const int restart_rows : {0, 1}) {
        const int chroma = colors == JpegColors::ycc ? 2 : 1;
        const std::string source =
            comparison.file(fmt::format("{}.jpg", serial++), test::encode_jpeg(70, 51,
                                                                               {.colors = colors,
                                                                                .horizontal = chroma,
                                                                                .vertical = chroma,
                                                                                .progressive = progressive,
                                                                                .restart_rows = restart_rows,
                                                                                .arithmetic = true}));
        comparison.add(source, "decode", read_image(source));
        comparison.add(source, "crop 40 24", cropped(source, 40, 24));
        comparison.add(source, "crop 0 20", cropped(source, 0, 20));
      }
    }
  }
  comparison.run();
}

TEST(Pillow, DecodesEveryKindOfPngAlike) {
  GODWIT_REQUIRE_PILLOW();
  Comparison comparison;
  const std::vector<std::pair<int, int>> kinds = {{0, 1}, {0, 2},  {0, 4},  {0, 8}, {0, 16},
                                                  {2, 8}, {2, 16}, {3, 1},  {3, 2}, {3, 4},
                                                  {3, 8}, {4, 8},  {4, 16}, {6, 8}, {6, 16}};
  for (const auto& [color_type, bit_depth] : kinds) {
    for (const auto& [width, height] : {std::pair{1, 1}, {7, 5}, {33, 20}}) {
      for (const int way : {0, 1, 2, 3}) {
        const bool interlaced = way % 2 == 1, dark = way >= 2;
        if (dark && bit_depth < 16) continue;
        const int transparent = color_type == 3 ? 2 : 0;
        const std::string source = comparison.file(
            fmt::format("{}-{}-{}x{}-{}.png", color_type, bit_depth, width, height, way),
            test::encode_png(width, height, {color_type, bit_depth, interlaced, transparent, dark}));
        comparison.add(source, "decode", read_image(source));
      }
    }
  }
  comparison.run();
}

// The whole way, of every size from 1×1 to 40×40: mostly enlarged.
TEST(Pillow, PreparesSmallJpegsOfEverySizeAlike) {
  GODWIT_REQUIRE_PILLOW();
  Comparison comparison;
  for (int width = 1; width <= 40; ++width) {
    for (int height = 1; height <= 40; ++height) {
      const int number = (width * 41 + height) % kKinds;
      const std::string source = comparison.file(fmt::format("{}-{}x{}.jpg", number, width, height),
                                                 test::encode_jpeg(width, height, kind(number)));
      comparison.add(source, "crop 30 24", cropped(source, 30, 24));
    }
  }
  comparison.run();
}

TEST(Pillow, PreparesEveryKindOfJpegAlike) {
  GODWIT_REQUIRE_PILLOW();
  Comparison comparison;
  for (const auto& [width, height] :
       {std::pair{1, 5000}, {5000, 1}, {301, 199}, {199, 301}, {640, 97}, {97, 640}, {257, 255}}) {
    for (int number = 0; number < kKinds; ++number) {
      const std::string source = comparison.file(fmt::format("{}-{}x{}.jpg", number, width, height),
                                                 test::encode_jpeg(width, height, kind(number)));
      // Pillow resizes all of an image: a long one to no more than a few columns.
      const bool is_long = std::max(width, height) > 1000;
      const int resize = is_long ? 6 : 64, crop = is_long ? 5 : 40;
      comparison.add(source, fmt::format("crop {} {}", resize, crop), cropped(source, resize, crop));
      comparison.add(source, "crop 0 48", cropped(source, 0, 48));
    }
  }
  comparison.run();
}

TEST(Pillow, TurnsImagesAlike) {
  GODWIT_REQUIRE_PILLOW();
  Comparison comparison;
  for (int orientation = 0; orientation <= 9; ++orientation) {
    for (const bool big_endian : {false, true}) {
      const test::Bytes exif = test::exif(orientation, big_endian);
      const std::string jpeg = comparison.file(fmt::format("{}{}.jpg", orientation, big_endian ? "MM" : "II"),
                                               test::with_jpeg_exif(test::encode_jpeg(90, 61), exif));
      comparison.add(jpeg, "upright 48 40", cropped(jpeg, 48, 40, {.exif = true}));
      comparison.add(jpeg, "crop 48 40", cropped(jpeg, 48, 40));
      const std::string png = comparison.file(fmt::format("{}{}.png", orientation, big_endian ? "MM" : "II"),
                                              test::with_png_exif(test::encode_png(61, 90), exif));
      comparison.add(png, "upright 48 40", cropped(png, 48, 40, {.exif = true}));
    }
  }
  comparison.run();
}

// Sizes of two numbers: stretched to them, or fitted into them with a border.
TEST(Pillow, StretchesAndPadsAlike) {
  GODWIT_REQUIRE_PILLOW();
  Comparison comparison;
  const auto ours = [](const std::string& source, Size size, ResizeMode mode) {
    Pipeline pipeline;
    pipeline.resize = pipeline.crop = size;
    pipeline.mode = mode;
    Image image{size.width, size.height, std::vector<std::uint8_t>(pipeline.elements())};
    Preprocessor(pipeline).run<std::uint8_t>(source, Layout::nhwc, pixel_table(), image.pixels);
    return image;
  };
  for (const auto& [width, height] : {std::pair{90, 61}, {61, 90}, {64, 64}, {200, 3}, {3, 200}, {33, 47}}) {
    const std::string name = fmt::format("{}x{}", width, height);
    for (const std::string& source : {comparison.file(name + ".jpg", test::encode_jpeg(width, height)),
                                      comparison.file(name + ".png", test::encode_png(width, height))}) {
      for (const Size size : {Size(32, 48), Size(48, 32), Size(64, 64), Size(100, 17), Size(61, 90)}) {
        comparison.add(source, resize_job(size.width, size.height, Filter::bilinear),
                       ours(source, size, ResizeMode::stretch));
        // Pillow fails where a side is rounded to nothing; here it is 1 then.
        const double ratio = static_cast<double>(width) / static_cast<double>(height);
        if (size.width / ratio <= 0.5 || size.height * ratio <= 0.5) continue;
        comparison.add(source, fmt::format("pad {} {}", size.width, size.height),
                       ours(source, size, ResizeMode::keep_ratio));
      }
    }
  }
  comparison.run();
}

// Gray is made of colours before anything is resized.
TEST(Pillow, MakesGrayAlike) {
  GODWIT_REQUIRE_PILLOW();
  Comparison comparison;
  const auto compare = [&](const std::string& source, int resize, int crop) {
    Pipeline pipeline;
    pipeline.resize = resize;
    pipeline.crop = crop;
    pipeline.channels = 1;
    Image ours{crop, crop, std::vector<std::uint8_t>(pipeline.elements())};
    Preprocessor(pipeline).run<std::uint8_t>(source, Layout::nchw, pixel_table(), ours.pixels);
    comparison.add(source, fmt::format("gray {} {}", resize, crop), std::move(ours));
  };
  for (const JpegColors colors : {JpegColors::gray, JpegColors::ycc, JpegColors::rgb, JpegColors::cmyk}) {
    const std::string source =
        comparison.file(fmt::format("{}.jpg", static_cast<int>(colors)),
                        test::encode_jpeg(90, 61, {.colors = colors, .horizontal = 1, .vertical = 1}));
    for (const auto& [resize, crop] : {std::pair{0, 40}, {48, 40}, {100, 96}, {20, 24}})
      compare(source, resize, crop);
  }
  const std::vector<std::pair<int, int>> kinds = {{0, 1}, {0, 8}, {0, 16}, {2, 8},
                                                  {3, 4}, {3, 8}, {4, 8},  {6, 8}};
  for (const auto& [color_type, bit_depth] : kinds) {
    const std::string source = comparison.file(fmt::format("{}-{}.png", color_type, bit_depth),
                                               test::encode_png(61, 90, {color_type, bit_depth}));
    for (const auto& [resize, crop] : {std::pair{0, 40}, {48, 40}}) compare(source, resize, crop);
  }
  comparison.run();
}

// The reference script and the photographs that come with the project's data, not with its source.
TEST(Pillow, PreparesPhotographsAlike) {
  GODWIT_REQUIRE_PILLOW();
  const std::filesystem::path shared = GODWIT_SOURCE_DIR "/../shared";
  const std::filesystem::path photographs = shared / "data/imagenet-sample";
  const std::filesystem::path script = shared / "tools/peer/pillow_preprocess.py";
  if (!std::filesystem::exists(photographs) || !std::filesystem::exists(script)) {
    GTEST_SKIP() << photographs << " or " << script << " is not there: NOT compared on photographs";
  }
  std::vector<std::string> paths;
  for (const auto& entry : std::filesystem::directory_iterator(photographs)) {
    if (entry.path().extension() == ".JPEG") paths.push_back(entry.path().string());
  }
  std::ranges::sort(paths);
  ASSERT_EQ(paths.size(), 500U);
  std::string arguments;
  for (const std::string& path : paths) arguments += path + '\0';

  const test::TemporaryDirectory directory;
  for (const auto& [resize, crop] : {std::pair{256, 224}, {232, 224}, {320, 288}}) {
    const std::size_t bytes = static_cast<std::size_t>(crop) * static_cast<std::size_t>(crop) * 3;
    const std::string out = directory / "out.npy";
    const std::string command =
        fmt::format("xargs -0 -x -n 500 -s 1000000 {} '{}' '{}' {} {} < '{}'", kPython, script.string(), out,
                    resize, crop, directory.write("paths", arguments));
    ASSERT_EQ(std::system(command.c_str()), 0);
    const Tensor theirs = read_npy(out);
    ASSERT_EQ(theirs.shape(), (Shape{500, crop, crop, 3}));
    for (std::size_t i = 0; i < paths.size(); ++i) {
      const Image ours = cropped(paths[i], resize, crop);
      ASSERT_EQ(std::memcmp(ours.pixels.data(), theirs.values<std::uint8_t>().data() + i * bytes, bytes), 0)
          << paths[i] << " at " << resize;
    }
  }
}

}  // namespace
}  // namespace godwit::image
