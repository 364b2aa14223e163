// Habits of all outputs: JSON that machines can read, numbers that are numbers, nouns that fit their count.
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <gtest/gtest.h>
#include <limits>
#include <nlohmann/json.hpp>
#include <regex>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "importers/importer.h"
#include "runtime/npy.h"
#include "tests/tools/program.h"

namespace godwit::tools {
namespace {

using Strings = std::vector<std::string>;

// Keys whose values are texts that may look like a number: names that someone gave.
bool is_name(const std::string& key) {
  return key == "version" || key == "commit" || key == "label" || key == "value" || key == "date";
}

void check_json(const Json& json, const std::string& path, const std::string& key = "") {
  static const std::regex word("[a-z0-9_]+"), number("[-+]?[0-9.]+([eE][-+]?[0-9]+)?( ?(%|ms|s|J|W|MiB))?");
  if (json.is_object()) {
    for (const auto& [name, value] : json.items()) {
      // Operators and entries of metadata are called what the model calls them.
      const bool is_the_models = key == "operators" || key == "metadata";
      EXPECT_TRUE(is_the_models || std::regex_match(name, word)) << path << ": the key '" << name << "'";
      check_json(value, path + "." + name, name);
    }
  } else if (json.is_array()) {
    for (const Json& value : json) check_json(value, path + "[]", key);
  } else if (json.is_string() && !is_name(key)) {
    EXPECT_FALSE(std::regex_match(json.get<std::string>(), number)) << path << ": the text " << json;
  }
}

// "1 images" and the like; "" where there is none.
std::string wrong_plural(const std::string& text) {
  static const std::regex one("(^|[^0-9.,:x-])1 ([a-z]+s)\\b");
  for (std::sregex_iterator match(text.begin(), text.end(), one), end; match != end; ++match) {
    static const std::set<std::string> kSingular = {"is",    "has",  "was",  "s",    "as",
                                                    "class", "pass", "axis", "bias", "ms"};
    if (!kSingular.contains((*match)[2])) return match->str();
  }
  return "";
}

class Outputs : public testing::Test {
 protected:
  Outputs() : model(save_tiny_model(folder)) {
    folder.write("data/a/1.png", plain_png(255, 0, 0));
    folder.write("truth.csv", "file,class\na/1.png,0\n");
    folder.write("data/bad.png", "x");
    folder.write("proc/cpuinfo", "processor : 0\nmodel name : Some CPU\nflags : fpu\n");
    folder.write("sys/class/powercap/intel-rapl:0/name", "package-0\n");
    folder.write("case/model.onnx", "");
    Tensor x(TensorDesc{DType::f32, Shape{1, 3, 8, 8}, Layout::nchw});
    for (float& value : x.mutable_values<float>()) value = 0.5F;
    write_npy(folder / "x.npy", x.view());
    engine::Graph broken = tiny_model();
    broken.value(broken.find_value("bias")).constant =
        Tensor::of<float>({4}, {std::numeric_limits<float>::quiet_NaN(), 0, 0, 0});
    nonfinite = folder / "nonfinite.onnx";
    importers::save_onnx(broken, nonfinite);
  }

  // Command lines of every command that prints JSON.
  std::vector<Strings> commands() const {
    const std::string data = folder / "data", one = folder / "data/a/1.png", truth = folder / "truth.csv",
                      q = folder / "q.onnx", ledger = folder / "runs.jsonl", plan = folder / "fast.plan",
                      x = folder / "x.npy", out = folder / "out", bad = folder / "data/bad.png";
    const auto tree = [&](Strings arguments) {
      for (const std::string& more :
           {std::string("--sysfs"), folder / "sys", std::string("--procfs"), folder / "proc"})
        arguments.push_back(more);
      return arguments;
    };
    return {
        {"classify", model, one},
        {"classify", model, one, bad},
        {"classify", nonfinite, one},
        {"accuracy", model, "--data", data, "--labels", truth},
        {"accuracy", nonfinite, "--data", data, "--labels", truth},
        {"run", model, "--input", x, "--output-dir", out},
        {"run", nonfinite, "--input", x, "--output-dir", out},
        {"preprocess", one, bad, "--output", folder / "p.npy"},
        {"preprocess", one, "--bench"},
        {"quantize", model, "--calibration", data + "/a", "--output", q},
        {"quantize", model, "--calibration", data + "/a", "--output", q, "--explain"},
        {"compare", q, "--data", data + "/a"},
        {"compare", nonfinite, "--data", data + "/a", "--precision", "bf16"},
        {"bench", model, "--iterations", "1", "--threads", "1", "--profile", "--kernels"},
        {"bench", model, "--iterations", "1", "--batch", "1,2", "--threads", "1,2", "--precision",
         "f32,bf16"},
        {"bench", model, "--iterations", "1", "--input", x, "--tune", plan},
        {"bench", model, "--iterations", "1", "--input", x, "--plan", plan},
        {"bench", model, "--images", data, "--seconds", "0.01", "--min-repetitions", "1", "--threads", "1",
         "--profile"},
        tree({"bench", model, "--iterations", "1", "--threads", "1", "--estimate", "--tdp", "65"}),
        tree({"classify", model, one, "--energy", "--baseline", "0.1", "--ledger", ledger}),
        tree({"energy", "sensors"}),
        tree({"energy", "cap", "show"}),
        {"energy", "trend", model, "--date", "2019-01-01"},
        {"verify", folder / "case"},
        {"inspect", model, "--layers"},
        {"explain", model},
        {"list", "ops"},
        {"list", "kernels"},
        {"list", "passes"},
        {"list", "isas"},
        {"list", "knobs"},
        {"list", "presets"},
    };
  }

