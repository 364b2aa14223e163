// run with images in and out.
#include <algorithm>
#include <filesystem>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <string>
#include <vector>

#include "importers/importer.h"
#include "runtime/image/image.h"
#include "runtime/npy.h"
#include "tests/runtime/image/encode.h"
#include "tests/support/graph_builder.h"
#include "tests/tools/program.h"

namespace godwit::tools {
namespace {

using engine::ValueId;
using support::GraphBuilder;
using support::ints;
using Strings = std::vector<std::string>;

class RunImages : public testing::Test {
 protected:
  RunImages()
      : photo(folder.write("photo.png", test::encode_png(13, 9))),
        pixels(folder.write("pixels.json", R"({"resize": 0, "crop": 0})")) {}

  void save(const GraphBuilder& b) const { importers::save_onnx(b.build(), folder / "model.onnx"); }
  // An input of images of any size and type, handed on in channels first.
  void save_copy(DType dtype, bool channels_last = false) const {
    GraphBuilder b;
    engine::Graph& graph = b.graph();
    const std::int64_t h = graph.symbol("H"), w = graph.symbol("W");
    const ValueId x = b.input("x", channels_last ? Shape{1, h, w, 3} : Shape{1, 3, h, w}, dtype);
    const ValueId src = channels_last ? b.node("Transpose", "nchw", {x}, {{"perm", ints({0, 3, 1, 2})}}) : x;
    b.output(b.node("Identity", "y", {src}));
    save(b);
  }
  Outcome run(const Strings& more) const {
    Strings arguments = {"run", folder / "model.onnx"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return godwit(arguments);
  }
  std::vector<std::uint8_t> result() const { return image::read_image(folder / "y.png").pixels; }

  TemporaryDirectory folder;
  std::string photo, pixels;
};

TEST_F(RunImages, AnImageGoesThroughAsItIs) {
  const std::vector<std::uint8_t> source = image::read_image(photo).pixels;
  for (const DType dtype : {DType::f32, DType::f16, DType::u8}) {
    for (const bool last : {false, true}) {
      save_copy(dtype, last);
      const Outcome outcome = run(
          {"--image", photo, "--preprocess", pixels, "--output-picture", "y=" + folder / "y.png", "--json"});
      ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
      EXPECT_EQ(result(), source) << name_of(dtype) << last;
      const Json output = outcome.json().at("outputs").at(0);
      EXPECT_EQ(output.at("shape"), (Json{1, 3, 9, 13}));
      EXPECT_TRUE(output.at("file").is_null());
      EXPECT_EQ(output.at("picture").at("as"), "image");
      EXPECT_EQ(output.at("picture").at("range"), "0..255");
      EXPECT_NE(outcome.err.find("from black to white"), std::string::npos) << outcome.err;
    }
  }
}

TEST_F(RunImages, TheModelsOwnPreprocessingIsUsedAndChanged) {
  save_copy(DType::f32);
  engine::Graph graph = importers::load(folder / "model.onnx");
  graph.metadata["godwit.preprocess"] = R"({"resize": 6, "crop": 6, "scale": 0.00392156862745098})";
  importers::save_onnx(graph, folder / "model.onnx");
  const auto size = [&](const Strings& more) {
    Strings arguments = {"--image", "x=" + photo, "--output-picture", "y=" + folder / "y.png"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    const Outcome outcome = run(arguments);
    EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
    const image::Image image = image::read_image(folder / "y.png");
    return fmt::format("{}x{}", image.height, image.width);
  };
  EXPECT_EQ(size({}), "6x6");
  EXPECT_EQ(size({"--crop", "0"}), "6x8");  // int(6·13/9) = 8
  EXPECT_EQ(size({"--resize", "0", "--crop", "0"}), "9x13");
  EXPECT_EQ(size({"--resize", "4x10"}), "4x10");
}

TEST_F(RunImages, SeveralImagesAreABatchAndOtherInputsAreTensors) {
  GraphBuilder b;
  const ValueId x = b.input("x", {b.graph().symbol("N"), 3, 4, 4});
  b.output(b.node("Mul", "y", {x, b.input("factor", {1})}));
  save(b);
  write_npy(folder / "two.npy", Tensor::of<float>({1}, {2}).view());
  const std::string small = folder.write("small.json", R"({"resize": [4, 4]})");
  const Strings common = {"--preprocess", small,          "--input", "factor=" + folder / "two.npy",
                          "--output-dir", folder / "out", "--image", "x=" + photo};
  Strings two = common;
  two.insert(two.end(), {"--image", "x=" + folder.write("red.png", plain_png(200, 10, 0))});
  const Outcome outcome = run(two);
  ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
  const Tensor y = read_npy(folder / "out/y.npy");
  ASSERT_EQ(y.shape(), (Shape{2, 3, 4, 4}));
  EXPECT_EQ(y.values<float>()[48], 400);
  EXPECT_EQ(y.values<float>()[64], 20);
  expect_error(run({"--preprocess", small, "--output-dir", folder / "out", "--image", photo}), 2,
               "the model has 2 inputs ('x', 'factor'), expected NAME=FILE");
  expect_error(run({"--preprocess", small, "--output-dir", folder / "out", "--image", "z=" + photo}), 2,
               "the model has no input 'z'");
  expect_error(run({"--preprocess", small, "--output-dir", folder / "out", "--image", "factor=" + photo}), 2,
               "input 'factor' is f32 1, expected images");
  expect_error(run({"--preprocess", small, "--output-dir", folder / "out", "--image", "x=" + photo}), 2,
               "input 'factor' is not given; pass --input factor=FILE.npy");
  Strings twice = common;
  twice.insert(twice.end(), {"--input", "x=" + folder / "two.npy"});
  EXPECT_EQ(run(twice).exit_code, 2);
}

TEST_F(RunImages, ClassesHaveColours) {
  GraphBuilder b;
  b.output(b.node("Relu", "y", {b.input("x", {1, 4, 2, 2})}));
  save(b);
  // The largest is in channel 0, 1, 2, 3.
  write_npy(folder / "x.npy", Tensor::of<float>({1, 4, 2, 2}, {1, 0, 0, 0,  //
                                                               0, 1, 0, 0,  //
                                                               0, 0, 1, 0,  //
                                                               0, 0, 0, 1})
                                  .view());
  const Outcome outcome = run({"--input", folder / "x.npy", "--output-dir", folder / "out",
                               "--output-picture", "y=" + folder / "y.png", "--json"});
  ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_EQ(result(), (std::vector<std::uint8_t>{0, 0, 0, 128, 0, 0, 0, 128, 0, 128, 128, 0}));
  const Json output = outcome.json().at("outputs").at(0);
  EXPECT_EQ(output.at("picture").at("classes"), 4);
  EXPECT_TRUE(std::filesystem::exists(output.at("file").get<std::string>()));
}

TEST_F(RunImages, MistakesAreNamed) {
  save_copy(DType::f32);
  const std::string png = folder / "y.png";
  const Strings image = {"--image", photo, "--preprocess", pixels};
  const auto with = [&](Strings more) {
    more.insert(more.begin(), image.begin(), image.end());
    return run(more);
  };
  expect_error(with({}), 2, "nothing would be written: pass --output-dir DIR, --output-picture");
  expect_error(with({"--output-picture", "y=out.jpg"}), 2, "expected NAME=FILE.png");
  expect_error(with({"--output-picture", png}), 2, "expected NAME=FILE.png");
  expect_error(with({"--output-picture", "y=" + png, "--output-picture", "y=" + png}), 2,
               "names output 'y' twice");
  expect_error(with({"--output-picture", "z=" + png}), 2, "no output or other tensor 'z'");
  expect_error(with({"--output-picture", "z=" + png, "--output-dir", folder / "out"}), 2,
               "output 'z' is not computed; pass --output z as well");
  expect_error(with({"--output-picture", "y=" + photo}), 2, "photo.png");
  expect_error(with({"--output-picture", "y=" + png, "--picture-as", "picture"}), 2,
               "is none of image, classes");
  expect_error(run({"--image", folder.write("bad.png", "no image"), "--preprocess", pixels,
                    "--output-picture", "y=" + png}),
               2, "bad.png");
  expect_error(run({"--image", photo, "--output-picture", "y=" + png}), 2,
               "the model does not say how its images are preprocessed");
  EXPECT_FALSE(std::filesystem::exists(png));
  // Numbers from -1 to 1, as a hyperbolic tangent gives them.
  const std::string tf = folder.write("tf.json", R"({"preset": "tf", "resize": [4, 4]})");
  const std::string strong = folder.write("strong.png", plain_png(255, 0, 0));
  const Strings signs = {"--quiet", "--image", strong, "--preprocess", tf, "--output-picture", "y=" + png};
  expect_error(run(signs), 2, "output 'y': f32 1x3x4x4 is no image: its values are from");
  Strings stated = signs;
  stated.insert(stated.end(), {"--picture-range", "-1..1"});
  EXPECT_EQ(run(stated).exit_code, 0);
}

}  // namespace
}  // namespace godwit::tools
