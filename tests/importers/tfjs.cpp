// Small TensorFlow.js models written here, imported and run; then everything that can be wrong with one.
#include <algorithm>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <random>

#include "importers/importer.h"
#include "importers/tfjs/reader.h"
#include "runtime/error.h"
#include "tests/importers/model_maker.h"
#include "tests/importers/tfjs_maker.h"
#include "tests/support/errors.h"

namespace godwit::importers::test {
namespace {

json conv_config(std::int64_t filters, std::int64_t kernel, const char* padding = "valid",
                 std::int64_t stride = 1) {
  return {{"filters", filters},
          {"kernel_size", {kernel, kernel}},
          {"strides", {stride, stride}},
          {"padding", padding},
          {"data_format", "channels_last"},
          {"dilation_rate", {1, 1}},
          {"activation", "linear"},
          {"use_bias", true}};
}

json batch_norm_config() { return {{"axis", {3}}, {"epsilon", 0.001}, {"center", true}, {"scale", true}}; }

void batch_norm(TfjsMaker& maker, const char* name, const char* source, std::int64_t channels) {
  maker.layer("BatchNormalization", name, {source}, batch_norm_config());
  for (const char* part : {"gamma", "beta", "moving_mean"})
    maker.weight(fmt::format("{}/{}", name, part), {channels});
  const std::vector<float> variance(static_cast<std::size_t>(channels), 0.25F);
  maker.add_weight(fmt::format("{}/moving_variance", name), {channels}, variance);
}

// A small ResNet50, built as keras.applications builds it.
TfjsMaker small_resnet(const char* name = "resnet50") {
  TfjsMaker maker(name);
  maker.input(8);
  maker.layer("ZeroPadding2D", "conv1_pad", {"input_1"},
              {{"padding", {{1, 1}, {1, 1}}}, {"data_format", "channels_last"}});
  maker.layer("Conv2D", "conv1", {"conv1_pad"}, conv_config(4, 3, "valid", 2));
  maker.weight("conv1/kernel", {3, 3, 3, 4});
  maker.weight("conv1/bias", {4});
  batch_norm(maker, "bn_conv1", "conv1", 4);
  maker.layer("Activation", "activation", {"bn_conv1"}, {{"activation", "relu"}});
  maker.layer("ZeroPadding2D", "pool1_pad", {"activation"}, {{"padding", {{1, 1}, {1, 1}}}});
  maker.layer("MaxPooling2D", "pool1", {"pool1_pad"},
              {{"pool_size", {3, 3}}, {"strides", {2, 2}}, {"padding", "valid"}});
  maker.layer("Conv2D", "res2a", {"pool1"}, conv_config(4, 3, "same"));
  maker.weight("res2a/kernel", {3, 3, 4, 4});
  maker.weight("res2a/bias", {4});
  maker.layer("Add", "add", {"res2a", "pool1"}, json::object());
  maker.layer("GlobalAveragePooling2D", "avg_pool", {"add"}, json::object());
  maker.layer("Dense", "fc", {"avg_pool"}, {{"units", 5}, {"activation", "softmax"}, {"use_bias", true}});
  maker.weight("fc/kernel", {4, 5});
  maker.weight("fc/bias", {5});
  return maker;
}

std::string error_of_json(const TfjsMaker& maker, const json& model) {
  const TemporaryDirectory folder;
  const std::string path = maker.save(folder, model);
  return support::error_of([&] { (void)load(path); });
}
std::string error_of_model(const TfjsMaker& maker) { return error_of_json(maker, maker.document()); }

TEST(Tfjs, ASmallResnetBecomesWhatExportersWrite) {
  const TemporaryDirectory folder;
  const engine::Graph graph = load(small_resnet().save(folder));
  std::vector<std::string> nodes;
  for (const engine::Node& node : graph.nodes)
    nodes.push_back(fmt::format("{} {}", node.op->name, node.name));
  EXPECT_EQ(nodes, (std::vector<std::string>{"Conv conv1", "BatchNormalization bn_conv1", "Relu activation",
                                             "Pad pool1_pad", "MaxPool pool1", "Conv res2a", "Add add",
                                             "GlobalAveragePool avg_pool", "Flatten avg_pool_flatten",
                                             "Gemm fc", "Softmax fc_softmax"}));
  EXPECT_EQ(graph.nodes[0].attributes.integers("pads", 4, 0, 0), (std::vector<std::int64_t>{1, 1, 1, 1}));
  const engine::Value& input = graph.value(graph.inputs.at(0));
  EXPECT_EQ(input.name, "input");
  EXPECT_EQ(graph.to_string(input.desc.shape), "Nx3x8x8");
  const engine::Value& output = graph.value(graph.outputs.at(0));
  EXPECT_EQ(output.name, "prob");
  EXPECT_EQ(graph.to_string(output.desc.shape), "Nx5");
  EXPECT_EQ(graph.metadata.at("godwit.preprocess"), "caffe");
  EXPECT_EQ(graph.metadata.count("godwit.labels"), 0U);
  EXPECT_NO_THROW(engine::verify(graph));
}

TEST(Tfjs, AnswersArePossibleProbabilities) {
  const TemporaryDirectory folder;
  engine::Graph graph = load(small_resnet().save(folder));
  const std::vector<float> image(2 * 3 * 64, 0.5F);
  const Tensor src = Tensor::of<float>({2, 3, 8, 8}, std::span<const float>(image));
  const std::vector<float> first = values_of(run(graph, {src})[0]);
  ASSERT_EQ(first.size(), 10U);
  for (int i = 0; i < 5; ++i)
    EXPECT_EQ(first[static_cast<std::size_t>(i)], first[static_cast<std::size_t>(i) + 5]);
  save_onnx(graph, folder / "model.onnx");
  EXPECT_EQ(values_of(run(load(folder / "model.onnx"), {src})[0]), first) << "the same through ONNX";
}

// A convolution as Keras defines it: channels last, kernel (KH, KW, IC, OC), the image's channels reversed or
// not.
void expect_convolution(const char* model_name, bool reversed) {
  TfjsMaker maker(model_name);
  maker.input();
  maker.layer("Conv2D", "conv", {"input_1"}, conv_config(2, 2));
  const std::vector<float> kernel = maker.weight("conv/kernel", {2, 2, 3, 2});
  const std::vector<float> bias = maker.weight("conv/bias", {2});
  const TemporaryDirectory folder;
  const engine::Graph graph = load(maker.save(folder));
  std::vector<float> image;  // (3, 4, 4)
  for (int i = 0; i < 48; ++i) image.push_back(static_cast<float>(i % 7));
  const std::vector<float> dst =
      values_of(run(graph, {Tensor::of<float>({1, 3, 4, 4}, std::span<const float>(image))})[0]);
  for (int o = 0; o < 2; ++o) {
    for (int y = 0; y < 3; ++y) {
      for (int x = 0; x < 3; ++x) {
        float sum = bias[static_cast<std::size_t>(o)];
        for (int t = 0; t < 12; ++t) {
          const int c = t % 3, kx = t / 3 % 2, ky = t / 6;
          const int channel = reversed ? 2 - c : c;
          sum += image[static_cast<std::size_t>((channel * 4 + y + ky) * 4 + x + kx)] *
                 kernel[static_cast<std::size_t>(t * 2 + o)];
        }
        // Multiples of 1/8 below 2^8: every sum is exact.
        EXPECT_EQ(dst[static_cast<std::size_t>((o * 3 + y) * 3 + x)], sum);
      }
    }
  }
  EXPECT_EQ(graph.metadata.count("godwit.preprocess"), reversed ? 1U : 0U);
  EXPECT_EQ(graph.value(graph.outputs[0]).name, "conv") << "no softmax, no probabilities";
}

TEST(Tfjs, ModelsOfCaffesPreprocessingTakeRgbInstead) { expect_convolution("resnet50", true); }
TEST(Tfjs, OtherModelsKeepTheirChannels) { expect_convolution("resnet50v2", false); }

TEST(Tfjs, CaffePreprocessingIsKnownByName) {
  for (const char* name : {"resnet50", "resnet101", "resnet152", "vgg16", "vgg19"})
    EXPECT_TRUE(caffe_preprocessing(name));
  for (const char* name : {"resnet50v2", "mobilenet_1.00_224", "", "model"})
    EXPECT_FALSE(caffe_preprocessing(name));
}

TEST(Tfjs, PaddingThatIsReadByOthersStaysANode) {
  TfjsMaker maker("model");
  maker.input();
  maker.layer("ZeroPadding2D", "pad", {"input_1"}, {{"padding", {{0, 1}, {2, 3}}}});
  maker.layer("Conv2D", "conv", {"pad"}, conv_config(3, 1));
  maker.weight("conv/kernel", {1, 1, 3, 3});
  maker.weight("conv/bias", {3});
  maker.layer("Add", "sum", {"conv", "pad"}, json::object());
  const TemporaryDirectory folder;
  const engine::Graph graph = load(maker.save(folder));
  EXPECT_EQ(graph.nodes[0].op->name, "Pad");
  EXPECT_EQ(graph.to_string(graph.value(graph.outputs[0]).desc.shape), "Nx3x5x9");
}

TEST(Tfjs, StridedSamePaddingIsLeftToTheOperator) {
  TfjsMaker maker("model");
  maker.input(5);
  maker.layer("Conv2D", "conv", {"input_1"}, conv_config(1, 3, "same", 2));
  maker.weight("conv/kernel", {3, 3, 3, 1});
  maker.weight("conv/bias", {1});
  const TemporaryDirectory folder;
  const engine::Graph graph = load(maker.save(folder));
  EXPECT_EQ(graph.nodes[0].attributes.string("auto_pad", ""), "SAME_UPPER");
  EXPECT_EQ(graph.to_string(graph.value(graph.outputs[0]).desc.shape), "Nx1x3x3");
}

TEST(Tfjs, BatchNormalizationWithoutScaleOrCenter) {
  TfjsMaker maker("model");
  maker.input(1, 1);
  json config = batch_norm_config();
  config["scale"] = false;
  config["center"] = false;
  config["epsilon"] = 0;
  maker.layer("BatchNormalization", "bn", {"input_1"}, config);
  maker.add_weight("bn/moving_mean", {1}, {1});
  maker.add_weight("bn/moving_variance", {1}, {4});
  const TemporaryDirectory folder;
  const engine::Graph graph = load(maker.save(folder));
  EXPECT_EQ(values_of(run(graph, {Tensor::of<float>({1, 1, 1, 1}, {7})})[0]), std::vector<float>{3});
}

TEST(Tfjs, LabelsAreFoundBesideTheModel) {
  for (const char* place : {"labels.json", "assets/labels.json"}) {
    const TemporaryDirectory folder;
    folder.write(place, R"({"0": "tench", "1": "great_white_shark", "2": "c", "3": "d", "4": "e"})");
    const engine::Graph graph = load(small_resnet().save(folder));
    EXPECT_EQ(json::parse(graph.metadata.at("godwit.labels")),
              json({"tench", "great white shark", "c", "d", "e"}));
  }
  const TemporaryDirectory folder;
  folder.write("labels.json", R"(["a", "b"])");
  const std::string path = small_resnet().save(folder);
  expect_contains(support::error_of([&] { (void)load(path); }),
                  "importing model.json: labels.json has 2 labels, the model's output has 5 classes");
}

TEST(Tfjs, UnsupportedLayersAreReportedAtOnce) {
  TfjsMaker maker = small_resnet();
  maker.layer("LSTM", "memory", {"fc"}, json::object());
  maker.layer("Lambda", "anything", {"memory"}, json::object());
  expect_contains(error_of_model(maker),
                  "importing model.json: 2 layers are of a kind that is not supported (LSTM, Lambda):\n"
                  "  layer 'memory' (LSTM)\n  layer 'anything' (Lambda)");
}

TEST(Tfjs, FilesThatAreNoModels) {
  const TemporaryDirectory folder;
  const auto error_of_text = [&](std::string_view text) {
    const std::string path = folder.write("m.json", text);
    return support::error_of([&] { (void)load(path); });
  };
  expect_contains(error_of_text(""), "importing m.json: 'm.json' is not valid JSON");
  expect_contains(error_of_text("{\"a\": "), "'m.json' is not valid JSON: it ends too early, in line 1");
  expect_contains(error_of_text("{\n\"a\": ]"),
                  "'m.json' is not valid JSON: line 2, column 6 cannot be read");
  expect_contains(error_of_text("{}"), "is it a TensorFlow.js layers-model?");
  expect_contains(error_of_text("[1]"), "the JSON is not of the form of a layers-model");
  expect_contains(error_of_text(R"({"format": "graph-model"})"),
                  "the model is a 'graph-model', expected a 'layers-model'");
  json other = small_resnet().document();
  other["modelTopology"]["model_config"]["class_name"] = "Subclassed";
  expect_contains(error_of_json(small_resnet(), other), "the model is of class 'Subclassed'");
}

TEST(Tfjs, WeightsThatAreMissingOrWrong) {
  const TfjsMaker maker = small_resnet();
  const json good = maker.document();
  const auto error_with = [&](const auto& change) {
    json model = good;
    change(model["weightsManifest"][0]);
    return error_of_json(maker, model);
  };
  expect_contains(error_with([](json& g) { g["weights"][0]["dtype"] = "float16"; }),
                  "weight 'conv1/kernel': is of type float16, expected float32");
  expect_contains(error_with([](json& g) { g["weights"][0]["quantization"] = json::object(); }),
                  "weight 'conv1/kernel': has no 'dtype'");
  expect_contains(error_with([](json& g) {
                    g["weights"][0]["quantization"] = {{"dtype", "int4"}};
                  }),
                  "weight 'conv1/kernel': is quantized to int4, expected uint8, uint16 or float16");
  expect_contains(error_with([](json& g) {
                    g["weights"][0]["quantization"] = {{"dtype", "uint8"}, {"scale", "x"}, {"min", 0}};
                  }),
                  "weight 'conv1/kernel': 'scale' is \"x\", expected a number");
  expect_contains(error_with([](json& g) { g["weights"][0]["name"] = "other"; }),
                  "layer 'conv1' (Conv2D): weight 'conv1/kernel' is not in the manifest");
  expect_contains(error_with([](json& g) {
                    g["weights"][0]["shape"] = {3, 3, 4, 3};
                  }),
                  "weight 'conv1/kernel' has shape 3x3x4x3, expected 3x3x3x4");
  expect_contains(error_with([](json& g) {
                    g["weights"][0]["shape"] = {3, 3, 3, 5};
                  }),
                  "bytes, their 2 shards have ");
  expect_contains(error_with([](json& g) { g["weights"][0]["shape"] = {-3, 3}; }), "a shape has size -3");
  expect_contains(error_with([](json& g) {
                    g["weights"][0]["shape"] = {INT64_MAX, 3};
                  }),
                  "has more elements than fit");
  expect_contains(error_with([](json& g) { g["weights"][0]["shape"] = {nullptr}; }),
                  "has an unknown size in its shape");
  expect_contains(error_with([](json& g) { g["weights"][1]["name"] = "conv1/kernel"; }), "is listed twice");
  expect_contains(error_with([](json& g) { g["paths"][0] = "../shard1.bin"; }),
                  "external file '../shard1.bin' has '..'");
  expect_contains(error_with([](json& g) { g["paths"][0] = "/etc/hostname"; }), "is an absolute path");
  expect_contains(error_with([](json& g) { g["paths"][1] = "absent.bin"; }),
                  "external file 'absent.bin' cannot be found");
}

TEST(Tfjs, LayersThatAreWrong) {
  const TfjsMaker maker = small_resnet();
  const auto error_with = [&](std::size_t layer, const auto& change) {
    json model = maker.document();
    change(model["modelTopology"]["model_config"]["config"]["layers"][layer]);
    return error_of_json(maker, model);
  };
  const auto config_error = [&](std::size_t layer, const char* key, const json& value) {
    return error_with(layer, [&](json& l) { l["config"][key] = value; });
  };
  constexpr std::size_t kInput = 0, kPad = 1, kConv = 2, kNorm = 3, kRelu = 4, kPool = 6, kDense = 10;
  expect_contains(config_error(kInput, "batch_input_shape", {nullptr, 3}),
                  "layer 'input_1' (InputLayer): has shape ?x3");
  expect_contains(config_error(kInput, "batch_input_shape", {nullptr, 8, 8, 1}), "has 1 channel, expected 3");
  expect_contains(config_error(kInput, "dtype", "int32"), "is of type int32, expected float32");
  expect_contains(config_error(kPad, "padding", {{1, -1}, {1, 1}}), "expected four integers of at least 0");
  expect_contains(config_error(kPad, "padding", {1, 1}), "expected two pairs of integers");
  expect_contains(config_error(kConv, "data_format", "channels_first"), "'data_format' is 'channels_first'");
  expect_contains(config_error(kConv, "filters", 0),
                  "layer 'conv1' (Conv2D): 'filters' has value 0, expected a positive integer");
  expect_contains(config_error(kConv, "strides", {1, 2, 3}), "'strides' is [1,2,3], expected two integers");
  expect_contains(config_error(kConv, "padding", "causal"),
                  "'padding' is 'causal', expected 'same' or 'valid'");
  expect_contains(config_error(kConv, "activation", "cube"), "activation 'cube' is not supported");
  expect_contains(config_error(kConv, "groups", 2), "has groups");
  expect_contains(config_error(kNorm, "axis", {1}), "'axis' is [1], expected the last one");
  expect_contains(config_error(kRelu, "activation", 3), "'activation' is 3, expected a text");
  expect_contains(config_error(kPool, "pool_size", {1.5, 2}), "'pool_size' has value 1.5");
  expect_contains(config_error(kDense, "units", -1), "'units' has value -1");
  expect_contains(error_with(kConv, [](json& l) { l["inbound_nodes"][0][0][0] = "nobody"; }),
                  "reads layer 'nobody'");
  expect_contains(error_with(kConv, [](json& l) { l["inbound_nodes"] = json::array(); }), "reads 0 layers");
  expect_contains(error_with(kConv, [](json& l) { l["inbound_nodes"].push_back(l["inbound_nodes"][0]); }),
                  "layer 'conv1': is called 2 times");
  expect_contains(error_with(kConv, [](json& l) { l["inbound_nodes"][0][0][2] = 1; }),
                  "further call or output");
  expect_contains(error_with(kRelu, [](json& l) { l["config"]["name"] = "conv1"; }),
                  "another layer has the same name");
  expect_contains(
      error_with(kConv,
                 [](json& l) { l["inbound_nodes"][0][0][0] = "input_1", l["class_name"] = "Activation"; }),
      "reads the image, whose channels only a Conv2D can take in another order");
}

TEST(Tfjs, DamagedJsonNeverDoesWorseThanAnError) {
  const TfjsMaker maker = small_resnet();
  const TemporaryDirectory folder;
  (void)maker.save(folder);
  const std::string text = maker.document().dump();
  std::mt19937 random(3);
  for (int i = 0; i < 3000; ++i) {
    std::string damaged = text;
    damaged[random() % damaged.size()] = "0123456789-[]{}\",:en"[random() % 20];
    std::filesystem::remove(folder / "damaged.json");
    const std::string path = folder.write("damaged.json", damaged);
    try {
      (void)load(path);
    } catch (const Error&) {
    }
  }
}

}  // namespace
}  // namespace godwit::importers::test
