// Scores: what the last layer makes them, and what happens where they are no numbers.
#include <algorithm>
#include <cmath>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <limits>
#include <string>
#include <vector>

#include "importers/importer.h"
#include "runtime/npy.h"
#include "tests/support/graph_builder.h"
#include "tests/tools/program.h"

namespace godwit::tools {
namespace {

using engine::ValueId;
using support::GraphBuilder;
using support::ints;

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr const char* kPreprocess = R"({"resize": 8, "crop": 8, "scale": 0.00392156862745098})";

// A line with a number that is none, as C and C++ print it.
bool has_nonfinite(const std::string& text) {
  for (const char* word : {"nan", "NaN", "inf", "Inf"}) {
    for (std::size_t at = text.find(word); at != std::string::npos; at = text.find(word, at + 1)) {
      const auto letter = [&](std::size_t i) {
        return i < text.size() && (std::isalpha(static_cast<unsigned char>(text[i])) != 0 || text[i] == '_');
      };
      const std::size_t length = std::string_view(word).size();
      if ((at == 0 || !letter(at - 1)) && !letter(at + length)) return true;
    }
  }
  return false;
}

Tensor filled(const Shape& shape, float value) {
  Tensor tensor(TensorDesc{DType::f32, shape, Layout::nchw});
  std::ranges::fill(tensor.mutable_values<float>(), value);
  return tensor;
}

class ScoresOf : public testing::Test {
 protected:
  ScoresOf() {
    folder.write("images/black.png", plain_png(0, 0, 0));
    folder.write("images/red.png", plain_png(255, 0, 0));
  }

  // Images of 8x8 whose first convolution gives up to 27 times `weight`.
  std::string overflowing(float weight) {
    GraphBuilder b;
    const ValueId x = b.input("input", {b.graph().symbol("N"), 3, 8, 8});
    const auto conv = [&](const std::string& name, ValueId src, const Tensor& weights) {
      return b.node("Conv", name, {src, b.constant(name + ".w", weights)}, {{"pads", ints({1, 1, 1, 1})}});
    };
    const ValueId first = b.node("Relu", "relu1", {conv("conv1", x, filled({4, 3, 3, 3}, weight))});
    const ValueId second = b.node("Relu", "relu2", {conv("conv2", first, filled({4, 4, 3, 3}, 1e-3F))});
    const ValueId flat = b.node("Flatten", "flat", {b.node("GlobalAveragePool", "mean", {second})});
    const Tensor rows = Tensor::of<float>({4, 3}, {1, -1, 2, 2, 1, -1, 1, -2, 1, -1, 1, 1});
    b.output(b.node("Gemm", "fc", {flat, b.constant("fc.w", rows)}));
    b.graph().metadata["godwit.preprocess"] = kPreprocess;
    std::string path = folder / "overflowing.onnx";
    importers::save_onnx(b.build(), path);
    return path;
  }

  // The scores red, green, blue and 2 (tiny_model()), and what `tail` makes of them.
  template <class Tail>
  std::string ending_in(const Tail& tail) {
    GraphBuilder b;
    b.graph() = tiny_model({.softmax = false});
    const ValueId scores = b.graph().outputs.front();
    b.graph().outputs.clear();
    b.output(tail(b, scores));
    std::string path = folder / "ending.onnx";
    importers::save_onnx(b.build(), path);
    return path;
  }

  Json classified(const std::string& model, const std::vector<std::string>& options = {}) {
    std::vector<std::string> all{"classify", model, folder / "images/red.png", "--json"};
    all.insert(all.end(), options.begin(), options.end());
    const Outcome outcome = godwit(all);
    EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
    return outcome.json();
  }
  // Numbers by class under this key.
  static std::vector<double> numbers(const Json& json, const std::string& key = "probability") {
    std::vector<double> values(4, -99);
    for (const Json& label : json.at("images").at(0).at("labels"))
      values.at(label.at("class").get<std::size_t>()) = label.at(key).get<double>();
    return values;
  }

