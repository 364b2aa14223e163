// classify, accuracy and preprocess on images that the tests make.
#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <iterator>
#include <nlohmann/json.hpp>
#include <string>

#include "runtime/npy.h"
#include "tests/tools/program.h"

namespace godwit::tools {
namespace {

class Images : public testing::Test {
 protected:
  Images() : model(save_tiny_model(folder)) {
    folder.write("photos/a red.png", plain_png(255, 0, 0));
    folder.write("photos/b_green.PNG", plain_png(0, 255, 0));
    folder.write("photos/c_blue.png", plain_png(0, 0, 255));
    folder.write("photos/notes.txt", "no image");
    folder.write("photos/below/d_black.png", plain_png(0, 0, 0));
    photos = folder / "photos";
  }

  std::string first_label(const Json& image) const { return image.at("labels").at(0).at("label"); }

  TemporaryDirectory folder;
  std::string model, photos;
};

TEST_F(Images, AFolderIsLabelledInSortedOrder) {
  const Json json = godwit({"classify", model, photos, "--json"}).json();
  EXPECT_EQ(json.at("schema"), "godwit.classify/1");
  EXPECT_EQ(json.at("model"), model);
  EXPECT_EQ(json.at("precision"), "f32");
  EXPECT_EQ(json.at("softmax_added"), false);
  EXPECT_TRUE(json.at("failed").empty());
  for (const char* key : {"seconds", "preprocess_seconds", "inference_seconds", "images_per_second"}) {
    EXPECT_GT(json.at(key), 0) << key;
  }
  const Json& images = json.at("images");
  ASSERT_EQ(images.size(), 3U);
  EXPECT_EQ(images[0].at("file"), photos + "/a red.png");
  EXPECT_EQ(first_label(images[0]), "red");
  EXPECT_EQ(first_label(images[1]), "green");
  EXPECT_EQ(first_label(images[2]), "blue");
  EXPECT_EQ(images[0].at("labels").size(), 4U);  // there are no five classes
  // softmax(4, 0, 0, 2): e^4 / (e^4 + 1 + 1 + e^2); twice f32's epsilon for each of a handful of roundings.
  EXPECT_NEAR(images[0].at("labels").at(0).at("probability").get<double>(), 0.853, 5e-4);
  EXPECT_EQ(images[0].at("labels").at(1).at("label"), "nothing");
}

TEST_F(Images, TextNamesFilesAndClosesWithTheRate) {
  const Outcome outcome = godwit({"classify", model, photos + "/a red.png", "--top", "1", "--threads", "1"});
  EXPECT_EQ(outcome.exit_code, 0);
  EXPECT_EQ(outcome.out, photos + "/a red.png\n  0.8533  red\n");
  EXPECT_NE(outcome.err.find("images/s: decode and preprocess"), std::string::npos) << outcome.err;
  EXPECT_NE(outcome.err.find("1 thread"), std::string::npos);
}

TEST_F(Images, RecursiveAddsFoldersBelow) {
  const Json json = godwit({"classify", model, photos, "--recursive", "--json"}).json();
  ASSERT_EQ(json.at("images").size(), 4U);
  EXPECT_EQ(first_label(json.at("images").at(2)), "nothing");  // below/ sorts before c_blue
}

TEST_F(Images, BatchesAndThreadsChangeNothing) {
  const Json one = godwit({"classify", model, photos, "--json", "--threads", "1"}).json();
  for (const char* batch : {"2", "3", "8"}) {
    const Json many =
        godwit({"classify", model, photos, "--json", "--threads", "2", "--batch", batch}).json();
    EXPECT_EQ(many.at("images"), one.at("images")) << batch;
  }
}

TEST_F(Images, AModelMayFixTheBatchSize) {
  const Json open = godwit({"classify", model, photos, "--json"}).json();
  const std::string fixed = save_tiny_model(folder, {.batch = 2});
  EXPECT_EQ(godwit({"classify", fixed, photos, "--json"}).json().at("images"), open.at("images"));
  expect_error(godwit({"classify", fixed, photos, "--batch", "1"}), 2,
               "fixed at 2 by the model or --shape, not 1");
  expect_error(godwit({"bench", fixed, "--batch", "1"}), 2, "fixed at 2 by the model or --shape, not 1");
}

TEST_F(Images, ABadImageIsNamedAndTheRestGoesOn) {
  folder.write("photos/one_byte.jpg", std::string("\xff"));
  auto half = some_jpeg();
  half.resize(half.size() / 2);
  folder.write("photos/truncated.jpg", half);
  folder.write("photos/really_a_jpeg.png", some_jpeg());
  const Outcome outcome = godwit({"classify", model, photos, photos + "/notes.txt", "--json"});
  EXPECT_EQ(outcome.exit_code, 1);
  const Json json = outcome.json();
  EXPECT_EQ(json.at("images").size(), 4U) << outcome.err;
  ASSERT_EQ(json.at("failed").size(), 3U);
  EXPECT_EQ(json.at("failed").at(0).at("file"), photos + "/one_byte.jpg");
  for (const char* name : {"one_byte.jpg", "truncated.jpg", "notes.txt"}) {
    EXPECT_NE(outcome.err.find(name), std::string::npos) << name;
  }
  EXPECT_EQ(outcome.err.find("really_a_jpeg.png"), std::string::npos);
}

TEST_F(Images, LabelsComeFromAFileToo) {
  folder.write("lines.txt", "rot\nblau\nnichts\n");
  folder.write("labels.csv", "class,name\n1,\"blau, hell\"\n0,rot\n2,nichts\n");
  folder.write("labels.json", R"({"0": ["n1", "rot"], "1": "blau", "2": "nichts"})");
  const auto label = [&](const std::string& file, const std::string& offset) {
    const Json json = godwit({"classify", model, photos + "/c_blue.png", "--labels", folder / file,
                              "--label-offset", offset, "--json"})
                          .json();
    return first_label(json.at("images").at(0));
  };
  EXPECT_EQ(label("lines.txt", "1"), "blau");
  EXPECT_EQ(label("labels.csv", "1"), "blau, hell");
  EXPECT_EQ(label("labels.json", "1"), "blau");
  expect_error(godwit({"classify", model, photos + "/c_blue.png", "--labels", folder / "lines.txt"}), 2,
               "names 3 classes, but the model has 4; pass --label-offset 1");
}

TEST_F(Images, AModelWithoutSoftmaxSaysSo) {
  const std::string scores = save_tiny_model(folder, {.softmax = false});
  const Outcome outcome = godwit({"classify", scores, photos + "/a red.png", "--top", "1"});
  EXPECT_EQ(outcome.out, photos + "/a red.png\n  0.8533  red\n");
  EXPECT_NE(outcome.err.find("ends without Softmax"), std::string::npos) << outcome.err;
}

TEST_F(Images, WhatAModelDoesNotSayMustBePassed) {
  const std::string bare = save_tiny_model(folder, {.bare = true});
  expect_error(godwit({"classify", bare, photos}), 2,
               "pass --preprocess with the name of whose weights they are: torch (");
  expect_error(godwit({"classify", bare, photos, "--preprocess", "torch"}), 2, "makes images of 224x224");
  folder.write("eight.json", R"({"resize": 8, "crop": 8, "scale": 0.00392156862745098})");
  const Outcome outcome = godwit({"classify", bare, photos, "--preprocess", folder / "eight.json"});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_NE(outcome.out.find("class 0"), std::string::npos);
}

TEST_F(Images, MissingFilesAndWrongModelsAreRefused) {
  expect_error(godwit({"classify", model, folder / "absent.jpg"}), 2, "absent.jpg' does not exist");
  folder.write("empty/readme.txt", "");
  expect_error(godwit({"classify", model, folder / "empty"}), 2, "has no .jpg, .jpeg or .png file");
  expect_error(godwit({"classify", folder / "absent.onnx", photos}), 2, "absent.onnx");
  folder.write("empty.onnx", "");
  expect_error(godwit({"classify", folder / "empty.onnx", photos}), 2, "empty.onnx");
  folder.write("text.onnx", "This is no model.\n");
  expect_error(godwit({"classify", folder / "text.onnx", photos}), 2, "text.onnx");
  expect_error(godwit({"classify", folder / "photos/notes.txt", photos}), 2, "notes.txt");
}

TEST_F(Images, ATruncatedModelIsRefusedWhereverItEnds) {
  std::ifstream file(model, std::ios::binary);
  const std::string whole((std::istreambuf_iterator<char>(file)), {});
  for (const std::size_t size : {whole.size() - 1, whole.size() / 2, std::size_t{10}, std::size_t{1}}) {
    folder.write("cut.onnx", whole.substr(0, size));
    const Outcome outcome = godwit({"inspect", folder / "cut.onnx"});
    EXPECT_EQ(outcome.exit_code, 2) << size << ": " << outcome.err;
    EXPECT_TRUE(outcome.err.starts_with("godwit: error: ")) << outcome.err;
  }
}

TEST_F(Images, AccuracyCountsRightAnswersInTheOrderOfTheCsv) {
  const std::string csv = folder.write("truth.csv",
                                       "name,class,file\n"
                                       "\"a, red\",0,a red.png\n"
                                       "wrong,0,c_blue.png\r\n"
                                       "green,1,b_green.PNG\n"
                                       "dark,3,below/d_black.png\n");
  const Json json = godwit({"accuracy", model, "--data", photos, "--labels", csv, "--json", "--predictions",
                            folder / "p.csv", "--probabilities", folder / "p.npy"})
                        .json();
  EXPECT_EQ(json.at("schema"), "godwit.accuracy/1");
  EXPECT_EQ(json.at("images"), 4);
  EXPECT_EQ(json.at("top1"), 0.75);
  EXPECT_EQ(json.at("top5"), 1.0);
  for (const char* key : {"model", "precision", "seconds", "images_per_second"})
    EXPECT_TRUE(json.contains(key)) << key;
  EXPECT_EQ(json.size(), 15U);
  const Tensor probabilities = read_npy(folder / "p.npy");
  ASSERT_EQ(probabilities.shape(), (Shape{4, 4}));
  const auto row = probabilities.values<float>().subspan(4, 4);  // the blue one
  EXPECT_EQ(std::ranges::max_element(row) - row.begin(), 2);
  std::ifstream predictions(folder / "p.csv");
  const std::string text((std::istreambuf_iterator<char>(predictions)), {});
  EXPECT_TRUE(text.starts_with("file,class,prediction,probability\na red.png,0,0,0.853")) << text;
  EXPECT_NE(text.find("\nc_blue.png,0,2,0.853"), std::string::npos) << text;
}

TEST_F(Images, NothingThatIsReadIsWrittenOver) {
  const std::string truth = "file,class\nb_green.PNG,1\n";
  const std::string csv = folder.write("truth.csv", truth), image = photos + "/c_blue.png";
  const auto accuracy = [&](const std::vector<std::string>& more) {
    std::vector<std::string> arguments = {"accuracy", model, "--data", photos, "--labels", csv};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return godwit(arguments);
  };
  const std::string read = "is a file that is read; write to another";
  for (const char* option : {"--predictions", "--probabilities"}) {
    for (const std::string& input : {csv, model, photos + "/b_green.PNG"})
      expect_error(accuracy({option, input}), 2, read);
  }
  expect_error(accuracy({"--predictions", folder / "p", "--probabilities", folder / "p"}), 2,
               "both go to '" + (folder / "p") + "'");
  expect_error(godwit({"preprocess", image, photos + "/a red.png", "--output", image}), 2, read);
  std::ifstream kept(csv);
  EXPECT_EQ(std::string((std::istreambuf_iterator<char>(kept)), {}), truth);
  EXPECT_EQ(godwit({"classify", model, photos}).exit_code, 0) << "model and images are what they were";

  expect_error(accuracy({"--probabilities", photos}), 1, "cannot write '" + photos + "': Is a directory");

  // A result that somebody has put under protection.
  const std::string precious = folder.write("precious.npy", "old");
  std::filesystem::permissions(precious, std::filesystem::perms::owner_read);
  expect_error(accuracy({"--probabilities", precious}), 1, "the file there is write-protected; name another");
  expect_error(godwit({"preprocess", image, "--output", precious}), 1, "write-protected");
}

TEST_F(Images, AccuracyOffsetAndFiveBest) {
  // The same images for somebody who counts classes from "green" on.
  const std::string csv = folder.write("truth.csv", "file,class\nb_green.PNG,0\nc_blue.png,1\n");
  const Outcome outcome = godwit({"accuracy", model, "--data", photos, "--labels", csv, "--label-offset", "1",
                                  "--predictions", folder / "p.csv", "--top5"});
  EXPECT_NE(outcome.out.find("top-1   1.0000  (2 right)"), std::string::npos) << outcome.out << outcome.err;
  std::ifstream predictions(folder / "p.csv");
  const std::string text((std::istreambuf_iterator<char>(predictions)), {});
  EXPECT_TRUE(
      text.starts_with("file,class,first,second,third,fourth,fifth,probability\nb_green.PNG,0,0,2,-1,1,,"))
      << text;
}

TEST_F(Images, AccuracyGoesOnPastABadImageAndSaysSo) {
  const std::string csv = folder.write("truth.csv", "file,class\na red.png,0\nnotes.txt,0\nabsent.png,0\n");
  const Outcome outcome = godwit(
      {"accuracy", model, "--data", photos, "--labels", csv, "--probabilities", folder / "p.npy", "--json"});
  EXPECT_EQ(outcome.exit_code, 1);
  EXPECT_EQ(outcome.json().at("images"), 1);
  EXPECT_EQ(outcome.json().at("top1"), 1.0);
  EXPECT_NE(outcome.err.find("2 images could not be read"), std::string::npos) << outcome.err;
  const Tensor probabilities = read_npy(folder / "p.npy");
  EXPECT_TRUE(std::isnan(probabilities.values<float>()[4]));
}

TEST_F(Images, AccuracyRefusesTablesThatDoNotFit) {
  const auto with = [&](const std::string& text) {
    const std::string csv = folder.write("truth.csv", text);
    return godwit({"accuracy", model, "--data", photos, "--labels", csv});
  };
  expect_error(with(""), 2, "is empty");
  expect_error(with("file,label\nx,1\n"), 2, "has no column 'class'; its columns are file, label");
  expect_error(with("file,class\n"), 2, "no rows");
  expect_error(with("file,class\nx,one\n"), 2, "class 'one' of 'x' is not a whole number");
  expect_error(with("file,class\na red.png,4\n"), 2, "beyond the model's 4 classes");
  expect_error(with("file,class\na red.png\n"), 2, "line 2 has 1 field, expected 2");
  expect_error(with("file,class\n\"a red.png,1\n"), 2, "a quoted field does not end");
}

TEST_F(Images, PreprocessWritesTensorsAndPixels) {
  const std::string json =
      folder.write("eight.json", R"({"resize": 8, "crop": 8, "scale": 0.5, "mean": [1, 0, 0]})");
  const std::string output = folder / "x.npy";
  EXPECT_EQ(godwit({"preprocess", photos, "--output", output, "--preprocess", json}).exit_code, 0);
  const Tensor tensors = read_npy(output);
  ASSERT_EQ(tensors.shape(), (Shape{3, 3, 8, 8}));
  EXPECT_EQ(tensors.values<float>()[0], 126.5F);
  EXPECT_EQ(tensors.values<float>()[64], 0.0F);
  EXPECT_EQ(godwit({"preprocess", photos, "--output", output, "--preprocess", json, "--uint8"}).exit_code, 0);
  const Tensor pixels = read_npy(output);
  ASSERT_EQ(pixels.dtype(), DType::u8);
  ASSERT_EQ(pixels.shape(), (Shape{3, 8, 8, 3}));
  EXPECT_EQ(pixels.values<std::uint8_t>()[0], 255);
  EXPECT_EQ(pixels.values<std::uint8_t>()[1], 0);
}

TEST_F(Images, PreprocessTimesItsStages) {
  folder.write("photos/photo.jpg", some_jpeg());
  const Json json = godwit({"preprocess", photos, "--bench", "--json"}).json();
  EXPECT_EQ(json.at("images"), 4);
  for (const char* stage : {"read", "decode", "resize", "normalise"}) {
    EXPECT_TRUE(json.at("stage_ms_per_image").at(stage).is_number()) << stage;
  }
  EXPECT_GT(json.at("bare_decode_ms_per_image"), 0);
  EXPECT_GT(json.at("share_of_bare_decode"), 0);
  expect_error(godwit({"preprocess", photos}), 2, "pass either --output FILE.npy");
}

}  // namespace
}  // namespace godwit::tools
