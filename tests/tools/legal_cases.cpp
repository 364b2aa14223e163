// Legal files that were refused once, with right values, in a folder beside the repository.
#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <string>
#include <vector>

#include "runtime/npy.h"
#include "tests/tools/program.h"

namespace godwit::tools {
namespace {

namespace fs = std::filesystem;
using Strings = std::vector<std::string>;

const fs::path kCases = GODWIT_SOURCE_DIR "/../shared/cases";

#define GODWIT_REQUIRE_CASES(name) \
  if (!fs::exists(kCases / (name))) GTEST_SKIP() << kCases / (name) << " is not there: NOT tested"

constexpr double kF32Epsilon = 0x1p-23, kF16Epsilon = 0x1p-10;

struct Case {
  const char* model;  // beside it: MODEL.in.NAME.npy for its inputs, MODEL.right.NAME.npy for its outputs
  Strings inputs;
  // Roundings between an input and the result; the largest number there stands for their size. 0: exact.
  double roundings = 0;
  const char* told = "";  // on stderr
};

double value_at(const Tensor& tensor, std::size_t i) {
  return tensor.dtype() == DType::f16 ? static_cast<double>(static_cast<float>(tensor.values<Float16>()[i]))
                                      : static_cast<double>(tensor.values<float>()[i]);
}

void expect_right(const std::string& actual, const std::string& right, double roundings) {
  const Tensor a = read_npy(actual), b = read_npy(right);
  ASSERT_EQ(a.dtype(), b.dtype());
  ASSERT_EQ(a.shape(), b.shape());
  const auto count = static_cast<std::size_t>(b.shape().elements());
  double largest = 0;
  for (std::size_t i = 0; i < count; ++i) largest = std::max(largest, std::abs(value_at(b, i)));
  const double allowed = roundings * largest * (a.dtype() == DType::f16 ? kF16Epsilon : kF32Epsilon);
  for (std::size_t i = 0; i < count; ++i)
    ASSERT_LE(std::abs(value_at(a, i) - value_at(b, i)), allowed) << right << " at " << i;
}

// Sums of 27 products, each product and each sum rounded.
constexpr double kConvolution = 54;
// A convolution, a normalisation and a Relu stored in 16 bits each.
constexpr double kStored = 3;

TEST(LegalCases, GiveTheRightValues) {
  GODWIT_REQUIRE_CASES("bn_mixed_types");
  const std::vector<Case> cases = {
      {"bn_mixed_types/h1_f16_bn_f32", {"x"}, kStored},
      {"bn_mixed_types/h1_f16_bn_stats_f32", {"x"}, kStored},
      {"dim_minus1/g3_dim_minus1", {"x"}, kConvolution},
      {"initializer_overridden/g1_init_is_input_overridden", {"x"}, kConvolution},
      {"stale_output_shape/g3_wrong_output_shape", {"x"}, kConvolution, "output 'y' is declared 1x4x7x7"},
      {"stale_output_shape/s1_out_rank_stale", {"x"}, kConvolution, "output 'y' is declared 1x4x8x8"},
      {"stale_output_shape/s1_out_scalar_decl", {"x"}, kConvolution * 8, "output 'y' is declared scalar"},
      {"zero_size/c13_concat_empty", {"a", "b"}},
      {"zero_size/c3_maxpool_empty_out", {"x"}},
      {"zero_size/c5_conv_batch0", {"x"}},
      {"add_self_ties/b4_add_self", {"x"}},
  };
  for (const Case& each : cases) {
    SCOPED_TRACE(each.model);
    const TemporaryDirectory out;
    const std::string stem = (kCases / each.model).string();
    Strings arguments = {"run", stem + ".onnx", "--output-dir", out.path()};
    for (const std::string& name : each.inputs) {
      arguments.emplace_back("--input");
      arguments.push_back(fmt::format("{}={}.in.{}.npy", name, stem, name));
    }
    const Outcome outcome = godwit(arguments);
    ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
    EXPECT_NE(outcome.err.find(each.told), std::string::npos) << outcome.err;
    expect_right(out / "y.npy", stem + ".right.y.npy", each.roundings);
  }
}

// The right values are those of the weights in the file; the tensor beside them holds twice these weights.
TEST(LegalCases, ADefaultGivesWayToWhatIsGiven) {
  GODWIT_REQUIRE_CASES("initializer_overridden");
  const TemporaryDirectory out;
  const std::string stem = (kCases / "initializer_overridden/g1_init_is_input_overridden").string();
  const Outcome outcome = godwit({"run", stem + ".onnx", "--input", "x=" + stem + ".in.x.npy", "--input",
                                  "w=" + stem + ".in.w.npy", "--output-dir", out.path()});
  ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
  Tensor halved = read_npy(out / "y.npy");
  for (float& value : halved.mutable_values<float>()) value *= 0.5F;
  write_npy(out / "halved.npy", halved.view());
  expect_right(out / "halved.npy", stem + ".right.y.npy", kConvolution);
}

TEST(LegalCases, KerasModelsGiveTheRightValues) {
  GODWIT_REQUIRE_CASES("tfjs");
  struct Keras {
    const char* folder;
    const char* right;
  };
  // A mean of 36 results of a convolution, then 4 products.
  constexpr double kRoundings = kConvolution + 36 + 8;
  for (const Keras& each : {Keras{"act_relu6", "right_relu6"},
                            {"relu_layer", "right_relu6"},
                            {"keras3_batch_shape", "right_relu"},
                            {"keras3_flat_io", "right_relu"},
                            {"keras3_inbound", "right_relu"},
                            {"sequential", "right_relu"},
                            {"layer_AveragePooling2D", "right_relu"},
                            {"layer_Concatenate", "right_relu"},
                            {"layer_Dropout", "right_relu"}}) {
    SCOPED_TRACE(each.folder);
    const TemporaryDirectory out;
    const fs::path folder = kCases / "tfjs";
    const Outcome outcome = godwit({"run", (folder / each.folder / "model.json").string(), "--input",
                                    (folder / "input.npy").string(), "--output-dir", out.path()});
    ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
    expect_right(out / "d.npy", (folder / (std::string(each.right) + ".npy")).string(), kRoundings);
  }
  const auto inspect = [](const char* name) {
    return godwit({"inspect", (kCases / "tfjs" / name / "model.json").string()});
  };
  EXPECT_EQ(inspect("bn_default_eps").exit_code, 0);
  expect_error(inspect("layer_Flatten"), 2,
               "layer 'g' (GlobalAveragePooling2D): reads 'z' of rank 2, expected");
}

// z1 is f16 in and out, z2 takes bytes with channels last, z4 gives a feature map first.
TEST(LegalCases, InputsOfOtherTypesInEveryCommand) {
  GODWIT_REQUIRE_CASES("f16_u8_input");
  const TemporaryDirectory folder;
  const fs::path models = kCases / "f16_u8_input";
  const std::string pixels = folder.write("pixels.json", R"({"resize": 32, "crop": 32})");
  for (const char* name : {"a/0.png", "b/1.png"})
    folder.write("data/" + std::string(name), plain_png(9, 8, 7));
  const std::string data = folder / "data", image = data + "/a/0.png";
  for (const std::string model : {"z1_f16_io.onnx", "z2_u8_nhwc.onnx", "z4_features_first.onnx"}) {
    SCOPED_TRACE(model);
    const std::string path = (models / model).string();
    const bool features_first = model.starts_with("z4");
    const auto works = [&](Strings command, const Strings& more = {}, bool scores = true) {
      command.insert(command.begin() + 1, path);
      command.insert(command.end(), more.begin(), more.end());
      if (scores && features_first) command.insert(command.end(), {"--output", "p"});
      Outcome outcome = godwit(command);
      EXPECT_EQ(outcome.exit_code, 0) << command.front() << ": " << outcome.err;
      return outcome;
    };
    const Strings as_pixels = {"--preprocess", pixels, "--json"};
    if (features_first)
      expect_error(godwit({"classify", path, image, "--preprocess", pixels}), 2,
                   "expected one row of scores per image; pass --output with another: 'p' (f32");
    const Outcome labels = works({"classify", image}, as_pixels);
    EXPECT_EQ(labels.json().at("images").at(0).at("labels").size(), 5U);
    EXPECT_EQ(works({"accuracy", "--data", data, "--class-order", "text"}, as_pixels).json().at("images"), 2);
    works({"bench", "--images", data, "--seconds", "0.01"}, as_pixels);
    works({"bench", "--seconds", "0.01"}, {}, false);
    works({"inspect"}, {"--json"}, false);
    works({"explain"}, {}, false);
    works({"run", "--image", image, "--output-dir", folder / "out"}, {"--preprocess", pixels}, false);
    works({"compare", "--data", data, "--recursive", "--precision", "bf16"}, as_pixels, false);
    works({"quantize", "--calibration", data, "--recursive", "--output", folder / "q.onnx"}, as_pixels,
          false);
  }
  const std::string bytes = (models / "z2_u8_nhwc.onnx").string();
  expect_error(godwit({"classify", bytes, image, "--preprocess", "tf", "--resize", "32x32"}), 2,
               "is u8, but preprocessing 'tf' makes");
}

// False sayings of a model about its output are told by every command that reads it.
TEST(LegalCases, StaleShapesAreToldByAllThatReadTheModel) {
  GODWIT_REQUIRE_CASES("stale_output_shape");
  const TemporaryDirectory folder;
  const std::string model = (kCases / "stale_output_shape/g3_wrong_output_shape.onnx").string();
  const Strings commands[] = {{"inspect", model},
                              {"explain", model},
                              {"bench", model, "--seconds", "0.01"},
                              {"convert", model, folder / "out.onnx"}};
  for (const Strings& command : commands) {
    const Outcome outcome = godwit(command);
    EXPECT_EQ(outcome.exit_code, 0) << command.front() << outcome.err;
    const std::size_t at = outcome.err.find("output 'y' is declared 1x4x7x7");
    EXPECT_NE(at, std::string::npos) << command.front() << outcome.err;
    EXPECT_EQ(outcome.err.find("is declared", at + 20), std::string::npos) << command.front() << ": twice";
  }
  EXPECT_EQ(godwit({"inspect", model, "--json"}).json().at("warnings").size(), 1U);
}

}  // namespace
}  // namespace godwit::tools
