// Images that are not square, and networks of other types, channels and outputs, in every command that takes
// images.
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <string>
#include <vector>

#include "engine/graph.h"
#include "importers/importer.h"
#include "runtime/npy.h"
#include "tests/support/graph_builder.h"
#include "tests/tools/program.h"

namespace godwit::tools {
namespace {

using engine::ValueId;
using support::GraphBuilder;
using support::ints;
using Strings = std::vector<std::string>;

class ImageSizes : public testing::Test {
 protected:
  ImageSizes() : red(folder.write("data/a/red.png", plain_png(255, 0, 0))) {
    folder.write("data/b/green.png", plain_png(0, 255, 0));
    pixels = folder.write("pixels.json", R"({"resize": [16, 24]})");
  }

  std::string save(const engine::Graph& graph) const {
    importers::save_onnx(graph, folder / "model.onnx");
    return folder / "model.onnx";
  }

  // Scores that are the means of the channels of images of this shape and type.
  std::string save_means(const Shape& shape, DType dtype = DType::f32) const {
    GraphBuilder b;
    const ValueId mean = b.node("GlobalAveragePool", "mean", {b.input("input", shape, dtype)});
    b.output(b.node("Flatten", "scores", {mean}));
    return save(b.build());
  }

  // Three classes by a convolution, behind a feature map that is the first output where asked for; `input`
  // takes bytes with channels last.
  std::string save_network(DType dtype, bool features_first = false) const {
    GraphBuilder b;
    const Tensor weights = support::whole_numbers({3, 3, 3, 3}, 7);
    const bool bytes = dtype == DType::u8;
    ValueId x = b.input("input", bytes ? Shape{1, 16, 24, 3} : Shape{1, 3, 16, 24}, dtype);
    if (bytes) {
      x = b.node("Cast", "real", {x}, {{"to", std::int64_t{1}}});
      x = b.node("Transpose", "nchw", {x}, {{"perm", ints({0, 3, 1, 2})}});
    }
    const ValueId features =
        b.node("Relu", "features", {b.node("Conv", "conv", {x, of_type(b, weights, dtype)})});
    const ValueId mean = b.node("GlobalAveragePool", "mean", {features});
    if (features_first) b.output(features);
    b.output(b.node("Flatten", "scores", {mean}));
    return save(b.build());
  }

  static ValueId of_type(GraphBuilder& b, const Tensor& weights, DType dtype) {
    if (dtype == DType::f32 || dtype == DType::u8) return b.constant("w", weights);
    Tensor result(TensorDesc{dtype, weights.shape(), Layout::nchw});
    visit_dtype(dtype, [&]<class T>() {
      const auto dst = result.mutable_values<T>();
      for (std::size_t i = 0; i < dst.size(); ++i) dst[i] = static_cast<T>(weights.values<float>()[i]);
    });
    return b.constant("w", result);
  }

  // The raw scores of one image, by class.
  std::vector<double> scores(const std::string& image, const Strings& options) const {
    Strings command = {"classify", folder / "model.onnx", image, "--json", "--scores", "raw"};
    command.insert(command.end(), options.begin(), options.end());
    const Outcome outcome = godwit(command);
    EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
    std::vector<double> result;
    if (outcome.exit_code != 0) return result;
    const Json labels = outcome.json().at("images").at(0).at("labels");
    result.resize(labels.size());
    for (const Json& label : labels)
      result.at(label.at("class").get<std::size_t>()) = label.at("score").get<double>();
    return result;
  }

