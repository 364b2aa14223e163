// Small inputs from bug reports of other tools, with the right values beside them.
#include <algorithm>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <ostream>
#include <string>
#include <vector>

#include "runtime/cpu.h"
#include "runtime/npy.h"
#include "tests/support/compare.h"
#include "tests/support/tolerance.h"
#include "tests/tools/program.h"

namespace godwit::tools {
namespace {

namespace fs = std::filesystem;

const std::string kCases = GODWIT_SOURCE_DIR "/../shared/cases/";

class CasesOfScores : public testing::Test {
 protected:
  void SetUp() override {
    if (!fs::exists(kCases)) GTEST_SKIP() << "no " << kCases;
  }
  Tensor only_output(const std::vector<std::string>& arguments) {
    std::vector<std::string> all = arguments;
    all.insert(all.end(), {"--output-dir", folder / "out", "--json"});
    const Outcome outcome = godwit(all);
    EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
    return read_npy(outcome.json().at("outputs").at(0).at("file"));
  }
  TemporaryDirectory folder;
};

TEST_F(CasesOfScores, OverflowInF16IsAFailure) {
  const std::string at = kCases + "f16_nan/", model = at + "f16_overflow_classifier.onnx";
  const std::vector<std::string> how{"--preprocess", at + "pre.json", "--precision", "f16"};
  const auto with = [&](std::vector<std::string> arguments) {
    arguments.insert(arguments.end(), how.begin(), how.end());
    return godwit(arguments);
  };
  const Outcome classified = with({"classify", model, at + "a.jpg"});
  EXPECT_EQ(classified.exit_code, 1);
  EXPECT_EQ(classified.out, "");
  EXPECT_NE(classified.err.find("not finite"), std::string::npos) << classified.err;
  EXPECT_NE(classified.err.find("first in conv"), std::string::npos) << classified.err;
  const Outcome scored = with({"accuracy", model, "--data", at, "--labels", at + "nan.csv", "--json"});
  EXPECT_EQ(scored.exit_code, 1);
  EXPECT_EQ(scored.json().at("images"), 0);
  EXPECT_EQ(scored.json().at("nonfinite"), 5);
  EXPECT_EQ(with({"compare", model, "--data", at + "a.jpg"}).exit_code, 1);
  EXPECT_EQ(godwit({"classify", model, at + "a.jpg", "--preprocess", at + "pre.json"}).exit_code, 0);
}

TEST_F(CasesOfScores, MaxPoolHandsNaNOnOnEveryIsa) {
  const std::string at = kCases + "maxpool_nan/";
  const Tensor right = read_npy(at + "right_maxpool_nan.npy");
  for (const Isa isa : isas_of_build()) {
    if (!cpu_supports(isa)) continue;
    const Tensor y = only_output(
        {"run", at + "maxpool_nan.onnx", "--input", at + "x.npy", "--isa", std::string(name_of(isa))});
    support::expect_close(y, right, support::exact(), name_of(isa), 0);
  }
}

TEST_F(CasesOfScores, TiesOfASumWithItselfAreExact) {
  const std::string at = kCases + "add_self_ties/b4_add_self";
  const Tensor y = only_output({"run", at + ".onnx", "--input", at + ".in.x.npy"});
  support::expect_close(y, read_npy(at + ".right.y.npy"), support::exact(), "", 0);
}

struct Ending {
  const char* model;
  bool softmax;  // is to be applied
};
void PrintTo(const Ending& row, std::ostream* out) { *out << row.model; }

class CasesOfLastLayers : public CasesOfScores, public testing::WithParamInterface<Ending> {};

TEST_P(CasesOfLastLayers, AreRecognised) {
  const std::string at = kCases + "last_layer/", model = at + GetParam().model + ".onnx";
  const std::string how = at + "pre.json";
  ASSERT_EQ(godwit({"preprocess", at + "p.png", "--output", folder / "x.npy", "--preprocess", how}).exit_code,
            0);
  const Tensor y = only_output({"run", model, "--input", folder / "x.npy"});
  std::vector<double> expected;
  for (const float value : y.values<float>()) expected.push_back(static_cast<double>(value));
  if (GetParam().softmax) {
    double sum = 0;
    for (double& value : expected) sum += value = std::exp(value);
    for (double& value : expected) value /= sum;
  }
  const Outcome outcome = godwit({"classify", model, at + "p.png", "--preprocess", how, "--json"});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  const Json json = outcome.json();
  EXPECT_EQ(json.at("softmax_added"), GetParam().softmax);
  for (const Json& label : json.at("images").at(0).at("labels")) {
    const double value = expected.at(label.at("class").get<std::size_t>());
    EXPECT_NEAR(label.at("probability").get<double>(), value, support::gamma(64) * (1 + value));
  }
}

INSTANTIATE_TEST_SUITE_P(Tools, CasesOfLastLayers,
                         testing::Values(Ending{"scores", true}, Ending{"softmax_identity", false},
                                         Ending{"softmax_qdq", false}, Ending{"sigmoid", false}),
                         [](const auto& row) { return std::string(row.param.model); });

}  // namespace
}  // namespace godwit::tools
