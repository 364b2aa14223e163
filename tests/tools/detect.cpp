// detect and segment through the program, on made-up heads whose boxes and classes are known.
#include <cmath>
#include <filesystem>
#include <gtest/gtest.h>
#include <string>
#include <vector>

#include "importers/importer.h"
#include "runtime/image/image.h"
#include "tests/runtime/image/encode.h"
#include "tests/support/graph_builder.h"
#include "tests/tools/program.h"

namespace godwit::tools {
namespace {

// A network of 64x64 images that gives this table whatever it sees.
engine::Graph fixed_outputs(const Tensor& table, const std::string& preprocess = "") {
  support::GraphBuilder b("detector");
  const auto x = b.input("images", Shape{1, 3, 64, 64});
  const auto flat = b.node("Flatten", "flat", {b.node("GlobalAveragePool", "mean", {x})});
  const auto zero = b.constant("zero", Tensor::of<float>({3, 1}, {0, 0, 0}));
  const auto nothing = b.node("MatMul", "nothing", {flat, zero});
  b.output(b.node("Add", "output0", {b.constant("table", table), nothing}));
  b.graph().metadata["names"] = "{0: 'cat', 1: 'dog\\'s bowl'}";
  if (!preprocess.empty()) b.graph().metadata["godwit.preprocess"] = preprocess;
  return b.build();
}

class Detect : public testing::Test {
 protected:
  Detect() {
    // (1, 4 + 2, 84): two boxes of one bowl, and a cat at the lower edge.
    Tensor table(TensorDesc{DType::f32, Shape{1, 6, 84}, Layout::nchw});
    const auto values = table.mutable_values<float>();
    for (float& value : values) value = 0;
    const auto put = [&](std::size_t cell, std::vector<float> column) {
      for (std::size_t row = 0; row < column.size(); ++row) values[row * 84 + cell] = column[row];
    };
    put(3, {32, 32, 16, 8, 0, 0.75F});
    put(4, {33, 32, 16, 8, 0, 0.5F});
    put(80, {8, 46, 16, 8, 0.375F, 0});
    importers::save_onnx(fixed_outputs(table), model);
    folder.write("wide.jpg", test::encode_jpeg(128, 64));
    folder.write("broken.jpg", "no image");
  }

