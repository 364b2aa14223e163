// Each kind of Keras layer against values by hand, and the forms in which versions of Keras write a model.
#include <cmath>
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "importers/importer.h"
#include "tests/importers/model_maker.h"
#include "tests/importers/tfjs_maker.h"
#include "tests/support/errors.h"

namespace godwit::importers::test {
namespace {

// An image of 2x2 pixels and two channels: 1 2 / 3 4 and, in the second channel, ten times as much.
const std::vector<float> kImage = {1, 2, 3, 4, 10, 20, 30, 40};  // (C, H, W)

std::vector<float> result_of(const TfjsMaker& maker, const json& document) {
  const TemporaryDirectory folder;
  const engine::Graph graph = load(maker.save(folder, document));
  return values_of(run(graph, {Tensor::of<float>({1, 2, 2, 2}, std::span<const float>(kImage))})[0]);
}

// One layer behind the image.
std::vector<float> layer_result(const char* kind, const json& config) {
  TfjsMaker maker("model");
  maker.input(2, 2);
  maker.layer(kind, "z", {"input_1"}, config);
  return result_of(maker, maker.document());
}

std::vector<float> each(const std::vector<float>& values, float (*function)(float)) {
  std::vector<float> result;
  for (const float value : values) result.push_back(function(value));
  return result;
}

TEST(TfjsLayers, ThatHandOnWhatTheyRead) {
  for (const char* kind : {"Dropout", "SpatialDropout2D", "GaussianNoise", "GaussianDropout", "AlphaDropout",
                           "ActivityRegularization", "Concatenate"}) {
    TfjsMaker maker("model");
    maker.input(2, 2);
    maker.layer(kind, "z", {"input_1"}, json::object());
    maker.layer("ReLU", "r", {"z"}, json::object());
    EXPECT_EQ(result_of(maker, maker.document()), kImage) << kind;
  }
}

TEST(TfjsLayers, FlattenCountsChannelsLast) {
  EXPECT_EQ(layer_result("Flatten", json::object()), (std::vector<float>{1, 10, 2, 20, 3, 30, 4, 40}));
}

TEST(TfjsLayers, ReshapeAndPermuteCountChannelsLast) {
  EXPECT_EQ(layer_result("Reshape", {{"target_shape", {4, -1}}}),
            (std::vector<float>{1, 10, 2, 20, 3, 30, 4, 40}));
  // (1, 4, 2) in Keras: back in the order of the graph, the channels lie apart again.
  EXPECT_EQ(layer_result("Reshape", {{"target_shape", {1, 4, 2}}}), kImage);
  // Height and width exchanged.
  EXPECT_EQ(layer_result("Permute", {{"dims", {2, 1, 3}}}), (std::vector<float>{1, 3, 2, 4, 10, 30, 20, 40}));
}

TEST(TfjsLayers, CroppingAndPadding) {
  EXPECT_EQ(layer_result("Cropping2D", {{"cropping", {{1, 0}, {0, 1}}}}), (std::vector<float>{3, 30}));
  EXPECT_EQ(layer_result("ZeroPadding2D", {{"padding", {{0, 0}, {1, 0}}}}),
            (std::vector<float>{0, 1, 2, 0, 3, 4, 0, 10, 20, 0, 30, 40}));
}

TEST(TfjsLayers, PoolsWithKerasDefaults) {
  EXPECT_EQ(layer_result("AveragePooling2D", json::object()), (std::vector<float>{2.5F, 25}));
  EXPECT_EQ(layer_result("MaxPooling2D", json::object()), (std::vector<float>{4, 40}));
  EXPECT_EQ(layer_result("GlobalAveragePooling2D", json::object()), (std::vector<float>{2.5F, 25}));
  // Padding outside of the image does not count.
  EXPECT_EQ(layer_result("AveragePooling2D", {{"pool_size", 2}, {"strides", 1}, {"padding", "same"}}),
            (std::vector<float>{2.5F, 3, 3.5F, 4, 25, 30, 35, 40}));
}

TEST(TfjsLayers, Activations) {
  EXPECT_EQ(layer_result("ReLU", {{"max_value", 6}}), (std::vector<float>{1, 2, 3, 4, 6, 6, 6, 6}));
  EXPECT_EQ(layer_result("ReLU", {{"max_value", nullptr}}), kImage);
  EXPECT_EQ(layer_result("Activation", {{"activation", "relu6"}}),
            (std::vector<float>{1, 2, 3, 4, 6, 6, 6, 6}));
  EXPECT_EQ(layer_result("LeakyReLU", {{"alpha", 0.5}}), kImage);
  EXPECT_EQ(layer_result("Activation", {{"activation", "linear"}}), kImage);
  EXPECT_EQ(layer_result("Rescaling", {{"scale", 0.5}, {"offset", -1}}),
            each(kImage, [](float x) { return x * 0.5F - 1; }));
  const std::vector<float> sigmoid = layer_result("Activation", {{"activation", "sigmoid"}});
  EXPECT_NEAR(sigmoid[0], 1 / (1 + std::exp(-1.0)), 1e-6);
  // x + 3 over 6 or 0.2 x + 0.5, both held within 0 and 1.
  EXPECT_NEAR(layer_result("Activation", {{"activation", "hard_sigmoid"}})[0], 0.7, 1e-6);
  // Channels 1 and 10: the second wins.
  const std::vector<float> softmax = layer_result("Softmax", json::object());
  EXPECT_NEAR(softmax[0], 1 / (1 + std::exp(9.0)), 1e-6);
  EXPECT_NEAR(softmax[0] + softmax[4], 1, 1e-6);
}

TEST(TfjsLayers, NegativeSidesOfActivations) {
  TfjsMaker maker("model");
  maker.input(2, 2);
  maker.layer("Rescaling", "negative", {"input_1"}, {{"scale", -1}});
  maker.layer("ReLU", "z", {"negative"}, {{"negative_slope", 0.5}, {"max_value", 6}});
  EXPECT_EQ(result_of(maker, maker.document()), each(kImage, [](float x) { return -0.5F * x; }));
}

TEST(TfjsLayers, Merges) {
  const auto merged = [](const char* kind) {
    TfjsMaker maker("model");
    maker.input(2, 2);
    maker.layer("GlobalAveragePooling2D", "mean", {"input_1"}, json::object());
    maker.layer(kind, "z", {"input_1", "mean"}, json::object());
    return result_of(maker, maker.document());
  };
  EXPECT_EQ(merged("Multiply"), (std::vector<float>{2.5F, 5, 7.5F, 10, 250, 500, 750, 1000}));
  EXPECT_EQ(merged("Subtract"), (std::vector<float>{-1.5F, -0.5F, 0.5F, 1.5F, -15, -5, 5, 15}));
  EXPECT_EQ(merged("Average"), (std::vector<float>{1.75F, 2.25F, 2.75F, 3.25F, 17.5F, 22.5F, 27.5F, 32.5F}));
}

TEST(TfjsLayers, DenseOnImagesAndRows) {
  TfjsMaker maker("model");
  maker.input(2, 2);
  maker.layer("Dense", "z", {"input_1"}, {{"units", 1}});
  maker.add_weight("z/kernel", {2, 1}, {1, 0.5F});
  maker.add_weight("z/bias", {1}, {100});
  EXPECT_EQ(result_of(maker, maker.document()), (std::vector<float>{106, 112, 118, 124}));
}

TEST(TfjsLayers, DepthwiseAndSeparableConvolutions) {
  for (const char* name : {"z/depthwise_kernel", "z/kernel"}) {
    TfjsMaker maker("model");
    maker.input(2, 2);
    maker.layer("DepthwiseConv2D", "z", {"input_1"},
                {{"kernel_size", {1, 1}}, {"depth_multiplier", 2}, {"use_bias", false}});
    maker.add_weight(name, {1, 1, 2, 2}, {1, 2, 3, 4});
    EXPECT_EQ(result_of(maker, maker.document()),
              (std::vector<float>{1, 2, 3, 4, 2, 4, 6, 8, 30, 60, 90, 120, 40, 80, 120, 160}));
  }
  TfjsMaker maker("model");
  maker.input(2, 2);
  maker.layer("SeparableConv2D", "z", {"input_1"}, {{"kernel_size", {2, 1}}, {"filters", 1}});
  maker.add_weight("z/depthwise_kernel", {2, 1, 2, 1}, {1, 0, 1, 1});  // rows summed; the lower row alone
  maker.add_weight("z/pointwise_kernel", {1, 1, 2, 1}, {1, 2});
  maker.add_weight("z/bias", {1}, {1000});
  EXPECT_EQ(result_of(maker, maker.document()), (std::vector<float>{1000 + 4 + 60, 1000 + 6 + 80}));
}

TEST(TfjsLayers, GroupsOfConvolutions) {
  TfjsMaker maker("model");
  maker.input(2, 2);
  maker.layer("Conv2D", "z", {"input_1"},
              {{"kernel_size", 1}, {"filters", 2}, {"groups", 2}, {"use_bias", false}});
  maker.add_weight("z/kernel", {1, 1, 1, 2}, {2, 3});
  EXPECT_EQ(result_of(maker, maker.document()), (std::vector<float>{2, 4, 6, 8, 30, 60, 90, 120}));
}

TEST(TfjsLayers, BatchNormalizationsDefaultEpsilon) {
  TfjsMaker maker("model");
  maker.input(2, 2);
  maker.layer("BatchNormalization", "z", {"input_1"}, {{"scale", false}, {"center", false}});
  maker.add_weight("z/moving_mean", {2}, {0, 0});
  maker.add_weight("z/moving_variance", {2}, {0.999F, 0.999F});
  const std::vector<float> result = result_of(maker, maker.document());
  for (std::size_t i = 0; i < kImage.size(); ++i) EXPECT_NEAR(result[i], kImage[i], kImage[i] * 1e-6);
}

// Layers whose operators come and go with the build are read where these are there, else refused by name.
TEST(TfjsLayers, OperatorsThatABuildMayLack) {
  const auto outcome = [](const char* kind, const json& config, const char* op,
                          const std::vector<float>& expected) {
    if (ops::find_op(op) != nullptr) {
      EXPECT_EQ(layer_result(kind, config), expected) << kind;
    } else {
      expect_contains(support::error_of([&] { (void)layer_result(kind, config); }),
                      fmt::format("1 layer is of a kind that is not supported ({})", kind));
    }
  };
  outcome("GlobalMaxPooling2D", json::object(), "GlobalMaxPool", {4, 40});
  outcome("UpSampling2D", {{"size", {1, 2}}}, "Resize",
          {1, 1, 2, 2, 3, 3, 4, 4, 10, 10, 20, 20, 30, 30, 40, 40});
}

TEST(TfjsLayers, TransposedConvolutions) {
  TfjsMaker maker("model");
  maker.input(2, 2);
  maker.layer("Conv2DTranspose", "z", {"input_1"},
              {{"kernel_size", {1, 2}},
               {"strides", {1, 2}},
               {"filters", 1},
               {"padding", "same"},
               {"use_bias", false}});
  maker.add_weight("z/kernel", {1, 2, 1, 2}, {1, 0, 0, 1});  // left: channel 0, right: channel 1
  if (ops::find_op("ConvTranspose") == nullptr) GTEST_SKIP() << "there is no ConvTranspose in this build";
  EXPECT_EQ(result_of(maker, maker.document()), (std::vector<float>{1, 10, 2, 20, 3, 30, 4, 40}));
}

TEST(TfjsLayers, RefusalsSayWhy) {
  const auto refusal = [](const char* kind, const json& config) {
    return support::error_of([&] { (void)layer_result(kind, config); });
  };
  expect_contains(refusal("ReLU", {{"threshold", 1}}), "layer 'z' (ReLU): 'threshold' is 1, expected 0");
  expect_contains(refusal("Permute", {{"dims", {1, 1, 3}}}),
                  "'dims' is [1,1,3], expected each of 1 to 3 once");
  expect_contains(refusal("Reshape", {{"target_shape", {-1, nullptr}}}), "leaves more than one size open");
  expect_contains(refusal("Reshape", {{"target_shape", {3, 3}}}), "node 'z' (Reshape): shape 1x2x2x2");
  expect_contains(refusal("Cropping2D", {{"cropping", {1, 1}}}), "expected two pairs of integers");
  expect_contains(refusal("Add", json::object()), "reads 1 layer, expected at least 2");
  expect_contains(refusal("Activation", json::object()), "has no 'activation'");
  expect_contains(refusal("Activation", {{"activation", {{"class_name", "Odd"}, {"config", 1}}}}),
                  "'activation' is an object of class 'Odd'");
}

TfjsMaker small_convolution() {
  TfjsMaker maker("model");
  maker.input(2, 2);
  maker.layer("Conv2D", "c", {"input_1"}, {{"kernel_size", 1}, {"filters", 1}, {"activation", "relu"}});
  maker.add_weight("c/kernel", {1, 1, 2, 1}, {1, 1});
  maker.add_weight("c/bias", {1}, {-30});
  return maker;
}
const std::vector<float> kConvolved = {0, 0, 3, 14};

json& layers_of(json& document) { return document["modelTopology"]["model_config"]["config"]["layers"]; }

TEST(TfjsForms, OfKeras3) {
  const TfjsMaker maker = small_convolution();
  json document = maker.document();
  json& config = document["modelTopology"]["model_config"]["config"];
  config["input_layers"] = {"input_1", 0, 0};
  config["output_layers"] = {"c", 0, 0};
  json& input = config["layers"][0]["config"];
  input["batch_shape"] = input["batch_input_shape"];
  input.erase("batch_input_shape");
  input["dtype"] = {{"class_name", "DTypePolicy"}, {"config", {{"name", "float32"}}}};
  const json tensor = {{"class_name", "__keras_tensor__"},
                       {"config", {{"keras_history", {"input_1", 0, 0}}}}};
  const json call = {{"args", json::array({tensor})}, {"kwargs", json::object()}};
  config["layers"][1]["inbound_nodes"] = json::array({call});
  EXPECT_EQ(result_of(maker, document), kConvolved);
  // Weights that tell the model they belong to.
  document["weightsManifest"][0]["weights"][0]["name"] = "functional_1/c/kernel";
  EXPECT_EQ(result_of(maker, document), kConvolved);
}

TEST(TfjsForms, SequentialModels) {
  const TfjsMaker maker = small_convolution();
  json document = maker.document();
  document["modelTopology"]["model_config"]["class_name"] = "Sequential";
  for (json& layer : layers_of(document)) layer.erase("inbound_nodes");
  EXPECT_EQ(result_of(maker, document), kConvolved);
  json in_first = document;
  layers_of(in_first)[1]["config"]["batch_input_shape"] =
      layers_of(in_first)[0]["config"]["batch_input_shape"];
  layers_of(in_first).erase(0);
  EXPECT_EQ(result_of(maker, in_first), kConvolved) << "no input layer, as in Keras 2";
  json bare = in_first;
  layers_of(bare)[0]["config"].erase("batch_input_shape");
  expect_contains(support::error_of([&] { (void)result_of(maker, bare); }),
                  "the first layer of a sequential model has no 'batch_input_shape'");
}

TEST(TfjsForms, ModelsInsideModels) {
  const TfjsMaker maker = small_convolution();
  json document = maker.document();
  json& model = document["modelTopology"]["model_config"];
  const json source = {"photo", 0, 0}, output = {"base", 0, 0};
  const json inner = {{"class_name", "Functional"},
                      {"name", "base"},
                      {"config", model["config"]},
                      {"inbound_nodes", json::array({json::array({source})})}};
  json photo = layers_of(document)[0];
  photo["config"]["name"] = "photo";
  model["config"]["layers"] = {photo, inner};
  model["config"]["layers"][1]["config"]["name"] = "base";
  model["config"]["output_layers"] = json::array({output});
  EXPECT_EQ(result_of(maker, document), kConvolved);
}

TEST(TfjsForms, QuantizedWeights) {
  struct Case {
    const char* dtype;
    std::string bytes;
    double scale, minimum;
  };
  // 1 and 1 as numbers of each type.
  const std::string half("\x00\x3c\x00\x3c", 4), bytes("\x02\x02", 2), shorts("\x00\x02\x00\x02", 4);
  for (const Case& each :
       {Case{"float16", half, 0, 0}, Case{"uint8", bytes, 0.75, -0.5}, Case{"uint16", shorts, 0x1p-8, -1}}) {
    TfjsMaker maker = small_convolution();
    json document = maker.document();
    const TemporaryDirectory folder;
    const float bias = -30;
    std::string shard = each.bytes;
    shard.append(reinterpret_cast<const char*>(&bias), sizeof bias);
    json& group = document["weightsManifest"][0];
    group["paths"] = json::array({"all.bin"});
    group["weights"][0]["quantization"] = {{"dtype", each.dtype}, {"original_dtype", "float32"}};
    if (each.scale != 0) {
      group["weights"][0]["quantization"]["scale"] = each.scale;
      group["weights"][0]["quantization"]["min"] = each.minimum;
    }
    folder.write("all.bin", shard);
    const engine::Graph graph = load(folder.write("model.json", document.dump()));
    EXPECT_EQ(values_of(run(graph, {Tensor::of<float>({1, 2, 2, 2}, std::span<const float>(kImage))})[0]),
              kConvolved)
        << each.dtype;
  }
}

}  // namespace
}  // namespace godwit::importers::test
