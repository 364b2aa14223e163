// A model on images as a library: labels of one image, its own way of compiling, paths that arrive, images
// for calibration.
#include "tools/vision/image_model.h"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sstream>
#include <string>
#include <vector>

#include "engine/plan.h"
#include "importers/importer.h"
#include "runtime/image/pipeline.h"
#include "tests/support/errors.h"
#include "tests/support/graph_builder.h"
#include "tests/tools/program.h"
#include "tools/vision/calibration_images.h"
#include "tools/vision/image_source.h"

namespace godwit::vision {
namespace {

using tools::plain_png;
using tools::save_tiny_model;

TEST(ImageModel, LabelsOneImage) {
  const test::TemporaryDirectory folder;
  const std::string red = folder.write("red.png", plain_png(255, 0, 0));
  ImageModel model(save_tiny_model(folder));
  const std::vector<ScoredLabel> labels = model.label(red, 2);
  ASSERT_EQ(labels.size(), 2U);
  EXPECT_EQ(labels[0].name, "red");
  EXPECT_EQ(labels[0].index, 0);
  EXPECT_GT(labels[0].probability, labels[1].probability);
  EXPECT_EQ(model.label(red).size(), 4U);
}

TEST(ImageModel, LabelsOfAFileReplaceTheModelsOwn) {
  const test::TemporaryDirectory folder;
  const std::string names = folder.write("names.txt", "rot\ngruen\nblau\nnichts\n");
  ImageModel model(save_tiny_model(folder), {.labels = names});
  EXPECT_EQ(model.label(folder.write("blue.png", plain_png(0, 0, 255)), 1).front().name, "blau");
}

TEST(ImageModel, AnImageThatCannotBeReadIsAnError) {
  const test::TemporaryDirectory folder;
  const std::string bad = folder.write("bad.png", "This is no image.\n");
  ImageModel model(save_tiny_model(folder));
  EXPECT_EQ(support::error_of([&] { (void)model.label(bad); }),
            fmt::format("'{}': the file is neither a JPEG nor a PNG image", bad));
}

TEST(ImageModel, CompilesAsTheCallerSays) {
  const test::TemporaryDirectory folder;
  int calls = 0;
  const ImageModelOptions options{
      .threads = 1, .make_plan = [&](const engine::Graph& graph, const engine::CompileOptions& compile) {
        ++calls;
        EXPECT_EQ(compile.threads, 1);
        EXPECT_EQ(compile.shapes.at("input"), (Shape{1, 3, 8, 8}));
        return Compiled{engine::compile(graph, compile), 1000};
      }};
  const ImageModel model(save_tiny_model(folder), options);
  EXPECT_EQ(calls, 1);
  EXPECT_GE(model.load_seconds(), 1000);
}

// Two classes, dark and bright, of gray images 8x8.
std::string save_gray_model(const test::TemporaryDirectory& folder) {
  support::GraphBuilder builder("gray");
  const auto input = builder.input("input", Shape{1, 1, 8, 8});
  const auto mean = builder.node("GlobalAveragePool", "mean", {input});
  const auto flat = builder.node("Flatten", "flat", {mean});
  const auto weights = builder.constant("weights", Tensor::of<float>({2, 1}, {-1, 1}));
  const auto bias = builder.constant("bias", Tensor::of<float>({2}, {128, -128}));
  builder.output(builder.node("Gemm", "scores", {flat, weights, bias}, {{"transB", std::int64_t{1}}}));
  builder.graph().metadata["godwit.preprocess"] = R"({"resize": 8, "crop": 8, "channels": 1})";
  builder.graph().metadata["godwit.labels"] = R"(["dark", "bright"])";
  std::string path = folder / "gray.onnx";
  importers::save_onnx(builder.build(), path);
  return path;
}

// Green is brighter than blue.
TEST(ImageModel, TakesImagesOfOneChannel) {
  const test::TemporaryDirectory folder;
  ImageModel model(save_gray_model(folder), {.threads = 1});
  EXPECT_EQ(model.plan().inputs().front().desc.shape, (Shape{1, 1, 8, 8}));
  EXPECT_EQ(model.label(folder.write("green.png", plain_png(0, 255, 0)), 1).front().name, "bright");
  EXPECT_EQ(model.label(folder.write("blue.png", plain_png(0, 0, 255)), 1).front().name, "dark");
  const std::string error =
      support::error_of([&] { const ImageModel colours(folder / "gray.onnx", {.preprocess = "torch"}); });
  EXPECT_NE(error.find("input 'input' takes gray images: 'torch': key 'channels': the preset has a mean and "
                       "std for each of 3 channels; pass mean and std of 1 number"),
            std::string::npos)
      << error;
  // Numbers that are alike for all colours hold for gray too.
  ImageModel plain(folder / "gray.onnx",
                   {.preprocess = folder.write("plain.json", R"({"resize": 8, "crop": 8})"), .threads = 1});
  EXPECT_EQ(plain.label(folder / "green.png", 1).front().name, "bright");
}

TEST(ImageSource, PathsArriveLineByLine) {
  std::istringstream arriving("a.jpg\r\n\nb c.png\n");
  ImageSource source({.images = {"-"}}, arriving);
  EXPECT_EQ(source.total(), 0U);
  std::string path;
  ASSERT_TRUE(source.next(path));
  EXPECT_EQ(path, "a.jpg");
  ASSERT_TRUE(source.next(path));
  EXPECT_EQ(path, "b c.png");
  EXPECT_FALSE(source.next(path));
  EXPECT_NE(support::error_of([&] { (void)source.paths(); }), "");
}

TEST(CalibrationReader, TellsOfEveryImageInOrderAndKeepsTheGoodOnes) {
  const test::TemporaryDirectory folder;
  const std::string red = folder.write("1.png", plain_png(255, 0, 0)),
                    bad = folder.write("2.png", "no image"),
                    blue = folder.write("3.png", plain_png(0, 0, 255));
  image::Pipeline pipeline;
  pipeline.resize = pipeline.crop = 8;
  std::vector<std::string> seen;
  const CalibrationReader reader({red, bad, blue}, pipeline, {}, 2,
                                 [&](const std::string& path, const std::string& error) {
                                   seen.push_back(path);
                                   EXPECT_EQ(error.empty(), path != bad);
                                 });
  EXPECT_EQ(seen, (std::vector<std::string>{red, bad, blue}));
  EXPECT_EQ(reader.paths(), (std::vector<std::string>{red, blue}));
  EXPECT_EQ(reader.failed(), 1U);
}

}  // namespace
}  // namespace godwit::vision