  TemporaryDirectory folder;
  std::string model = folder / "model.onnx";
};

TEST_F(Detect, TellsBoxesInPixelsOfTheImage) {
  const std::string out = folder / "out";
  const Outcome outcome = godwit({"detect", model, folder / "wide.jpg", "--json", "--output-dir", out});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_NE(outcome.err.find("head yolov8"), std::string::npos) << outcome.err;
  EXPECT_NE(outcome.err.find("--preprocess says otherwise"), std::string::npos) << outcome.err;
  const Json json = outcome.json();
  EXPECT_EQ(json.at("schema"), "godwit.detect/1");
  EXPECT_EQ(json.at("head"), "yolov8");
  EXPECT_EQ(json.at("preprocessing_assumed"), true);
  const Json& image = json.at("images").at(0);
  EXPECT_EQ(image.at("width"), 128);
  EXPECT_EQ(image.at("height"), 64);
  // The image lies in rows 16 to 48 of the input, at half its size; what is below its edge is cut off.
  const Json golden = Json::parse(R"([
    {"class": 1, "label": "dog's bowl", "score": 0.75, "left": 48.0, "top": 24.0, "right": 80.0, "bottom": 40.0},
    {"class": 0, "label": "cat", "score": 0.375, "left": 0.0, "top": 52.0, "right": 32.0, "bottom": 64.0}])");
  EXPECT_EQ(image.at("boxes"), golden);
  const image::Image drawn = image::read_image(image.at("picture").get<std::string>());
  EXPECT_EQ(drawn.width, 128);
  EXPECT_EQ(drawn.height, 64);
}

TEST_F(Detect, OptionsDecideWhatIsTold) {
  const std::string photo = folder / "wide.jpg";
  const auto boxes = [&](std::vector<std::string> more) {
    std::vector<std::string> arguments = {"detect", model, photo, "--json"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return godwit(arguments).json().at("images").at(0).at("boxes");
  };
  EXPECT_EQ(boxes({"--score", "0.5"}).size(), 1U);
  EXPECT_EQ(boxes({"--overlap", "1"}).size(), 3U);
  EXPECT_EQ(boxes({"--limit", "1"}).size(), 1U);
  EXPECT_EQ(boxes({"--resize-mode", "stretch"}).at(0).at("top"), 28.0);
  const Outcome text = godwit({"detect", model, photo, "--head", "yolov8", "-q"});
  EXPECT_EQ(text.out, photo + "\n  0.7500  dog's bowl  48.0,24.0 to 80.0,40.0\n" +
                          "  0.3750  cat  0.0,52.0 to 32.0,64.0\n");
}

TEST_F(Detect, RefusesWithTheWayOut) {
  const std::string photo = folder / "wide.jpg";
  expect_error(godwit({"detect", model, photo, "--head", "yolov5"}), 2, "head 'yolov5' reads");
  expect_error(godwit({"detect", model, photo, "--score", "2"}), 2, "from 0 to 1");
  expect_error(godwit({"detect", save_tiny_model(folder), photo}), 2, "'prob'");
  const Outcome broken = godwit({"detect", model, folder / "broken.jpg", photo, "--json"});
  EXPECT_EQ(broken.exit_code, 1);
  EXPECT_EQ(broken.json().at("images").size(), 1U);
  EXPECT_EQ(broken.json().at("failed").size(), 1U);
  folder.write("three.txt", "a\nb\nc\n");
  expect_error(godwit({"detect", model, photo, "--labels", folder / "three.txt"}), 2, "3");
}

TEST_F(Detect, NotANumberIsNoBox) {
  Tensor table(TensorDesc{DType::f32, Shape{1, 6, 84}, Layout::nchw});
  for (float& value : table.mutable_values<float>()) value = std::nanf("");
  importers::save_onnx(fixed_outputs(table), model);
  const Outcome outcome = godwit({"detect", model, folder / "wide.jpg", "--json"});
  EXPECT_EQ(outcome.exit_code, 1);
  const std::string error = outcome.json().at("failed").at(0).at("error").get<std::string>();
  EXPECT_NE(error.find("NaN"), std::string::npos) << error;
}

// Classes 0 and 2 in the left and the right half.
class Segment : public testing::Test {
 protected:
  Segment() {
    Tensor scores(TensorDesc{DType::f32, Shape{1, 3, 8, 8}, Layout::nchw});
    const auto values = scores.mutable_values<float>();
    for (std::size_t i = 0; i < values.size(); ++i) {
      const std::size_t label = i / 64, column = i % 8;
      values[i] = label == (column < 6 ? 0U : 2U) ? 1.0F : 0.0F;
    }
    importers::save_onnx(fixed_outputs(scores, R"({"resize": [64, 64], "resize_mode": "stretch"})"), model);
    folder.write("photo.jpg", test::encode_jpeg(80, 40));
  }

  TemporaryDirectory folder;
  std::string model = folder / "model.onnx";
};

TEST_F(Segment, TellsSharesAndDrawsMaps) {
  folder.write("names.txt", "nothing\nroad\nsky\n");
  const Outcome outcome =
      godwit({"segment", model, folder / "photo.jpg", "--json", "--labels", folder / "names.txt", "--map-dir",
              folder / "maps", "--overlay-dir", folder / "seen"});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  const Json json = outcome.json();
  EXPECT_EQ(json.at("schema"), "godwit.segment/1");
  const Json& image = json.at("images").at(0);
  EXPECT_EQ(image.at("classes"),
            Json::parse(R"([{"class": 0, "label": "nothing", "pixels": 48, "share": 0.75},
                                                 {"class": 2, "label": "sky", "pixels": 16, "share": 0.25}])"));
  const image::Image map = image::read_image(image.at("map").get<std::string>());
  EXPECT_EQ(map.width, 8);
  EXPECT_EQ(map.pixels[0], 0);
  // Green of the palette's third entry.
  EXPECT_EQ((std::vector<std::uint8_t>{map.pixels.end() - 3, map.pixels.end()}),
            (std::vector<std::uint8_t>{0, 128, 0}));
  const image::Image seen = image::read_image(image.at("overlay").get<std::string>());
  const image::Image photo = image::read_image(folder / "photo.jpg");
  ASSERT_EQ(seen.width, 80);
  ASSERT_EQ(seen.height, 40);
  for (std::size_t x = 0; x < 80; ++x) {
    const int before = photo.pixels[3 * x + 1], after = seen.pixels[3 * x + 1];
    EXPECT_EQ(after, x < 60 ? before : (before + 128) / 2) << x;
  }
}

TEST_F(Segment, RefusesWithTheWayOut) {
  folder.write("twice.csv", "class,name\n0,a\n0,b\n");
  expect_error(godwit({"segment", model, folder / "photo.jpg", "--labels", folder / "twice.csv"}), 2,
               "line 3");
  importers::save_onnx(fixed_outputs(Tensor::of<float>({1, 1, 2}, {1, 2})), model);
  expect_error(godwit({"segment", model, folder / "photo.jpg"}), 2, "--preprocess");
  expect_error(godwit({"segment", model, folder / "photo.jpg", "--preprocess", "torch", "--resize", "64x64",
                       "--output", "none"}),
               2, "none");
}

}  // namespace
}  // namespace godwit::tools