  TemporaryDirectory folder;
};

void expect_near(const std::vector<double>& actual, const std::vector<double>& expected, double bound) {
  ASSERT_EQ(actual.size(), expected.size());
  for (std::size_t i = 0; i < actual.size(); ++i) EXPECT_NEAR(actual[i], expected[i], bound) << i;
}

// A red image's scores are 4, 0, 0 and 2.
const std::vector<double> kScores = {4, 0, 0, 2};
std::vector<double> softmax() {
  std::vector<double> values;
  double sum = 0;
  for (const double x : kScores) sum += std::exp(x);
  for (const double x : kScores) values.push_back(std::exp(x) / sum);
  return values;
}
std::vector<double> sigmoid() {
  std::vector<double> values;
  for (const double x : kScores) values.push_back(1 / (1 + std::exp(-x)));
  return values;
}
// Four roundings of numbers of at most 1, and pixels of 255 times 1/255.
constexpr double kRounding = 1e-6;

TEST_F(ScoresOf, RealNumbersBecomeProbabilities) {
  const std::string model = ending_in([](GraphBuilder&, ValueId x) { return x; });
  const Json json = classified(model);
  expect_near(numbers(json), softmax(), kRounding);
  EXPECT_EQ(json.at("softmax_added"), true);
  EXPECT_EQ(json.at("scores"), "softmax");
  EXPECT_EQ(json.at("applied"), "softmax");
  EXPECT_EQ(json.at("last_layer"), "Gemm 'scores'");
  expect_near(numbers(classified(model, {"--scores", "sigmoid"})), sigmoid(), kRounding);
  const Json raw = classified(model, {"--scores", "raw"});
  expect_near(numbers(raw, "score"), kScores, 4 * kRounding);
  EXPECT_EQ(raw.at("applied"), "none");
  EXPECT_FALSE(raw.at("images").at(0).at("labels").at(0).contains("probability"));
}

TEST_F(ScoresOf, SoftmaxIsNotAppliedTwice) {
  const std::string rounded = ending_in([](GraphBuilder& b, ValueId x) {
    const auto zero = b.constant("zero", Tensor::of<std::uint8_t>({}, {0}));
    const auto step = b.number("step", 1.0F / 255);
    return b.node("DequantizeLinear", "dq",
                  {b.node("QuantizeLinear", "q", {b.node("Softmax", "prob", {x}), step, zero}), step, zero});
  });
  for (const std::vector<std::string>& options : {std::vector<std::string>{}, {"--scores", "softmax"}}) {
    const Json json = classified(rounded, options);
    expect_near(numbers(json), softmax(), 0.5 / 255 + kRounding);
    EXPECT_EQ(json.at("softmax_added"), false);
    EXPECT_EQ(json.at("applied"), "none");
    EXPECT_EQ(json.at("last_layer"), "Softmax 'prob'");
  }
  const std::string copied = ending_in(
      [](GraphBuilder& b, ValueId x) { return b.node("Identity", "y", {b.node("Softmax", "prob", {x})}); });
  expect_near(numbers(classified(copied)), softmax(), kRounding);
  const std::string by_hand = ending_in([](GraphBuilder& b, ValueId x) {
    const ValueId e = b.node("Exp", "e", {x});
    return b.node("Div", "y", {e, b.node("ReduceSum", "sum", {e, b.integers("axes", {1})})});
  });
  expect_near(numbers(classified(by_hand)), softmax(), kRounding);
  EXPECT_NE(godwit({"classify", by_hand, folder / "images/red.png"}).err.find("divides by the sum"),
            std::string::npos);
}

TEST_F(ScoresOf, SigmoidIsForEachClassByItself) {
  const std::string model =
      ending_in([](GraphBuilder& b, ValueId x) { return b.node("Sigmoid", "each", {x}); });
  const Json json = classified(model);
  expect_near(numbers(json), sigmoid(), kRounding);
  EXPECT_EQ(json.at("scores"), "sigmoid");
  EXPECT_EQ(json.at("applied"), "none");
  EXPECT_EQ(json.at("softmax_added"), false);
  EXPECT_NE(godwit({"classify", model, folder / "images/red.png"}).err.find("each class by itself"),
            std::string::npos);
}

TEST_F(ScoresOf, ProbabilitiesThatNobodyRecognisesAreToldOf) {
  // Numbers that sum to 1 by their weights alone.
  const std::string model = ending_in([](GraphBuilder& b, ValueId x) {
    const auto zeros = b.constant("w", filled({4, 4}, 0));
    return b.node("Gemm", "fc", {x, zeros, b.constant("c", filled({4}, 0.25F))});
  });
  const Outcome outcome = godwit({"classify", model, folder / "images/red.png"});
  EXPECT_NE(outcome.err.find("--scores raw takes them as they are"), std::string::npos) << outcome.err;
}

TEST_F(ScoresOf, ThatAreNoProbabilitiesEndTheCommand) {
  const std::string csv = folder.write("labels.csv", "file,class\nred.png,0\n");
  const auto check = [&](const std::string& model, const std::string& words) {
    const Outcome outcome = godwit({"classify", model, folder / "images/red.png"});
    EXPECT_EQ(outcome.exit_code, 2) << outcome.out;
    EXPECT_EQ(outcome.out, "");
    EXPECT_NE(outcome.err.find(words), std::string::npos) << outcome.err;
    EXPECT_NE(outcome.err.find("pass --scores raw"), std::string::npos) << outcome.err;
    EXPECT_EQ(godwit({"accuracy", model, "--data", folder / "images", "--labels", csv}).exit_code, 2);
    const Json raw = classified(model, {"--scores", "raw"});
    EXPECT_TRUE(raw.at("images").at(0).at("labels").at(0).contains("score")) << raw;
  };
  check(ending_in([](GraphBuilder& b, ValueId x) {
          return b.node("Mul", "percent", {b.node("Softmax", "prob", {x}), b.number("hundred", 100)});
        }),
        "one is 85.");
  check(ending_in([](GraphBuilder& b, ValueId x) {
          return b.node("Sub", "less", {b.node("Sigmoid", "prob", {x}), b.number("two", 2)});
        }),
        "one is -1.");
  check(ending_in([](GraphBuilder& b, ValueId x) {
          return b.node("Softmax", "batch", {x}, {{"axis", std::int64_t{0}}});
        }),
        "they sum to 4, expected 1");
}

TEST_F(ScoresOf, OneClassIsASigmoid) {
  const std::string model = ending_in([](GraphBuilder& b, ValueId x) {
    return b.node("Gemm", "fc", {x, b.constant("w", Tensor::of<float>({4, 1}, {0.5F, 0, 0, 0}))});
  });
  const Json json = classified(model, {"--labels", folder.write("one.txt", "only\n")});
  EXPECT_EQ(json.at("applied"), "sigmoid");
  EXPECT_NEAR(numbers(json)[0], 1 / (1 + std::exp(-2.0)), kRounding);
}

TEST_F(ScoresOf, AWrongKindIsRefused) {
  expect_error(godwit({"classify", "m.onnx", "x.png", "--scores", "logits"}), 2, "--scores");
}

TEST_F(ScoresOf, AreNoLabelsWhereTheyAreNotFinite) {
  const std::string model = overflowing(10000);
  const Outcome text = godwit({"classify", model, folder / "images", "--precision", "f16"});
  EXPECT_EQ(text.exit_code, 1);
  EXPECT_EQ(text.out.find("red.png"), std::string::npos) << text.out;
  EXPECT_NE(text.out.find("black.png"), std::string::npos) << text.out;
  EXPECT_FALSE(has_nonfinite(text.out)) << text.out;
  for (const char* words : {"red.png': ", "scores are not finite", "first in conv1 + relu1 (Conv)",
                            "run it with --precision bf16 or f32", "the scores of 1 image are not finite"}) {
    EXPECT_NE(text.err.find(words), std::string::npos) << words << " in " << text.err;
  }
  const Outcome outcome = godwit({"classify", model, folder / "images", "--precision", "f16", "--json"});
  EXPECT_EQ(outcome.exit_code, 1);
  const Json json = outcome.json();
  EXPECT_EQ(json.at("nonfinite"), 1);
  EXPECT_EQ(json.at("images").size(), 1U);
  EXPECT_NE(json.at("failed").at(0).at("error").get<std::string>().find("conv1"), std::string::npos);
  for (const char* precision : {"f32", "bf16"})
    EXPECT_EQ(godwit({"classify", model, folder / "images", "--precision", precision}).exit_code, 0);
  const Outcome strict =
      godwit({"classify", model, folder / "images/red.png", "--precision", "f16", "--strict"});
  EXPECT_EQ(strict.exit_code, 2);
  EXPECT_NE(strict.err.find("not finite (3 NaN)"), std::string::npos) << strict.err;
}

TEST_F(ScoresOf, CountInNoAccuracyWhereTheyAreNotFinite) {
  const std::string model = overflowing(10000);
  folder.write("labels.csv", "file,class\nblack.png,0\nred.png,0\nred.png,1\n");
  const std::vector<std::string> arguments{"accuracy",        model,      "--data",
                                           folder / "images", "--labels", folder / "labels.csv",
                                           "--precision",     "f16"};
  const Outcome text = godwit(arguments);
  EXPECT_EQ(text.exit_code, 1);
  EXPECT_FALSE(has_nonfinite(text.out)) << text.out;
  EXPECT_NE(text.err.find("the scores of 2 images are not finite"), std::string::npos) << text.err;
  std::vector<std::string> with_json = arguments;
  with_json.insert(with_json.end(), {"--json", "--predictions", folder / "p.csv"});
  const Json json = godwit(with_json).json();
  EXPECT_EQ(json.at("images"), 1);
  EXPECT_EQ(json.at("failed"), 2);
  EXPECT_EQ(json.at("nonfinite"), 2);
}

TEST_F(ScoresOf, MakeACompareFailWhereTheyAreNotFinite) {
  const std::vector<std::string> arguments{"compare",         overflowing(10000), "--data",
                                           folder / "images", "--precision",      "f16"};
  const Outcome text = godwit(arguments);
  EXPECT_EQ(text.exit_code, 1);
  EXPECT_FALSE(has_nonfinite(text.out)) << text.out;
  EXPECT_NE(text.err.find("are not finite in f16"), std::string::npos) << text.err;
  std::vector<std::string> with_json = arguments;
  with_json.emplace_back("--json");
  const Json json = godwit(with_json).json();
  EXPECT_TRUE(json.at("first_nonfinite").is_string()) << json;
  std::vector<std::string> bf16 = arguments;
  bf16.back() = "bf16";
  EXPECT_EQ(godwit(bf16).exit_code, 0);
}

TEST_F(ScoresOf, StopACalibrationWhereTheyAreNotFinite) {
  const Outcome outcome = godwit(
      {"quantize", overflowing(3e38F), "--calibration", folder / "images", "--output", folder / "q.onnx"});
  EXPECT_NE(outcome.exit_code, 0);
  EXPECT_NE(outcome.err.find("NaN or infinite"), std::string::npos) << outcome.err;
}

TEST_F(ScoresOf, AreWrittenByRunWithAWarning) {
  Tensor image = filled({1, 3, 8, 8}, 1);
  image.mutable_values<float>()[7] = kNan;
  write_npy(folder / "x.npy", image.view());
  const std::vector<std::string> arguments{"run",          overflowing(1), "--input", folder / "x.npy",
                                           "--output-dir", folder / "out", "--json"};
  const Outcome outcome = godwit(arguments);
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_NE(outcome.err.find("warning: output 'fc': 3 of 3 elements are not finite (3 NaN)"),
            std::string::npos)
      << outcome.err;
  EXPECT_NE(outcome.err.find("input 'input', where 1 of 192 elements is not finite"), std::string::npos)
      << outcome.err;
  EXPECT_EQ(outcome.json().at("outputs").at(0).at("nan"), 3);
}

TEST_F(ScoresOf, OfAModelWithoutAnImplementationAreTheSame) {
  const std::string model = overflowing(1);
  const auto steps = [&](const std::vector<std::string>& without) {
    std::vector<std::string> arguments{"explain", model, "--json"};
    for (const std::string& name : without) arguments.insert(arguments.end(), {"--without", name});
    std::vector<std::string> used;
    const Json json = godwit(arguments).json();
    EXPECT_EQ(json.contains("without"), !without.empty());
    for (const Json& step : json.at("steps")) used.push_back(step.at("implementation"));
    return used;
  };
  const std::vector<std::string> first = steps({});
  const std::vector<std::string> second = steps({first.front()});
  EXPECT_EQ(std::ranges::count(second, first.front()), 0);
  const Json json = classified(model, {"--without", first.front(), "--without", "conv_gemm"});
  EXPECT_EQ(json.at("without"), Json({first.front(), "conv_gemm"}));
  for (const char* command : {"classify", "bench", "explain", "run", "verify"}) {
    std::vector<std::string> arguments{command, model, "--without", "conv_gem"};
    if (arguments.front() == "classify") arguments.push_back(folder / "images");
    if (arguments.front() == "run")
      arguments.insert(arguments.end(), {"--input", "x.npy", "--output-dir", folder / "o"});
    if (arguments.front() == "verify") {
      folder.write("case/model.onnx", "");
      arguments[1] = folder / "case";
    }
    const Outcome outcome = godwit(arguments);
    EXPECT_EQ(outcome.exit_code, 2) << command;
    EXPECT_NE(outcome.err.find("did you mean 'conv_gemm'?"), std::string::npos) << command << outcome.err;
  }
}

}  // namespace
}  // namespace godwit::tools
