// quantize and compare as a user runs them, on small models and images of one colour.
#include <algorithm>
#include <filesystem>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "importers/importer.h"
#include "tests/support/graph_builder.h"
#include "tests/tools/program.h"

namespace godwit::tools {
namespace {

using support::GraphBuilder;

// Scores are red, green and blue through two convolutions. Where `bad`, a fourth channel between them is a
// thousand times the sum of the others, and the second convolution hardly looks at it: in f32 nothing
// changes, with one scale for all channels the colours are lost.
engine::Graph colour_model(bool bad) {
  GraphBuilder builder("colours");
  engine::Graph& graph = builder.graph();
  const auto input = builder.input("input", Shape{graph.symbol("N"), 3, 8, 8});
  const float large = bad ? 1000 : 1;
  const auto first = builder.constant(
      "first.w", Tensor::of<float>({4, 3, 1, 1}, {1, 0, 0, 0, 1, 0, 0, 0, 1, large, large, large}));
  const auto second = builder.constant(
      "second.w", Tensor::of<float>({3, 4, 1, 1}, {8, -2, -2, 1e-6F, -2, 8, -2, 1e-6F, -2, -2, 8, 1e-6F}));
  const auto relu = builder.node("Relu", "relu", {builder.node("Conv", "first", {input, first})});
  const auto mean =
      builder.node("GlobalAveragePool", "mean", {builder.node("Conv", "second", {relu, second})});
  const auto flat = builder.node("Flatten", "flat", {mean});
  builder.output(builder.node("Softmax", "prob", {flat}, {{"axis", std::int64_t{1}}}));
  graph.metadata["godwit.preprocess"] = R"({"resize": 8, "crop": 8, "scale": 0.00392156862745098})";
  return builder.build();
}

class Quantize : public testing::Test {
 protected:
  Quantize() {
    for (const bool bad : {false, true})
      importers::save_onnx(colour_model(bad), folder / (bad ? "bad.onnx" : "good.onnx"));
    std::string labels = "file,class\n";
    for (int i = 0; i < 4; ++i) {
      for (int c = 0; c < 3; ++c) {
        const auto shade = static_cast<unsigned char>(250 - 20 * i);
        const auto of = [&](int channel, int less) {
          return static_cast<unsigned char>(channel == c ? shade - less : 60);
        };
        folder.write(fmt::format("calibration/{}{}.png", i, c), plain_png(of(0, 7), of(1, 7), of(2, 7)));
        folder.write(fmt::format("data/{}{}.png", i, c), plain_png(of(0, 0), of(1, 0), of(2, 0)));
        labels += fmt::format("{}{}.png,{}\n", i, c, c);
      }
    }
    folder.write("labels.csv", labels);
  }