  TemporaryDirectory folder;
  std::string red, pixels;
};

// A mean of 384 whole numbers: their sum is exact, then there are a rounded reciprocal and a product.
constexpr double kMean = 256 * 2 * 0x1p-23;

TEST_F(ImageSizes, EachModeMakesTheSizeOfTheNetwork) {
  save_means({1, 3, 16, 24});
  const Strings plain = {"--preprocess", folder.write("plain.json", "{}")};
  const auto by = [&](Strings options) {
    options.insert(options.begin(), plain.begin(), plain.end());
    return scores(red, options);
  };
  for (const char* mode : {"crop", "stretch"}) {
    const std::vector<double> all_red = by({"--resize", "16x24", "--resize-mode", mode});
    ASSERT_EQ(all_red.size(), 3U) << mode;
    EXPECT_NEAR(all_red[0], 255, kMean);
    EXPECT_EQ(all_red[1], 0);
  }
  // 12x10 fitted into 24x16 is 16 high and round(12/10·16) = 19 wide.
  const std::vector<double> fitted = by({"--resize", "16x24", "--resize-mode", "keep-ratio", "--pad", "100"});
  ASSERT_EQ(fitted.size(), 3U);
  EXPECT_NEAR(fitted[0], (255.0 * 19 + 100 * 5) / 24, kMean);
  EXPECT_NEAR(fitted[1], 100.0 * 5 / 24, kMean);
  expect_error(godwit({"classify", folder / "model.onnx", red, "--preprocess", "torch"}), 2,
               "makes images of 224x224; pass --resize 16x24");
  expect_error(
      godwit({"classify", folder / "model.onnx", red, "--preprocess", "torch", "--resize", "16by24"}), 2,
      "'16by24' is not a size such as 256 or 192x320");
  expect_error(godwit({"classify", folder / "model.onnx", red, "--resize-mode", "letterbox"}), 2,
               "'letterbox' is none of crop, keep-ratio, stretch");
}

TEST_F(ImageSizes, OneChannelIsTheGrayOfPillow) {
  save_means({1, 1, 16, 24});
  // (19595·255 + 32768) >> 16 of red, (38470·255 + 32768) >> 16 of green.
  const std::vector<double> of_red = scores(red, {"--preprocess", pixels});
  ASSERT_EQ(of_red.size(), 1U);
  EXPECT_NEAR(of_red[0], 76, kMean);
  EXPECT_NEAR(scores(folder / "data/b/green.png", {"--preprocess", pixels}).at(0), 150, kMean);
  EXPECT_NEAR(scores(red, {"--preprocess", pixels, "--channels", "1"}).at(0), 76, kMean);
  expect_error(
      godwit({"classify", folder / "model.onnx", red, "--preprocess", "torch", "--resize", "16x24"}), 2,
      "input 'input' takes gray images: 'torch': key 'channels': the preset has a mean and std for each");
  save_means({1, 3, 16, 24});
  expect_error(godwit({"classify", folder / "model.onnx", red, "--preprocess", pixels, "--channels", "1"}), 2,
               "expected images Nx1xHxW or NxHxWx1");
}

TEST_F(ImageSizes, PreprocessWritesAndTellsThem) {
  const auto shape = [&](const Strings& options) {
    Strings command = {"preprocess", red, "--output", folder / "x.npy", "--json"};
    command.insert(command.end(), options.begin(), options.end());
    const Outcome outcome = godwit(command);
    EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
    EXPECT_EQ(outcome.json().at("pipeline").at("crop"), (Json{16, 24}));
    return read_npy(folder / "x.npy").shape();
  };
  EXPECT_EQ(shape({"--resize", "16x24"}), (Shape{1, 3, 16, 24}));
  EXPECT_EQ(shape({"--resize", "16x24", "--uint8"}), (Shape{1, 16, 24, 3}));
  EXPECT_EQ(shape({"--preprocess", "tf", "--resize", "16x24", "--channels", "1"}), (Shape{1, 1, 16, 24}));
  EXPECT_EQ(shape({"--crop", "16x24", "--resize", "30"}), (Shape{1, 3, 16, 24}));
}

TEST_F(ImageSizes, AModelCarriesThem) {
  const std::string plain = save_network(DType::f32), carrying = folder / "carrying.onnx";
  const Outcome convert = godwit({"convert", plain, carrying, "--preprocess", "torch", "--resize", "16x24",
                                  "--resize-mode", "keep-ratio", "--pad", "114"});
  ASSERT_EQ(convert.exit_code, 0) << convert.err;
  const Outcome text = godwit({"inspect", carrying});
  EXPECT_NE(text.out.find(
                "images     fitted into 16x24 with the ratio kept, bilinear, border 114; RGB / 255, minus"),
            std::string::npos)
      << text.out;
  const Json preprocess = godwit({"inspect", carrying, "--json"}).json().at("preprocess");
  EXPECT_EQ(preprocess.at("resize"), (Json{16, 24}));
  EXPECT_EQ(preprocess.at("resize_mode"), "keep-ratio");
  EXPECT_EQ(preprocess.at("pad"), 114);
  EXPECT_EQ(preprocess.at("mean"), (Json{0.485, 0.456, 0.406}));
  EXPECT_EQ(godwit({"classify", carrying, red}).exit_code, 0);
  EXPECT_TRUE(godwit({"inspect", plain, "--json"}).json().at("preprocess").is_null());
  // Changes alone change what the model carries.
  EXPECT_EQ(godwit({"convert", carrying, folder / "again.onnx", "--pad", "7"}).exit_code, 0);
  EXPECT_EQ(godwit({"inspect", folder / "again.onnx", "--json"}).json().at("preprocess").at("pad"), 7);
  expect_error(godwit({"convert", plain, folder / "none.onnx", "--pad", "7"}), 2,
               "the model does not say how its images are preprocessed");
}

TEST_F(ImageSizes, OpenSizesAreThoseOfTheModelsPreprocessing) {
  for (const bool last : {false, true}) {
    for (const std::int64_t channels : {1, 3}) {
      GraphBuilder b;
      const std::int64_t h = b.graph().symbol("H"), w = b.graph().symbol("W");
      const ValueId x = b.input("input", last ? Shape{1, h, w, channels} : Shape{1, channels, h, w});
      b.output(b.node("Relu", "y", {x}));
      b.graph().metadata["godwit.preprocess"] = R"({"preset": "tf", "resize": [16, 24]})";
      const std::string model = save(b.build());
      const Outcome outcome = godwit({"explain", model, "--json"});
      ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
      EXPECT_EQ(godwit({"run", model, "--image", red, "--output-dir", folder / "out"}).exit_code, 0);
      EXPECT_EQ(read_npy(folder / "out/y.npy").shape(),
                last ? (Shape{1, 16, 24, channels}) : (Shape{1, channels, 16, 24}));
    }
  }
}

TEST_F(ImageSizes, EveryCommandTakesEveryTypeOfInput) {
  const std::string data = folder / "data";
  for (const DType dtype : {DType::f32, DType::f16, DType::bf16, DType::u8}) {
    SCOPED_TRACE(name_of(dtype));
    const std::string model = save_network(dtype);
    const auto works = [&](const char* command, const Strings& more) {
      Strings arguments = {command, model};
      arguments.insert(arguments.end(), more.begin(), more.end());
      Outcome outcome = godwit(arguments);
      EXPECT_EQ(outcome.exit_code, 0) << command << ": " << outcome.err;
      return outcome;
    };
    works("inspect", {});
    works("explain", {});
    works("bench", {"--seconds", "0.01"});
    works("bench", {"--images", data, "--seconds", "0.01", "--preprocess", pixels});
    const Outcome labels = works("classify", {red, "--preprocess", pixels, "--json"});
    EXPECT_EQ(labels.json().at("images").at(0).at("labels").size(), 3U);
    works("accuracy", {"--data", data, "--class-order", "text", "--preprocess", pixels});
    works("run", {"--image", red, "--preprocess", pixels, "--output-dir", folder / "out"});
    for (const char* precision : {"f16", "bf16"})
      works("compare", {"--data", data, "--recursive", "--precision", precision, "--preprocess", pixels});
    works("quantize",
          {"--calibration", data, "--recursive", "--preprocess", pixels, "--output", folder / "q.onnx"});
    const Outcome with =
        works("compare", {"--with", folder / "q.onnx", "--data", data, "--recursive", "--json"});
    EXPECT_TRUE(with.json().at("warned").empty());
  }
  expect_error(godwit({"classify", folder / "model.onnx", red, "--preprocess", "torch", "--resize", "16x24"}),
               2, "input 'input' is u8, but preprocessing 'torch' makes");
}

TEST_F(ImageSizes, ScoresAreTheOutputThatIsNamed) {
  const std::string model = save_network(DType::f32, true);
  const Strings command = {"classify", model, red, "--preprocess", pixels, "--json"};
  expect_error(godwit(command), 2,
               "output 'features' is f32 1x3x14x22, expected one row of scores per image; pass --output with "
               "another: 'scores' (f32 1x3)");
  Strings named = command;
  named.insert(named.end(), {"--output", "scores"});
  const Outcome outcome = godwit(named);
  ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_EQ(outcome.json().at("last_layer"), "GlobalAveragePool 'mean'");
  named.back() = "mean";  // one number for each channel
  EXPECT_EQ(godwit(named).exit_code, 0);
  named.back() = "features";
  expect_error(godwit(named), 2,
               "the model's outputs are 'features', 'scores'; --output NAME takes these and any");
  named.back() = "none";
  expect_error(godwit(named), 2, "no output or other tensor 'none'");
  EXPECT_EQ(godwit({"accuracy", model, "--data", folder / "data", "--class-order", "text", "--preprocess",
                    pixels, "--output", "scores"})
                .exit_code,
            0);
  expect_error(godwit({"bench", model, "--output", "scores"}), 2, "--output needs --images DIR");
  expect_error(godwit({"bench", model, "--resize", "3x3"}), 2, "need --images DIR");
}

TEST_F(ImageSizes, CalibrationTellsOfImagesThatWereMended) {
  const std::string model = save_network(DType::f32);
  std::vector<unsigned char> mended = plain_png(9, 9, 9);
  // The last byte of the checksum of the pixels lies in front of the 12 bytes of the last chunk.
  mended[mended.size() - 13] = static_cast<unsigned char>(mended[mended.size() - 13] ^ 1U);
  folder.write("data/c/mended.png", mended);
  const Outcome outcome = godwit({"quantize", model, "--calibration", folder / "data", "--recursive",
                                  "--preprocess", pixels, "--output", folder / "q.onnx", "--json"});
  ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
  const Json warned = outcome.json().at("warned");
  ASSERT_EQ(warned.size(), 1U);
  EXPECT_EQ(warned.at(0).at("file"), folder / "data/c/mended.png");
  EXPECT_EQ(warned.at(0).at("warnings").size(), 1U);
}

TEST_F(ImageSizes, BenchTellsTheImplementationsLeftOut) {
  const std::string model = save_network(DType::f32);
  const Json json =
      godwit({"bench", model, "--seconds", "0.01", "--without", "conv_winograd4", "--json"}).json();
  EXPECT_EQ(json.at("without"), (Json{"conv_winograd4"}));
  EXPECT_FALSE(godwit({"bench", model, "--seconds", "0.01", "--json"}).json().contains("without"));
}

}  // namespace
}  // namespace godwit::tools
