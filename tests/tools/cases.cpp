// Inputs beside the repository on which an earlier godwit was silently wrong, with right values; and small
// twins of them that need no folder.
#include <cmath>
#include <cstring>
#include <filesystem>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <string>
#include <vector>

#include "runtime/npy.h"
#include "tests/runtime/image/encode.h"
#include "tests/tools/program.h"

namespace godwit::tools {
namespace {

namespace fs = std::filesystem;
using Strings = std::vector<std::string>;

const fs::path kCases = GODWIT_SOURCE_DIR "/../shared/cases";

#define GODWIT_REQUIRE_CASES(name) \
  if (!fs::exists(kCases / (name))) GTEST_SKIP() << kCases / (name) << " is not there: NOT tested"

// Names of the classes 0, 1, … as classify prints them with these labels.
Strings names_of(const Outcome& outcome) {
  Strings names;
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  if (outcome.exit_code != 0) return names;
  const Json labels = outcome.json().at("images").at(0).at("labels");
  names.resize(labels.size());
  for (const Json& label : labels) names.at(label.at("class").get<std::size_t>()) = label.at("label");
  return names;
}

TEST(Cases, LabelsAreReadRightOrRefused) {
  GODWIT_REQUIRE_CASES("labels");
  const fs::path folder = kCases / "labels";
  const Strings fish = {"tench", "goldfish", "shark", "ray", "cock"}, letters = {"a", "b", "c", "d", "e"},
                animals = {"cat", "dog", "bird", "fish", "frog"};
  const auto run = [&](const std::string& file) {
    return godwit({"classify", folder / "files_classifier.onnx", folder / "a.jpg", "--preprocess",
                   folder / "pre.json", "--labels", folder / file, "--top", "5", "--json"});
  };
  const std::vector<std::pair<std::string, Strings>> right = {
      {"arr_bom.json", letters}, {"space.csv", letters}, {"caps.csv", letters}, {"crlf.csv", animals},
      {"semi.csv", fish},        {"bom.txt", fish},      {"cr_only.txt", fish}, {"utf16.txt", fish}};
  for (const auto& [file, names] : right) EXPECT_EQ(names_of(run(file)), names) << file;
  expect_error(run("latin1.txt"), 2, "line 3 is not UTF-8 (byte 0xe4); save the file as UTF-8");
}

TEST(Cases, HiddenFoldersAreNoClasses) {
  GODWIT_REQUIRE_CASES("hidden_folder");
  const fs::path labels = kCases / "labels", tree = kCases / "hidden_folder/sub";
  Strings command = {
      "accuracy", labels / "files_classifier.onnx", "--data", tree, "--preprocess", labels / "pre.json",
      "--json"};
  expect_error(godwit(command), 2, "has 2 classes, but the model has 5");
  command.insert(command.end(), {"--class-order", "text"});
  const Outcome outcome = godwit(command);
  EXPECT_EQ(outcome.json().at("images"), 2) << outcome.err;
  EXPECT_NE(outcome.err.find("hidden folders are passed over: .ipynb_checkpoints"), std::string::npos)
      << outcome.err;
}

// Pixels of one image, as stored, in the middle of a square.
struct Pixels {
  Outcome outcome;
  std::vector<std::uint8_t> values;
};
Pixels pixels_of(const std::string& image, int side, const Strings& options = {}) {
  const TemporaryDirectory folder;
  const std::string output = folder / "x.npy";
  const std::string pipeline = folder.write("p.json", fmt::format(R"({{"resize": 0, "crop": {}}})", side));
  Strings command = {"preprocess", image, "--output", output, "--uint8", "--preprocess", pipeline, "--json"};
  command.insert(command.end(), options.begin(), options.end());
  Pixels result{godwit(command), {}};
  EXPECT_EQ(result.outcome.exit_code, 0) << result.outcome.err;
  if (result.outcome.exit_code != 0) return result;
  const Tensor tensor = read_npy(output);
  const auto values = tensor.values<std::uint8_t>();
  result.values.assign(values.begin(), values.end());
  return result;
}

// The tool's warning of the one image.
std::string warning_of(const Pixels& pixels) {
  const Json warned = pixels.outcome.json().at("warned");
  EXPECT_LE(warned.size(), 1U);
  return warned.empty() ? "" : warned.at(0).at("warnings").at(0).get<std::string>();
}

TEST(Cases, OddImagesAreWhatPillowMakesOfThem) {
  for (const char* name : {"exif", "palette", "idat_short"}) {
    GODWIT_REQUIRE_CASES(name);
    for (const auto& entry : fs::directory_iterator(kCases / name)) {
      const std::string path = entry.path().string();
      if (path.ends_with(".npy")) continue;
      const Tensor right = read_npy(path + ".right.npy");
      const auto wanted = right.values<std::uint8_t>();
      const Pixels pixels = pixels_of(path, static_cast<int>(right.shape()[0]), {"--exif"});
      EXPECT_TRUE(std::ranges::equal(pixels.values, wanted)) << path;
      EXPECT_EQ(warning_of(pixels).empty(), std::string_view(name) == "exif") << path;
    }
  }
}

TEST(Cases, GrayOfTwelveBitsIsToldAndScaled) {
  GODWIT_REQUIRE_CASES("gray16");
  const std::string path = kCases / "gray16/gray12in16.png";
  const Tensor samples = read_npy(kCases / "gray16/gray12in16.npy");
  const auto wanted = samples.values<std::uint16_t>();
  const int side = static_cast<int>(samples.shape()[0]);
  const Pixels clipped = pixels_of(path, side), scaled = pixels_of(path, side, {"--depth", "scale"}),
               twelve = pixels_of(path, side, {"--depth", "12"});
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    ASSERT_EQ(clipped.values.at(3 * i), std::min<int>(wanted[i], 255));
    ASSERT_EQ(scaled.values.at(3 * i), std::lround(wanted[i] * 255.0 / 4095));
  }
  EXPECT_EQ(twelve.values, scaled.values);
  EXPECT_NE(warning_of(clipped).find("makes 99.8 % of it white; --depth scale keeps its shades"),
            std::string::npos)
      << warning_of(clipped);
  EXPECT_EQ(warning_of(scaled), "");
}

// The same without the folder.

TEST(Depth, IsAnOptionAndAKeyOfThePreprocessing) {
  const TemporaryDirectory folder;
  const std::string path =
      folder.write("gray.png", godwit::test::encode_png(8, 8, {.color_type = 0, .bit_depth = 16}));
  const godwit::test::Bytes samples = godwit::test::image(16, 8, 1);  // big-endian
  const auto expect = [&](const Pixels& pixels, int bits) {
    const double top = std::pow(2, bits) - 1;
    for (std::size_t i = 0; i < 64; ++i)
      ASSERT_EQ(pixels.values.at(3 * i),
                std::min(255L, std::lround((256 * samples[2 * i] + samples[2 * i + 1]) * 255 / top)));
  };
  expect(pixels_of(path, 8, {"--depth", "scale"}), 16);
  expect(pixels_of(path, 8, {"--depth", "16"}), 16);
  const Pixels cut = pixels_of(path, 8, {"--depth", "15"});
  expect(cut, 15);
  EXPECT_NE(warning_of(cut).find("are above the 15 bits of --depth and become 255"), std::string::npos);
  EXPECT_EQ(pixels_of(path, 8, {"--depth", "pillow"}).values, pixels_of(path, 8).values);
  // The option stands above the description.
  const std::string described = folder.write("p.json", R"({"resize": 0, "crop": 8, "depth": "scale"})");
  const std::string output = folder / "y.npy";
  ASSERT_EQ(godwit({"preprocess", path, "--output", output, "--uint8", "--preprocess", described}).exit_code,
            0);
  const Tensor tensor = read_npy(output);
  EXPECT_TRUE(
      std::ranges::equal(tensor.values<std::uint8_t>(), pixels_of(path, 8, {"--depth", "scale"}).values));
  ASSERT_EQ(godwit({"preprocess", path, "--output", output, "--uint8", "--preprocess", described, "--depth",
                    "pillow"})
                .exit_code,
            0);
  const Tensor again = read_npy(output);
  EXPECT_TRUE(std::ranges::equal(again.values<std::uint8_t>(), pixels_of(path, 8).values));
  for (const char* depth : {"7", "17", "clip", "8.5"})
    expect_error(godwit({"preprocess", path, "--output", output, "--depth", depth}), 2,
                 "is not pillow, scale or a number of bits from 8 to 16");
  const std::string wrong = folder.write("w.json", R"({"depth": 99})");
  expect_error(godwit({"preprocess", path, "--output", output, "--preprocess", wrong}), 2,
               "99 is not \"pillow\", \"scale\" or a number of bits from 8 to 16");
}

TEST(Depth, IsToldByEveryCommandThatTakesImages) {
  const TemporaryDirectory folder;
  const std::string model = save_tiny_model(folder);
  const std::string path =
      folder.write("data/gray.png", godwit::test::encode_png(8, 8, {.color_type = 0, .bit_depth = 16}));
  const std::string table = folder.write("t.csv", "file,class\ngray.png,0\n");
  for (const Strings& command :
       {Strings{"classify", model, path, "--json"},
        Strings{"accuracy", model, "--data", folder / "data", "--labels", table, "--json"}}) {
    Outcome outcome = godwit(command);
    EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
    EXPECT_EQ(outcome.json().at("warned").at(0).at("file"), path);
    EXPECT_NE(outcome.err.find("gray of 16 bits is cut off at 255, as in Pillow"), std::string::npos)
        << outcome.err;
    Strings scaled = command;
    scaled.insert(scaled.end(), {"--depth", "scale"});
    outcome = godwit(scaled);
    EXPECT_TRUE(outcome.json().at("warned").empty()) << outcome.err;
  }
  expect_error(godwit({"classify", model, path, "--strict"}), 2, "cut off at 255");
}

TEST(LabelFiles, HaveToFitTheModel) {
  const TemporaryDirectory folder;
  const std::string model = save_tiny_model(folder), image = folder.write("red.png", plain_png(255, 0, 0));
  const auto classify = [&](const std::string& labels, const Strings& more = {}) {
    Strings command = {"classify", model, image,   "--labels", folder.write("labels", labels),
                       "--top",    "4",   "--json"};
    command.insert(command.end(), more.begin(), more.end());
    return godwit(command);
  };
  const Strings expected = {"rot", "grün", "blau", "nichts"};
  EXPECT_EQ(names_of(classify("class;name\r\n0;rot\r\n1;grün\r\n2;blau\r\n3;nichts\r\n")), expected);
  EXPECT_EQ(names_of(classify("rot\rgrün\rblau\rnichts\r")), expected);
  EXPECT_EQ(names_of(classify("grün\nblau\nnichts\n", {"--label-offset", "1"})),
            (Strings{"class 0", "grün", "blau", "nichts"}));
  expect_error(classify("a\nb\nc\n"), 2, "names 3 classes, but the model has 4; pass --label-offset 1");
  expect_error(classify("a\nb\nc\nd\ne\n"), 2,
               "names 5 classes, but the model has 4; pass labels with one name for each class");
  expect_error(classify("a\nb\nc\nd\n", {"--label-offset", "1"}), 2, "names 4 classes from class 1 on");
}

TEST(LabelFiles, AreCheckedBeforeTheyGoIntoAModel) {
  const TemporaryDirectory folder;
  const std::string model = save_tiny_model(folder, {.bare = true}), output = folder / "out.onnx",
                    image = folder.write("red.png", plain_png(255, 0, 0));
  const auto convert = [&](const std::string& labels, const Strings& more = {}) {
    Strings command = {"convert", model, output, "--labels", folder.write("labels", labels)};
    command.insert(command.end(), more.begin(), more.end());
    return godwit(command);
  };
  expect_error(convert("a\nb\nc\nd\ne\n"), 2, "names 5 classes, but the model has 4");
  expect_error(convert("a\nb\nc\n"), 2, "pass --label-offset 1");
  EXPECT_FALSE(fs::exists(output));
  ASSERT_EQ(convert("b\nc\nd\n", {"--label-offset", "1"}).exit_code, 0);
  const std::string pipeline = folder.write("p.json", R"({"resize": 8, "crop": 8})");
  EXPECT_EQ(names_of(godwit({"classify", output, image, "--preprocess", pipeline, "--top", "4", "--json"})),
            (Strings{"class 0", "b", "c", "d"}));
  expect_error(godwit({"convert", model, output, "--label-offset", "1"}), 2, "--labels FILE");
}

TEST(ClassFolders, HaveToFitTheModel) {
  const TemporaryDirectory folder;
  const std::string model = save_tiny_model(folder);
  for (const char* name : {"0", "2", "10"})
    folder.write(fmt::format("tree/{}/a.png", name), plain_png(255, 0, 0));
  const std::string tree = folder / "tree";
  expect_error(godwit({"accuracy", model, "--data", tree}), 2, "--class-order number");
  expect_error(godwit({"accuracy", model, "--data", tree, "--class-order", "number"}), 2, "class 10");
  fs::rename(tree + "/10", tree + "/1");
  expect_error(godwit({"accuracy", model, "--data", tree}), 2, "has 3 classes, but the model has 4");
  const Outcome outcome = godwit({"accuracy", model, "--data", tree, "--class-order", "number", "--json"});
  EXPECT_NEAR(outcome.json().at("top1").get<double>(), 1.0 / 3, 1e-9);
  const std::string list = folder.write("classes", "0\n1\n2\n3\n");
  expect_error(godwit({"accuracy", model, "--data", tree, "--classes", list, "--class-order", "text"}), 2,
               "--class-order goes with folders of classes alone");
}

}  // namespace
}  // namespace godwit::tools
