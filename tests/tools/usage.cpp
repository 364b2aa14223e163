// The program's texts about itself, and its refusals.
#include <cstdlib>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <sys/wait.h>
#include <vector>

#include "tests/tools/program.h"

namespace godwit::tools {
namespace {

const std::vector<std::string> kCommands = {"classify", "run",    "preprocess", "bench",
                                            "accuracy", "verify", "inspect",    "explain",
                                            "convert",  "list",   "report"};

TEST(Usage, HelpNamesEveryCommandUnderItsGroup) {
  const Outcome outcome = godwit({"--help"});
  EXPECT_EQ(outcome.exit_code, 0);
  EXPECT_EQ(outcome.err, "");
  for (const std::string& command : kCommands) {
    EXPECT_NE(outcome.out.find("\n  " + command + " "), std::string::npos) << command;
  }
  EXPECT_NE(outcome.out.find("\n  energy "), std::string::npos);
  for (const char* group : {"Use a model:", "Measure:", "Look inside:", "Example:"}) {
    EXPECT_NE(outcome.out.find(group), std::string::npos) << group;
  }
  EXPECT_EQ(godwit({"-h"}).out, outcome.out);
  EXPECT_EQ(godwit({"help"}).out, outcome.out);
}

class CommandHelp : public testing::TestWithParam<std::string> {};

TEST_P(CommandHelp, HasEverySectionAndFitsTheTerminal) {
  const Outcome outcome = godwit({GetParam(), "--help"});
  EXPECT_EQ(outcome.exit_code, 0);
  EXPECT_EQ(outcome.err, "");
  EXPECT_TRUE(outcome.out.starts_with("godwit " + GetParam() + ": ")) << outcome.out;
  for (const char* section : {"\nUsage: godwit ", "\nArguments:\n", "\nOptions:\n", "\nExit status:\n",
                              "\nExample", "  -h, --help"}) {
    EXPECT_NE(outcome.out.find(section), std::string::npos) << section;
  }
  EXPECT_NE(outcome.out.find("\n  godwit " + GetParam() + " "), std::string::npos) << "no example line";
  std::istringstream lines(outcome.out);
  for (std::string line; std::getline(lines, line);) EXPECT_LE(line.size(), 90U) << line;
  EXPECT_EQ(godwit({"help", GetParam()}).out, outcome.out);
}

INSTANTIATE_TEST_SUITE_P(All, CommandHelp, testing::ValuesIn(kCommands),
                         [](const auto& command) { return command.param; });

TEST(Usage, VersionTellsOfTheBuildAndOfThisMachine) {
  const Outcome outcome = godwit({"--version"});
  EXPECT_TRUE(outcome.out.starts_with("godwit " GODWIT_VERSION "\n")) << outcome.out;
  for (const char* line : {"\ncommit    ", "\ncompiler  ", "\nISAs      generic", "\nCPU       "}) {
    EXPECT_NE(outcome.out.find(line), std::string::npos) << line << outcome.out;
  }
  EXPECT_EQ(godwit({"-V"}).out, outcome.out);
}

TEST(Usage, MistakesAreOneLineAndExitTwo) {
  const TemporaryDirectory folder;
  const std::string model = save_tiny_model(folder);
  expect_error(godwit({}), 2, "no command given");
  expect_error(godwit({"clasify"}), 2, "no command 'clasify'");
  expect_error(godwit({"classify"}), 2, "MODEL is required");
  expect_error(godwit({"classify", model}), 2, "no images: pass files or folders");
  expect_error(godwit({"bench", model, "--nonsense"}), 2, "--nonsense");
  expect_error(godwit({"bench", model, "--threads", "0"}), 2, "'0' is not a whole number from 1 to 1024");
  expect_error(godwit({"bench", model, "--threads", "1025"}), 2, "from 1 to 1024");
  expect_error(godwit({"bench", model, "--threads", "two"}), 2, "'two' is not a whole number");
  expect_error(godwit({"bench", model, "--precision", "f12"}), 2,
               "'f12' is not a precision of this build; there are f32, bf16, f16 and int8");
  expect_error(godwit({"bench", model, "--precision", "int8"}), 2,
               "no layer of this model is in 8-bit numbers; 'godwit quantize' makes such a model");
  expect_error(godwit({"bench", model, "--batch", "0"}), 2,
               "'0' is neither auto nor a whole number from 1 to 1024");
  expect_error(godwit({"bench", model, "--seconds", "-1"}), 2, "not a number above 0");
  expect_error(godwit({"bench", model, "--isa", "pentium"}), 2, "pentium");
  expect_error(godwit({"bench", model, "--disable-pass", "make_faster"}), 2, "make_faster");
  expect_error(godwit({"bench", model, "--shape", "input=1x3xx8"}), 2, "is not a shape");
  expect_error(godwit({"bench", model, "--shape", "1x3x8x8"}), 2, "expected NAME=1x3x224x224");
  expect_error(godwit({"list", "everything"}), 2, "none of ops, kernels, passes, isas, knobs");
  expect_error(godwit({"bench", model}, {"GODWIT_THREADS=many"}), 2, "GODWIT_THREADS is 'many'");
}

TEST(Usage, OptionsThatDoNotFitTogetherAreToldInOurWords) {
  const TemporaryDirectory folder;
  const std::string model = save_tiny_model(folder);
  expect_error(godwit({"quantize"}), 2, "MODEL, --calibration and --output are required");
  expect_error(godwit({"bench", model, "--threads"}), 2, "--threads needs a value: --threads N,...");
  expect_error(godwit({"classify", model, "--labels", "a", "--labels", "b"}), 2,
               "--labels is given 2 times, expected once");
  expect_error(godwit({"classify", model, "--json", "--json-lines"}), 2,
               "--json and --json-lines exclude each other; give one of them");
  expect_error(godwit({"bench", model, "--plan", "a", "--tune", "b"}), 2, "exclude each other");
  expect_error(godwit({"bench", model, "--meter", "csv:x"}), 2, "--meter needs --energy");
  expect_error(godwit({"bench", model, "--json=perhaps"}), 2, "--json takes no value");
  expect_error(godwit({"accuracy", model, "--data", "x", "--class-order", "name"}), 2,
               "'name' is none of text, number");
  expect_error(godwit({"report", "x", "--pue", "0.5"}), 2, "--pue: '0.5' is not a number from 1 to 10");
  expect_error(godwit({"verify", "x", "--sigma", "inf"}), 2, "'inf' is not a finite number from 0 on");
}

TEST(Usage, AMistypedNameIsAnsweredWithTheNearest) {
  const TemporaryDirectory folder;
  const std::string model = save_tiny_model(folder);
  expect_error(godwit({"clasify"}), 2, "there is no command 'clasify'; did you mean 'classify'?");
  expect_error(godwit({"energy", "sensor"}), 2, "did you mean 'sensors'?");
  expect_error(godwit({"classify", model, "--lables", "x"}), 2,
               "there is no option '--lables'; did you mean '--labels'?");
  expect_error(godwit({"classify", model, "--lables=x"}), 2, "did you mean '--labels'?");
  expect_error(godwit({"quantize", model, "--calibratoin", "x"}), 2, "did you mean '--calibration'?");
  expect_error(godwit({"energy", "cap", "--watts", "30"}), 2, "there is no option '--watts'");
  expect_error(godwit({"bench", model, "--precision", "fp16"}), 2, "did you mean 'f16'?");
  expect_error(godwit({"bench", model, "--isa", "axv2"}), 2, "did you mean 'avx2'?");
  expect_error(godwit({"bench", model, "--disable-pass", "fold_constant"}), 2,
               "did you mean 'fold_constants'?");
  expect_error(godwit({"classify", model, model, "--preprocess", "troch"}), 2, "did you mean 'torch'?");
  expect_error(godwit({"classify", model, model, "--decode", "exat"}), 2,
               "'exat' is none of exact, fast; did you mean 'exact'?");
  expect_error(godwit({"list", "kernls"}), 2, "did you mean 'kernels'?");
  expect_error(godwit({"list", "ops", "more"}), 2, "'more' is an argument too many");
}

TEST(Usage, CommonOptionsComeFirstAndAllAreOnRequest) {
  const std::string some = godwit({"classify", "--help"}).out, all = godwit({"classify", "--help-all"}).out;
  for (const char* option :
       {"\n  --labels FILE", "\n  --preprocess ", "\n  --top N", "\n  --batch N", "\n  --json "}) {
    EXPECT_NE(some.find(option), std::string::npos) << option;
    EXPECT_NE(all.find(option), std::string::npos) << option;
  }
  EXPECT_EQ(some.find("\n  --max-scans "), std::string::npos);
  EXPECT_NE(some.find(" --max-scans"), std::string::npos) << "not even named";
  EXPECT_NE(all.find("\n  --max-scans N"), std::string::npos);
  EXPECT_LT(some.size(), all.size() / 2);
}

TEST(Usage, QuietLeavesResultsAndErrorsAlone) {
  const TemporaryDirectory folder;
  const std::string model = save_tiny_model(folder);
  const std::string image = folder.write("red.png", plain_png(255, 0, 0)),
                    bad = folder.write("bad.png", "no image");
  EXPECT_NE(godwit({"classify", model, image}).err, "");
  const Outcome quiet = godwit({"classify", model, image, "--quiet"});
  EXPECT_EQ(quiet.err, "");
  EXPECT_NE(quiet.out.find("red"), std::string::npos);
  const Outcome failed = godwit({"classify", model, image, bad, "-q"});
  EXPECT_EQ(failed.exit_code, 1);
  EXPECT_NE(failed.err.find("bad.png"), std::string::npos);
}

TEST(Usage, NumbersOfThingsAreOneOrMany) {
  const TemporaryDirectory folder;
  const std::string model = save_tiny_model(folder);
  const std::string image = folder.write("red.png", plain_png(255, 0, 0));
  EXPECT_NE(godwit({"classify", model, image, "--threads", "1"}).err.find("godwit: 1 image in "),
            std::string::npos);
  EXPECT_NE(godwit({"classify", model, image, image}).err.find("godwit: 2 images in "), std::string::npos);
}

TEST(Usage, AModelWithoutPreprocessingSaysHowToChooseOne) {
  const TemporaryDirectory folder;
  const std::string model = save_tiny_model(folder, {.bare = true});
  const std::string image = folder.write("red.png", plain_png(255, 0, 0));
  const Outcome outcome = godwit({"classify", model, image});
  for (const char* words : {"torch (PyTorch", "torch-v2 (torchvision's newer weights", "caffe (",
                            "tf (TensorFlow", "'godwit list presets' says how to tell"}) {
    expect_error(outcome, 2, words);
  }
}

TEST(Usage, AFullDiskBehindStdoutIsAnError) {
  const TemporaryDirectory folder;
  const Outcome outcome = godwit({"list", "ops"});
  EXPECT_EQ(outcome.exit_code, 0);
  const std::string command =
      std::string("'") + GODWIT_PROGRAM + "' list ops > /dev/full 2> '" + (folder / "err") + "'";
  const int status = std::system(command.c_str());
  EXPECT_EQ(WEXITSTATUS(status), 1);
}

TEST(List, ShowsWhatIsInTheBuild) {
  EXPECT_NE(godwit({"list", "ops"}).out.find("\nConv "), std::string::npos);
  EXPECT_NE(godwit({"list", "passes"}).out.find(" fold_batch_norm "), std::string::npos);
  EXPECT_NE(godwit({"list", "kernels"}).out.find("gemm_f32_"), std::string::npos);
  EXPECT_NE(godwit({"list", "knobs"}).out.find("\nGODWIT_ISA "), std::string::npos);
  const Json isas = godwit({"list", "isas", "--json"}).json();
  EXPECT_EQ(isas.at("schema"), "godwit.list/1");
  EXPECT_EQ(isas.at("isas").at(0).at("isa"), "generic");
  int active = 0;
  for (const Json& isa : isas.at("isas")) active += isa.at("active") == "yes" ? 1 : 0;
  EXPECT_EQ(active, 1);
}

TEST(List, PresetsAreExplainedByTheNumbersThatAreUsed) {
  const std::string text = godwit({"list", "presets"}).out;
  for (const char* words : {"RGB / 255, minus 0.485 0.456 0.406, divided by 0.229 0.224 0.225",
                            "RGB, minus 123.68 116.779 103.939", "RGB / 127.5, minus 1", "IMAGENET1K_V2",
                            "Keras", "--preprocess torch"}) {
    EXPECT_NE(text.find(words), std::string::npos) << words << text;
  }
  const Json json = godwit({"list", "presets", "--json"}).json();
  EXPECT_EQ(json.at("presets").at(1).at("short_side"), 232);
  EXPECT_EQ(json.at("presets").at(0).at("crop"), 224);
}

TEST(List, KeysHaveNoSpacesAndNumbersAreNumbers) {
  for (const char* what : {"ops", "kernels", "passes", "isas", "knobs", "presets"}) {
    const Json list = godwit({"list", what, "--json"}).json().at(what);
    ASSERT_FALSE(list.empty());
    for (const Json& row : list) {
      for (const auto& [key, value] : row.items()) EXPECT_EQ(key.find(' '), std::string::npos) << key;
    }
  }
  EXPECT_TRUE(godwit({"list", "ops", "--json"}).json().at("ops").at(0).at("since_opset").is_number_integer());
  EXPECT_EQ(godwit({"list", "passes", "--json"}).json().at("passes").at(2).at("position"), 3);
}

TEST(List, TheKnobCapsTheActiveIsa) {
  const Json isas = godwit({"list", "isas", "--json"}, {"GODWIT_ISA=generic"}).json();
  EXPECT_EQ(isas.at("isas").at(0).at("active"), "yes");
}

}  // namespace
}  // namespace godwit::tools
