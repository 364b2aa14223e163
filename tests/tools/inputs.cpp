// Sources of images, and what the commands make of those that are bad, mended, huge or no files at
// all.
#include <cmath>
#include <filesystem>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <string>
#include <sys/stat.h>

#include "runtime/npy.h"
#include "tests/runtime/image/encode.h"
#include "tests/tools/program.h"

namespace godwit::tools {
namespace {

class Inputs : public testing::Test {
 protected:
  Inputs() : model(save_tiny_model(folder)) {
    folder.write("photos/a red.png", plain_png(255, 0, 0));
    folder.write("photos/b_green.PNG", plain_png(0, 255, 0));
    folder.write("photos/c_blue.png", plain_png(0, 0, 255));
    folder.write("photos/below/d_black.png", plain_png(0, 0, 0));
    photos = folder / "photos";
  }

  std::string first_label(const Json& image) const { return image.at("labels").at(0).at("label"); }

  TemporaryDirectory folder;
  std::string model, photos;
};

TEST_F(Inputs, PreprocessGoesOnPastABadImageUnlessStrict) {
  folder.write("photos/bad.jpg", std::string("\xff"));  // the third in order
  const std::string output = folder / "x.npy";
  const Outcome outcome = godwit({"preprocess", photos, "--output", output});
  EXPECT_EQ(outcome.exit_code, 1);
  EXPECT_NE(outcome.err.find("bad.jpg"), std::string::npos) << outcome.err;
  EXPECT_NE(outcome.err.find("1 image could not be read; its row is NaN"), std::string::npos);
  const Tensor tensors = read_npy(output);
  ASSERT_EQ(tensors.shape(), (Shape{4, 3, 224, 224}));
  EXPECT_FALSE(std::isnan(tensors.values<float>()[0]));
  EXPECT_TRUE(std::isnan(tensors.values<float>()[2 * 3 * 224 * 224]));
  std::filesystem::remove(output);
  expect_error(godwit({"preprocess", photos, "--output", output, "--strict"}), 2, "bad.jpg");
  EXPECT_FALSE(std::filesystem::exists(output));
}

// Everything that may lie about in a folder: each is named in one line, and none stops the others.
TEST_F(Inputs, WhatIsNoImageIsNamedAndTheRestGoesOn) {
  folder.write("photos/1_empty.jpg", "");
  auto jpeg = some_jpeg();
  folder.write("photos/7_whole.png", jpeg);
  jpeg.resize(jpeg.size() - 2);
  folder.write("photos/2_cut.jpg", jpeg);
  folder.write("photos/3_huge.jpg",
               std::string("\xff\xd8\xff\xc0\x00\x0b\x08\xff\xdc\xff\xdc\x01\x01\x11\x00\xff\xd9", 17));
  folder.write("photos/4_scans.jpg", godwit::test::encode_jpeg(20, 20, {.one_scan_per_coefficient = true}));
  ASSERT_EQ(::mkfifo((photos + "/5_fifo.jpg").c_str(), 0600), 0);
  std::filesystem::create_symlink("nowhere", photos + "/6_dangling.jpg");
  std::filesystem::create_directory(photos + "/folder.jpg");
  for (const char* batch : {"1", "3"}) {
    const Outcome outcome = godwit({"classify", model, photos, "--batch", batch, "--json"});
    EXPECT_EQ(outcome.exit_code, 1);
    const Json json = outcome.json();
    EXPECT_EQ(json.at("images").size(), 4U);
    ASSERT_EQ(json.at("failed").size(), 6U) << outcome.err;
    for (std::size_t i = 0; i < 6; ++i) {
      const std::string file = json.at("failed").at(i).at("file"),
                        error = json.at("failed").at(i).at("error");
      EXPECT_NE(file.find(fmt::format("/{}_", i + 1)), std::string::npos) << file;
      EXPECT_NE(outcome.err.find("godwit: " + error + "\n"), std::string::npos) << error;
    }
  }
  expect_error(godwit({"classify", model, photos, "--strict"}), 2, "1_empty.jpg");
  const Outcome limits = godwit({"classify", model, photos + "/7_whole.png", "--max-pixels", "10", "--json"});
  EXPECT_EQ(limits.exit_code, 1);
  EXPECT_NE(limits.err.find("more than the limit of 10"), std::string::npos) << limits.err;
  EXPECT_EQ(godwit({"classify", model, photos + "/4_scans.jpg", "--max-scans", "200"}).exit_code, 0);
}

TEST_F(Inputs, WhatTheDecoderMendsIsToldAndLabelled) {
  auto jpeg = godwit::test::encode_jpeg(64, 64, {.horizontal = 1, .vertical = 1});
  jpeg.insert(jpeg.end() - 200, {0xff, 0xd5});
  const std::string path = folder.write("mended.jpg", jpeg);
  const Outcome outcome = godwit({"classify", model, path, "--json"});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_EQ(outcome.json().at("warned").at(0).at("file"), path);
  EXPECT_NE(outcome.err.find("godwit: '" + path + "': warning: data end before the last block"),
            std::string::npos);
  expect_error(godwit({"classify", model, path, "--strict"}), 2, "data end before the last block");
}

TEST_F(Inputs, PathsComeFromListsAndFromStdin) {
  const std::string list = folder.write("photos/list.csv", "n,file\n1,c_blue.png\n2,a red.png\n");
  const Json listed = godwit({"classify", model, "--list", list, "--json"}).json();
  ASSERT_EQ(listed.at("images").size(), 2U);
  EXPECT_EQ(first_label(listed.at("images").at(0)), "blue");
  EXPECT_EQ(first_label(listed.at("images").at(1)), "red");
  const std::string paths = folder.write("paths", photos + "/b_green.PNG\n\n" + photos + "/a red.png\r\n");
  const Json piped = godwit({"classify", model, "-", "--json"}, {}, paths).json();
  ASSERT_EQ(piped.at("images").size(), 2U);
  EXPECT_EQ(first_label(piped.at("images").at(0)), "green");
  EXPECT_EQ(first_label(piped.at("images").at(1)), "red");
  expect_error(godwit({"classify", model}), 2, "no images");
  expect_error(godwit({"classify", model, "-", photos}), 2, "takes all paths from stdin");
  expect_error(godwit({"preprocess", "-", "--output", folder / "x.npy"}, {}, paths), 2,
               "do not say how many there will be");
}

TEST_F(Inputs, ManyImagesAreLabelledInOrder) {
  std::string csv = "file\n";
  for (int i = 0; i < 100; ++i)
    csv += i % 3 == 0 ? "c_blue.png\n" : i % 3 == 1 ? "a red.png\n" : "b_green.PNG\n";
  const std::string list = folder.write("photos/many.csv", csv);
  for (const char* batch : {"1", "8"}) {
    const Json json =
        godwit({"classify", model, "--list", list, "--threads", "4", "--batch", batch, "--json"}).json();
    ASSERT_EQ(json.at("images").size(), 100U);
    for (std::size_t i = 0; i < 100; ++i) {
      EXPECT_EQ(first_label(json.at("images").at(i)), i % 3 == 0 ? "blue" : i % 3 == 1 ? "red" : "green");
    }
  }
}

TEST_F(Inputs, AccuracyTakesAFolderForEachClass) {
  folder.write("classes/b/1.png", plain_png(255, 0, 0));
  folder.write("classes/b/2.png", plain_png(0, 255, 0));
  folder.write("classes/a/sub/3.png", plain_png(0, 255, 0));
  const std::string data = folder / "classes";
  // a is class 0 and b class 1: only the green one in b is right.
  expect_error(godwit({"accuracy", model, "--data", data}), 2, "has 2 classes, but the model has 4");
  Json json = godwit({"accuracy", model, "--data", data, "--class-order", "text", "--json"}).json();
  EXPECT_EQ(json.at("images"), 3);
  EXPECT_NEAR(json.at("top1").get<double>(), 1.0 / 3, 1e-9);
  const std::string classes = folder.write("classes.txt", "b\na\nc\nd\n");
  json = godwit({"accuracy", model, "--data", data, "--classes", classes, "--json"}).json();
  EXPECT_NEAR(json.at("top1").get<double>(), 2.0 / 3, 1e-9);
  folder.write("classes.txt", "b\n");
  expect_error(godwit({"accuracy", model, "--data", data, "--classes", classes}), 2,
               "does not list folder 'a'");
  expect_error(godwit({"accuracy", model, "--data", photos + "/below"}), 2, "has no folders");
}

TEST_F(Inputs, FastDecodingTellsWhatItChanges) {
  const std::string path = folder.write("large.jpg", godwit::test::encode_jpeg(900, 700));
  const Outcome outcome = godwit({"classify", model, path, "--decode", "fast"});
  EXPECT_EQ(outcome.exit_code, 0);
  EXPECT_NE(outcome.err.find("--decode fast: 1 image decoded both ways differs by"), std::string::npos)
      << outcome.err;
  const std::string csv = folder.write("truth.csv", "file,class\nlarge.jpg,0\n");
  const Json json = godwit({"accuracy", model, "--data", folder.path().string(), "--labels", csv, "--decode",
                            "fast", "--json"})
                        .json();
  for (const char* key : {"top1", "top5", "seconds", "mean_pixel_difference", "largest_pixel_difference"}) {
    EXPECT_TRUE(json.at("exact_decoding").contains(key)) << key;
  }
}

TEST_F(Inputs, BenchGoesFromPhotographToLabel) {
  const Json json = godwit({"bench", model, "--images", photos, "--seconds", "0.05", "--min-repetitions", "3",
                            "--batch", "2", "--json"})
                        .json();
  const Json& result = json.at("results").at(0);
  EXPECT_EQ(result.at("batch"), 2);
  EXPECT_GE(result.at("repetitions"), 3);
  for (const char* key : {"images_per_second", "preprocess_alone_ms", "inference_alone_ms", "efficiency"}) {
    EXPECT_GT(result.at(key), 0) << key;
  }
}

}  // namespace
}  // namespace godwit::tools