  TemporaryDirectory folder;
  std::string model, nonfinite;
};

TEST_F(Outputs, AreJsonThatMachinesRead) {
  for (Strings arguments : commands()) {
    SCOPED_TRACE(fmt::format("{}", fmt::join(arguments, " ")));
    const std::string command = arguments.front();
    arguments.emplace_back("--json");
    const Outcome outcome = godwit(arguments);
    EXPECT_LE(outcome.exit_code, 1) << outcome.err;
    const Json json = outcome.json();
    EXPECT_TRUE(json.is_object() && json.contains("schema")) << json;
    check_json(json, "");
    if (command != "classify" && command != "accuracy" && command != "preprocess" && command != "verify")
      continue;
    if (arguments[arguments.size() - 2] == "--bench") continue;
    arguments.back() = "--json-lines";
    std::istringstream lines(godwit(arguments).out);
    std::size_t count = 0;
    for (std::string line; std::getline(lines, line); ++count) {
      const Json each = Json::parse(line, nullptr, false);
      EXPECT_TRUE(each.is_object()) << line;
      check_json(each, "");
    }
    EXPECT_GE(count, 1U);
  }
}

TEST_F(Outputs, HaveNounsThatFitTheirCount) {
  EXPECT_EQ(wrong_plural("1 image in 1 ms, 1 class is; 11 images, 0.1 images/s"), "");
  EXPECT_EQ(wrong_plural("has 1 values"), " 1 values");
  for (const Strings& arguments : commands()) {
    SCOPED_TRACE(fmt::format("{}", fmt::join(arguments, " ")));
    const Outcome outcome = godwit(arguments);
    EXPECT_EQ(wrong_plural(outcome.out + "\n" + outcome.err), "") << outcome.out << outcome.err;
  }
}

// A number that is none is a failure, by name: nobody takes it for a result.
TEST_F(Outputs, AreNoResultsWhereScoresAreNotFinite) {
  const std::string one = folder / "data/a/1.png", truth = folder / "truth.csv";
  const std::vector<Strings> failing = {
      {"classify", nonfinite, one},
      {"accuracy", nonfinite, "--data", folder / "data", "--labels", truth},
      {"compare", nonfinite, "--data", folder / "data/a", "--precision", "bf16"},
      {"quantize", nonfinite, "--calibration", folder / "data/a", "--output", folder / "q.onnx"},
      {"bench", nonfinite, "--images", folder / "data/a", "--seconds", "0.01"},
  };
  for (const Strings& arguments : failing) {
    const Outcome outcome = godwit(arguments);
    EXPECT_TRUE(outcome.exit_code == 1 || outcome.exit_code == 2) << arguments.front() << outcome.out;
    EXPECT_EQ(outcome.err.find("could not be read"), std::string::npos) << outcome.err;
  }
  const Outcome none = godwit({"accuracy", nonfinite, "--data", folder / "data", "--labels", truth});
  EXPECT_NE(none.out.find("top-1   unknown: no image counts\n"), std::string::npos) << none.out;
  EXPECT_NE(none.err.find("the scores of 1 image are not finite; it counts neither as right nor as wrong"),
            std::string::npos)
      << none.err;
  const Json json =
      godwit({"accuracy", nonfinite, "--data", folder / "data", "--labels", truth, "--json"}).json();
  EXPECT_TRUE(json.at("top1").is_null());
  EXPECT_TRUE(json.at("top5").is_null());
  const Outcome bench = godwit({"bench", nonfinite, "--images", folder / "data/a", "--seconds", "0.01"});
  EXPECT_EQ(bench.exit_code, 1) << bench.err;
  EXPECT_NE(bench.err.find("nothing is left to measure: the scores of 1 image are not finite"),
            std::string::npos)
      << bench.err;
}

}  // namespace
}  // namespace godwit::tools