  Outcome quantize(const std::string& model, std::vector<std::string> more = {}) {
    std::vector<std::string> arguments{"quantize", folder / model,   "--calibration", folder / "calibration",
                                       "--output", folder / "q.onnx"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return godwit(arguments);
  }
  std::vector<std::string> with_data(std::vector<std::string> more = {}) {
    more.insert(more.end(), {"--data", folder / "data", "--labels", folder / "labels.csv", "--json"});
    return more;
  }

  TemporaryDirectory folder;
};

TEST_F(Quantize, WritesAModelThatSaysHowItWasMade) {
  const Json json = quantize("good.onnx", {"--images", "6", "--json"}).json();
  EXPECT_EQ(json.at("schema"), "godwit.quantize/1");
  EXPECT_EQ(json.at("images"), 6);
  EXPECT_EQ(json.at("layers_with_weights"), 2);
  EXPECT_EQ(json.at("layers_quantized"), 2);
  EXPECT_TRUE(json.at("kept").empty());
  const engine::Graph graph = importers::load(folder / "q.onnx");
  EXPECT_EQ(graph.format, "ONNX, opset 13");
  EXPECT_TRUE(graph.metadata.contains("godwit.preprocess"));
  const Json facts = Json::parse(graph.metadata.at("godwit.quantization"));
  EXPECT_EQ(facts.at("method"), "mse");
  EXPECT_EQ(facts.at("bias_correction"), true);
  EXPECT_EQ(facts.at("full_range"), false);
  EXPECT_EQ(facts.at("images"), 6);
  EXPECT_EQ(facts.at("names_sha256").get<std::string>().size(), 64U);
  EXPECT_EQ(facts.at("contents").size(), 6U);
}

TEST_F(Quantize, FullRangeIsSaidAndKeepsTheLabels) {
  const Json json = quantize("good.onnx", with_data({"--full-range"})).json();
  EXPECT_EQ(json.at("full_range"), true);
  EXPECT_EQ(json.at("accuracy").at("top1"), 1.0);
  const engine::Graph graph = importers::load(folder / "q.onnx");
  EXPECT_EQ(Json::parse(graph.metadata.at("godwit.quantization")).at("full_range"), true);
}

TEST_F(Quantize, EveryMethodKeepsTheLabels) {
  for (const char* method : {"mse", "minmax", "percentile"}) {
    const Json json = quantize("good.onnx", with_data({"--method", method})).json();
    EXPECT_EQ(json.at("accuracy").at("images"), 12) << method;
    EXPECT_EQ(json.at("accuracy").at("f32_top1"), 1.0) << method;
    EXPECT_EQ(json.at("accuracy").at("top1"), 1.0) << method;
  }
}

TEST_F(Quantize, ImagesThatCalibrateCountInNoAccuracy) {
  // The same content under another name.
  std::filesystem::copy_file(folder / "calibration/00.png", folder / "data/00.png",
                             std::filesystem::copy_options::overwrite_existing);
  const Outcome outcome = quantize("good.onnx", with_data());
  EXPECT_EQ(outcome.json().at("accuracy").at("images"), 11);
  EXPECT_NE(outcome.err.find("1 image of"), std::string::npos) << outcome.err;
  const Json accuracy = godwit({"accuracy", folder / "q.onnx", "--data", folder / "data", "--labels",
                                folder / "labels.csv", "--json"})
                            .json();
  EXPECT_EQ(accuracy.at("images"), 11);
  EXPECT_EQ(accuracy.at("calibration_images_left_out"), 1);
  expect_error(quantize("good.onnx", {"--data", folder / "calibration", "--labels", folder / "labels.csv"}),
               2, "were used to calibrate the model; accuracy needs others");
}

TEST_F(Quantize, ExplainRanksAPlantedBadLayerFirst) {
  const Json layers = quantize("bad.onnx", {"--explain", "--json"}).json().at("layers");
  ASSERT_GE(layers.size(), 3U);
  EXPECT_EQ(layers.at(0).at("layer"), "first + relu");
  EXPECT_EQ(layers.at(0).at("rank_by_scores"), 1);
  EXPECT_EQ(layers.at(0).at("rank_by_result"), 1);
  EXPECT_LT(layers.at(0).at("scores_sqnr_db").get<double>(), layers.at(1).at("scores_sqnr_db").get<double>());
}

TEST_F(Quantize, MaxDropPutsTheBadLayerBackToF32) {
  const Json before = quantize("bad.onnx", with_data()).json();
  EXPECT_EQ(before.at("accuracy").at("f32_top1"), 1.0);
  EXPECT_LT(before.at("accuracy").at("top1"), 0.9);
  const Json after = quantize("bad.onnx", with_data({"--max-drop", "0.5"})).json();
  EXPECT_EQ(after.at("accuracy").at("top1"), 1.0);
  EXPECT_NE(std::ranges::find(after.at("kept"), Json("first")), after.at("kept").end()) << after;
  const Json unneeded = quantize("good.onnx", with_data({"--max-drop", "0.5"})).json();
  EXPECT_TRUE(unneeded.at("kept").empty());
}

TEST_F(Quantize, KeptNodesStayF32) {
  const Json json = quantize("good.onnx", {"--keep", "second", "--json"}).json();
  EXPECT_EQ(json.at("layers_quantized"), 1);
  EXPECT_EQ(json.at("kept"), (Json{"second"}));
  expect_error(quantize("good.onnx", {"--keep", "third"}), 2, "has no node 'third' to keep in f32");
}

TEST_F(Quantize, BadInputIsRefused) {
  std::filesystem::create_directory(folder / "empty");
  const std::string good = folder / "good.onnx", q = folder / "q.onnx", calibration = folder / "calibration";
  expect_error(godwit({"quantize", good, "--calibration", folder / "empty", "--output", q}), 2, "empty");
  folder.write("broken/a.png", "no image");
  const Outcome broken = godwit({"quantize", good, "--calibration", folder / "broken", "--output", q});
  EXPECT_EQ(broken.exit_code, 2);
  EXPECT_NE(broken.err.find("none of the 1 images can be read"), std::string::npos) << broken.err;
  EXPECT_FALSE(std::filesystem::exists(q));
  expect_error(quantize("good.onnx", {"--max-drop", "1"}), 2, "--max-drop needs --data");
  expect_error(quantize("good.onnx", {"--method", "entropy"}), 2, "entropy");
  expect_error(godwit({"quantize", good, "--calibration", calibration, "--output", good}), 2,
               "is a file that is read; write to another");
  EXPECT_EQ(quantize("good.onnx").exit_code, 0);
  expect_error(godwit({"quantize", q, "--calibration", calibration, "--output", folder / "r.onnx"}), 2,
               "quantised already");
}

TEST_F(Quantize, AnImageThatCannotBeReadIsNamedAndLeftOut) {
  folder.write("calibration/zz.png", "no image");
  const Outcome outcome = quantize("good.onnx", {"--json"});
  EXPECT_EQ(outcome.exit_code, 1);
  EXPECT_NE(outcome.err.find("zz.png"), std::string::npos);
  EXPECT_EQ(outcome.json().at("images"), 12);
  EXPECT_EQ(outcome.json().at("images_failed"), 1);
  EXPECT_EQ(quantize("good.onnx", {"--strict"}).exit_code, 2);
}

TEST_F(Quantize, CompareNamesTheFirstDivergingLayer) {
  ASSERT_EQ(quantize("bad.onnx").exit_code, 0);
  const std::vector<std::string> tail{"--data",      folder / "data", "--precision", "int8",
                                      "--reference", "f32",           "--json"};
  std::vector<std::string> both{"compare", folder / "bad.onnx", "--with", folder / "q.onnx"};
  std::vector<std::string> alone{"compare", folder / "q.onnx"};
  for (std::vector<std::string> arguments : {both, alone}) {
    arguments.insert(arguments.end(), tail.begin(), tail.end());
    const Json json = godwit(arguments).json();
    EXPECT_EQ(json.at("schema"), "godwit.compare/1");
    EXPECT_EQ(json.at("images"), 12);
    EXPECT_EQ(json.at("threshold_db"), 20);
    EXPECT_EQ(json.at("layers").at(0).at("layer"), "first + relu");
    EXPECT_LT(json.at("layers").at(0).at("channel_sqnr_db"), 6);
    EXPECT_EQ(json.at("first_diverging"), "second");
    for (const char* key : {"op", "sqnr_db", "cosine", "largest_error"})
      EXPECT_TRUE(json.at("layers").at(1).contains(key)) << key;
  }
  const Json stored =
      godwit({"compare", folder / "bad.onnx", "--precision", "bf16", "--data", folder / "data", "--json"})
          .json();
  EXPECT_EQ(stored.at("precision"), "bf16");
  EXPECT_FALSE(stored.at("layers").empty());
  expect_error(godwit({"compare", folder / "q.onnx", "--precision", "f16", "--data", folder / "data"}), 2,
               "to compare f16 with f32 pass the f32 model");
  expect_error(godwit({"compare", folder / "bad.onnx", "--with", folder / "q.onnx", "--precision", "f16",
                       "--data", folder / "data"}),
               2, "--with goes with --precision int8");
  expect_error(godwit({"compare", folder / "bad.onnx", "--data", folder / "data"}), 2, "pass --with Q.onnx");
  expect_error(godwit({"compare", folder / "q.onnx", "--with", folder / "q.onnx", "--data", folder / "data"}),
               2, "has to be the f32 model");
}

}  // namespace
}  // namespace godwit::tools
